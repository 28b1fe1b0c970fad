// ARP bodies: hardware 1 (Ethernet), protocol IPv4, lengths 6 and 4, then operation, sender, target.
#include "dataplane/packet/arp.h"

#include "dataplane/packet/build.h"

namespace penstock {
namespace {

constexpr size_t kArpSize = 28;
constexpr uint64_t kEthernetIpv4 = 0x0001'0800'0604;
constexpr uint16_t kRequest = 1;
constexpr uint16_t kReply = 2;

MacAddress macAt(const uint8_t* from) {
  MacAddress mac;
  std::memcpy(mac.bytes, from, 6);
  return mac;
}

size_t writeArp(uint16_t operation, const Neighbour& sender, const MacAddress& target_mac, const Address& target,
                const MacAddress& destination_mac, uint16_t vlan, std::span<uint8_t> out) {
  if (out.size() < kArpFrameMax) return 0;
  const size_t offset = writeEthernet(out.data(), sender.mac, destination_mac, vlan, kEtherTypeArp);
  uint8_t* arp = out.data() + offset;
  store64(arp, kEthernetIpv4 << 16 | operation);
  std::memcpy(arp + 8, sender.mac.bytes, 6);
  std::memcpy(arp + 14, v4Bytes(sender.ip), 4);
  std::memcpy(arp + 18, target_mac.bytes, 6);
  std::memcpy(arp + 24, v4Bytes(target), 4);
  return offset + kArpSize;
}

}  // namespace

std::expected<ArpMessage, Counter> parseArp(const FrameView& view) {
  const auto arp = view.payload;
  if (view.kind != FrameKind::kArp || arp.size() < kArpSize) return std::unexpected(Counter::arp_malformed);
  const uint16_t operation = load16(arp.data() + 6);
  if (load64(arp.data()) >> 16 != kEthernetIpv4 || (operation != kRequest && operation != kReply)) {
    return std::unexpected(Counter::arp_malformed);
  }
  ArpMessage message{};
  message.request = operation == kRequest;
  message.sender = {addressFromV4(arp.data() + 14), macAt(arp.data() + 8)};
  message.target = addressFromV4(arp.data() + 24);
  message.probe = isUnspecified(message.sender.ip);
  // Nobody lives at a group address; and a sender that is not the frame's is relayed or forged.
  if (message.sender.mac.isMulticast() || message.sender.mac != view.source_mac) {
    return std::unexpected(Counter::arp_malformed);
  }
  return message;
}

size_t writeArpReply(const ArpMessage& request, const Neighbour& own, uint16_t vlan, std::span<uint8_t> out) {
  return writeArp(kReply, own, request.sender.mac, request.sender.ip, request.sender.mac, vlan, out);
}

size_t writeArpRequest(const Neighbour& own, const Address& target, const std::optional<MacAddress>& known,
                       uint16_t vlan, std::span<uint8_t> out) {
  return writeArp(kRequest, own, known.value_or(MacAddress{}), target, known.value_or(kMacBroadcast), vlan, out);
}

size_t writeArpAnnouncement(const Neighbour& own, uint16_t vlan, std::span<uint8_t> out) {
  // RFC 5227 section 3: a request, as some hosts ignore replies they did not ask for, whose "sender and target IP
  // addresses are both set to the host's newly selected IPv4 address".
  return writeArp(kRequest, own, MacAddress{}, own.ip, kMacBroadcast, vlan, out);
}

}  // namespace penstock
