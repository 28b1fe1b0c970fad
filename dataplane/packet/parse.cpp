// Ethernet, 802.1Q, IPv4, IPv6, UDP, front to back. Every length is checked against the bytes that are there.
#include "dataplane/packet/parse.h"

#include "dataplane/packet/build.h"

namespace penstock {
namespace {

constexpr uint8_t kIcmpEchoRequest = 8;
constexpr uint8_t kIcmpv6EchoRequest = 128;
constexpr uint8_t kIcmpv6ListenerQuery = 130;
constexpr uint8_t kIcmpv6NeighbourSolicitation = 135;
constexpr uint8_t kIcmpv6NeighbourAdvertisement = 136;
constexpr uint8_t kIpv6HopByHop = 0;
constexpr uint8_t kIpv6Fragment = 44;
constexpr uint8_t kOptionPad1 = 0;
constexpr uint8_t kOptionRouterAlert = 5;
constexpr uint16_t kIpv4MoreFragmentsAndOffset = 0x3fff;

/// Each step fills the view in place and says what is wrong, or this: the view is not copied on its way up.
constexpr Counter kGood = Counter::count_;

/// `view.payload` is the UDP header and what follows; narrows it to the datagram.
Counter parseUdp(FrameView& view) {
  const auto udp = view.payload;
  if (udp.size() < kUdpSize) return Counter::udp_malformed;
  const size_t length = load16(udp.data() + 4);
  // Shorter than the IP payload is legal (RFC 768); what lies behind is not part of the datagram.
  if (length < kUdpSize || length > udp.size()) return Counter::udp_malformed;
  std::memcpy(&view.source.port_be, udp.data(), 2);
  std::memcpy(&view.destination.port_be, udp.data() + 2, 2);
  view.kind = FrameKind::kUdp;
  view.payload = udp.subspan(kUdpSize, length - kUdpSize);
  view.payload_offset = static_cast<uint16_t>(view.payload_offset + kUdpSize);
  return kGood;
}

Counter parseIcmp(FrameView& view) {
  if (view.payload.size() < 8) return Counter::ip_malformed;
  const uint8_t type = view.payload[0];
  if (type == (view.family == Family::kIpv4 ? kIcmpEchoRequest : kIcmpv6EchoRequest)) {
    view.kind = FrameKind::kEchoRequest;
    return kGood;
  }
  if (view.family == Family::kIpv6 && (type == kIcmpv6NeighbourSolicitation || type == kIcmpv6NeighbourAdvertisement)) {
    view.kind = FrameKind::kNeighbourDiscovery;
    return kGood;
  }
  return Counter::icmp_unhandled;
}

/// RFC 2711 section 2.1: type 5, length 2. Options that do not fit hide it.
bool hasRouterAlert(std::span<const uint8_t> options) {
  while (!options.empty()) {
    if (options[0] == kOptionPad1) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options.size() < 2u + options[1]) return false;
    if (options[0] == kOptionRouterAlert && options[1] == 2) return true;
    options = options.subspan(2u + options[1]);
  }
  return false;
}

/// The one extension header with a place before something we take: a listener query's (RFC 3810 section 5).
Counter parseHopByHop(FrameView& view) {
  const auto header = view.payload;
  if (header.size() < 8) return Counter::ip_malformed;
  const size_t size = (header[1] + 1u) * 8;
  if (size > header.size()) return Counter::ip_malformed;
  if (header[0] != kProtocolIcmpv6 || !hasRouterAlert(header.subspan(2, size - 2))) return Counter::ip_protocol_unknown;
  view.payload = header.subspan(size);
  view.payload_offset = static_cast<uint16_t>(view.payload_offset + size);
  if (view.payload.size() < 8) return Counter::ip_malformed;
  if (view.payload[0] != kIcmpv6ListenerQuery) return Counter::icmp_unhandled;
  view.kind = FrameKind::kListenerQuery;
  return kGood;
}

Counter parseIpv4(std::span<const uint8_t> ip, FrameView& view) {
  if (ip.size() < kIpv4Size) return Counter::frame_truncated;
  const size_t header_size = (ip[0] & 0x0fu) * 4;
  const size_t total_length = load16(ip.data() + 2);
  if (ip[0] >> 4 != 4 || header_size < kIpv4Size || total_length < header_size) return Counter::ip_malformed;
  if (total_length > ip.size()) return Counter::frame_truncated;
  // RFC 1071 section 1: the sum over a right header, checksum included, is all ones.
  if (checksumFold(checksumAdd(0, ip.first(header_size))) != 0xffff) return Counter::ip_checksum_bad;
  if ((load16(ip.data() + 6) & kIpv4MoreFragmentsAndOffset) != 0) return Counter::ip_fragment;

  view.family = Family::kIpv4;
  view.hop_limit = ip[8];
  view.traffic_class = ip[1];
  view.source = addressFromV4(ip.data() + 12);
  view.destination = addressFromV4(ip.data() + 16);
  view.payload = ip.subspan(header_size, total_length - header_size);  // without Ethernet's padding
  view.payload_offset = static_cast<uint16_t>(view.ip_offset + header_size);
  if (ip[9] == kProtocolUdp) return parseUdp(view);
  if (ip[9] == kProtocolIcmp) return parseIcmp(view);
  return Counter::ip_protocol_unknown;
}

Counter parseIpv6(std::span<const uint8_t> ip, FrameView& view) {
  if (ip.size() < kIpv6Size) return Counter::frame_truncated;
  if (ip[0] >> 4 != 6) return Counter::ip_malformed;
  const size_t payload_length = load16(ip.data() + 4);
  if (payload_length > ip.size() - kIpv6Size) return Counter::frame_truncated;

  view.family = Family::kIpv6;
  view.hop_limit = ip[7];
  view.traffic_class = static_cast<uint8_t>(load16(ip.data()) >> 4);
  view.source = addressFromV6(ip.data() + 8);
  view.destination = addressFromV6(ip.data() + 24);
  // RFC 4291 section 2.5.5.2 makes ::ffff:0:0/96 a notation, not something to send: on the wire it would pass for IPv4.
  if (isV4(view.source) || isV4(view.destination)) return Counter::ip_malformed;
  view.payload = ip.subspan(kIpv6Size, payload_length);
  view.payload_offset = static_cast<uint16_t>(view.ip_offset + kIpv6Size);
  if (ip[6] == kProtocolUdp) return parseUdp(view);
  if (ip[6] == kProtocolIcmpv6) return parseIcmp(view);
  if (ip[6] == kIpv6HopByHop) return parseHopByHop(view);
  // Other extension headers have no place before media or neighbour discovery (RFC 6980 even forbids fragments there).
  return ip[6] == kIpv6Fragment ? Counter::ip_fragment : Counter::ip_protocol_unknown;
}

Counter parseEthernet(std::span<const uint8_t> frame, FrameView& view) {
  if (frame.size() < kEthernetSize) return Counter::frame_truncated;
  // Offsets have 16 bits; no port gives us frames that long.
  if (frame.size() > 0xffff) return Counter::datagram_too_long;
  std::memcpy(view.destination_mac.bytes, frame.data(), 6);
  std::memcpy(view.source_mac.bytes, frame.data() + 6, 6);
  size_t offset = kEthernetSize;
  uint16_t type = load16(frame.data() + 12);
  if (type == kEtherTypeVlan) {
    if (frame.size() < offset + kVlanTagSize) return Counter::frame_truncated;
    view.vlan = load16(frame.data() + offset) & 0x0fff;
    type = load16(frame.data() + offset + 2);
    offset += kVlanTagSize;
  }
  view.ip_offset = static_cast<uint16_t>(offset);
  if (type == kEtherTypeIpv4) return parseIpv4(frame.subspan(offset), view);
  if (type == kEtherTypeIpv6) return parseIpv6(frame.subspan(offset), view);
  if (type != kEtherTypeArp) return Counter::frame_type_unknown;
  view.kind = FrameKind::kArp;
  view.family = Family::kIpv4;
  view.payload = frame.subspan(offset);
  view.payload_offset = static_cast<uint16_t>(offset);
  return kGood;
}

}  // namespace

std::expected<FrameView, Counter> parseFrame(std::span<const uint8_t> frame) {
  std::expected<FrameView, Counter> result;
  if (const Counter refusal = parseEthernet(frame, *result); refusal != kGood) result = std::unexpected(refusal);
  return result;
}

bool udpChecksumGood(std::span<const uint8_t> frame, const FrameView& view) {
  const auto udp = frame.subspan(view.payload_offset - kUdpSize, view.payload.size() + kUdpSize);
  uint16_t sent;
  std::memcpy(&sent, udp.data() + 6, 2);
  // RFC 768: zero means that none was made. RFC 8200 section 8.1: IPv6 receivers must discard such packets.
  if (sent == 0) return view.family == Family::kIpv4;
  const uint64_t sum = pseudoHeaderSum(view.source, view.destination, kProtocolUdp, udp.size());
  return checksumFold(checksumAdd(sum, udp)) == 0xffff;
}

}  // namespace penstock
