// Neighbour discovery messages: type, code, checksum, flags, target, then options of type, length in 8 bytes, value.
#include "dataplane/packet/nd.h"

#include "dataplane/packet/build.h"

namespace penstock {
namespace {

constexpr uint8_t kSolicitation = 135;
constexpr uint8_t kAdvertisement = 136;
constexpr size_t kMessageSize = 24;
constexpr size_t kLinkOptionSize = 8;
constexpr uint8_t kSourceLinkAddress = 1;
constexpr uint8_t kTargetLinkAddress = 2;
constexpr uint8_t kSolicitedFlag = 0x40;
constexpr uint8_t kOverrideFlag = 0x20;
constexpr uint8_t kHopLimit = 255;

bool isSolicitedNode(const Address& address) {
  static constexpr uint8_t kPrefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  return std::memcmp(address.ip, kPrefix, sizeof kPrefix) == 0;
}

/// RFC 4861 7.1: "All included options have a length that is greater than zero."
bool parseOptions(std::span<const uint8_t> options, NeighbourMessage& message) {
  const uint8_t wanted = message.solicitation ? kSourceLinkAddress : kTargetLinkAddress;
  while (!options.empty()) {
    if (options.size() < 8) return false;
    const size_t size = options[1] * 8u;
    if (size == 0 || size > options.size()) return false;
    if (options[0] == wanted && size == kLinkOptionSize) {
      message.link_address.emplace();
      std::memcpy(message.link_address->bytes, options.data() + 2, 6);
    }
    options = options.subspan(size);
  }
  return !message.link_address || !(message.link_address->isMulticast() || message.link_address->isZero());
}

bool valid(const NeighbourMessage& message, const Address& destination) {
  if (isMulticast(message.target) || isUnspecified(message.target) || isMulticast(message.source)) return false;
  if (!message.solicitation) {
    // RFC 4861 7.1.2: "If the IP Destination Address is a multicast address the Solicited flag is zero."
    return !isUnspecified(message.source) && !(isMulticast(destination) && message.solicited);
  }
  // RFC 4861 7.1.1: from the unspecified address, only to a solicited-node group, and without a source address option.
  return !message.duplicate_detection || (isSolicitedNode(destination) && !message.link_address);
}

size_t writeMessage(const HeaderFields& fields, uint8_t type, uint8_t flags, const Address& target,
                    std::optional<MacAddress> link_address, std::span<uint8_t> out) {
  if (out.size() < kNdFrameMax) return 0;
  const size_t size = kMessageSize + (link_address ? kLinkOptionSize : 0);
  size_t offset = writeEthernet(out.data(), fields.source_mac, fields.destination_mac, fields.vlan, kEtherTypeIpv6);
  offset += writeIp(out.data() + offset, fields, kProtocolIcmpv6, size);
  uint8_t* nd = out.data() + offset;
  std::memset(nd, 0, size);
  nd[0] = type;
  nd[4] = flags;
  std::memcpy(nd + 8, target.ip, 16);
  if (link_address) {
    nd[kMessageSize] = type == kSolicitation ? kSourceLinkAddress : kTargetLinkAddress;
    nd[kMessageSize + 1] = 1;
    std::memcpy(nd + kMessageSize + 2, link_address->bytes, 6);
  }
  const uint64_t sum = pseudoHeaderSum(fields.source, fields.destination, kProtocolIcmpv6, size);
  const auto checksum = static_cast<uint16_t>(~checksumFold(checksumAdd(sum, std::span(nd, size))));
  std::memcpy(nd + 2, &checksum, 2);
  return offset + size;
}

}  // namespace

std::optional<Neighbour> NeighbourMessage::neighbour() const {
  if (!link_address || duplicate_detection) return std::nullopt;
  return Neighbour{solicitation ? source : target, *link_address};
}

std::expected<NeighbourMessage, Counter> parseNeighbourDiscovery(const FrameView& view) {
  const auto nd = view.payload;
  const auto malformed = std::unexpected(Counter::nd_malformed);
  // RFC 4861 7.1: hop limit 255 proves that no router forwarded it; code 0; 24 bytes or more.
  if (view.kind != FrameKind::kNeighbourDiscovery || view.hop_limit != kHopLimit || nd.size() < kMessageSize ||
      nd[1] != 0) {
    return malformed;
  }
  const uint64_t sum = pseudoHeaderSum(view.source, view.destination, kProtocolIcmpv6, nd.size());
  if (checksumFold(checksumAdd(sum, nd)) != 0xffff) return malformed;
  NeighbourMessage message{};
  message.solicitation = nd[0] == kSolicitation;
  message.source = view.source;
  message.target = addressFromV6(nd.data() + 8);
  message.duplicate_detection = message.solicitation && isUnspecified(view.source);
  message.solicited = !message.solicitation && (nd[4] & kSolicitedFlag) != 0;
  message.override = !message.solicitation && (nd[4] & kOverrideFlag) != 0;
  if (isV4(message.target) || !parseOptions(nd.subspan(kMessageSize), message) || !valid(message, view.destination)) {
    return malformed;
  }
  return message;
}

size_t writeNeighbourAdvertisement(const NeighbourMessage& solicitation, const MacAddress& requester_mac,
                                   const MacAddress& own_mac, uint16_t vlan, std::span<uint8_t> out) {
  HeaderFields fields{own_mac, requester_mac, solicitation.target, solicitation.source, vlan, kHopLimit};
  uint8_t flags = kOverrideFlag;
  if (solicitation.duplicate_detection) {
    // RFC 4861 7.2.4: "If the source of the solicitation is the unspecified address, the node MUST set the Solicited
    // flag to zero and multicast the advertisement to the all-nodes address."
    fields.destination = kAllNodesGroup;
    fields.destination_mac = multicastMac(fields.destination);
  } else {
    flags |= kSolicitedFlag;
  }
  return writeMessage(fields, kAdvertisement, flags, solicitation.target, own_mac, out);
}

size_t writeUnsolicitedAdvertisement(const Neighbour& own, uint16_t vlan, std::span<uint8_t> out) {
  const HeaderFields fields{own.mac, multicastMac(kAllNodesGroup), own.ip, kAllNodesGroup, vlan, kHopLimit};
  return writeMessage(fields, kAdvertisement, kOverrideFlag, own.ip, own.mac, out);
}

size_t writeNeighbourSolicitation(const Neighbour& own, const Address& target, const std::optional<MacAddress>& known,
                                  uint16_t vlan, std::span<uint8_t> out) {
  const Address destination = known ? target : solicitedNode(target);
  const MacAddress mac = known ? *known : multicastMac(destination);
  const HeaderFields fields{own.mac, mac, own.ip, destination, vlan, kHopLimit};
  return writeMessage(fields, kSolicitation, 0, target, own.mac, out);
}

Address solicitedNode(const Address& address) {
  uint8_t ip[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::memcpy(ip + 13, address.ip + 13, 3);
  return addressFromV6(ip);
}

MacAddress multicastMac(const Address& group) {
  MacAddress mac{{0x33, 0x33, 0, 0, 0, 0}};
  std::memcpy(mac.bytes + 2, group.ip + 12, 4);
  return mac;
}

}  // namespace penstock
