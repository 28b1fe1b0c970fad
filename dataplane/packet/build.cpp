// Header templates.
#include "dataplane/packet/build.h"

namespace penstock {
namespace {

/// A 16-bit number as one word of a sum in memory order.
uint64_t sumOf(uint16_t value) {
  return toBigEndian(value);
}

constexpr uint16_t kDontFragment = 0x4000;

/// Copies of a size known to the compiler are a few moves.
void copyHeader(uint8_t* to, const uint8_t* from, size_t size) {
  switch (size) {
    case headerSize(Family::kIpv4, false):
      std::memcpy(to, from, headerSize(Family::kIpv4, false));
      break;
    case headerSize(Family::kIpv4, true):
      std::memcpy(to, from, headerSize(Family::kIpv4, true));
      break;
    case headerSize(Family::kIpv6, false):
      std::memcpy(to, from, headerSize(Family::kIpv6, false));
      break;
    default:
      std::memcpy(to, from, headerSize(Family::kIpv6, true));
  }
}

}  // namespace

uint64_t pseudoHeaderSum(const Address& source, const Address& destination, uint8_t protocol, size_t length) {
  const size_t from = isV4(source) ? 12 : 0;
  uint64_t sum = sumOf(protocol) + sumOf(static_cast<uint16_t>(length)) + sumOf(static_cast<uint16_t>(length >> 16));
  sum = checksumAdd(sum, std::span(source.ip).subspan(from));
  return checksumAdd(sum, std::span(destination.ip).subspan(from));
}

size_t writeEthernet(uint8_t* to, const MacAddress& source, const MacAddress& destination, uint16_t vlan,
                     uint16_t ether_type) {
  std::memcpy(to, destination.bytes, 6);
  std::memcpy(to + 6, source.bytes, 6);
  size_t offset = 12;
  if (vlan != kNoVlan) {
    store16(to + 12, kEtherTypeVlan);
    store16(to + 14, vlan);
    offset = 16;
  }
  store16(to + offset, ether_type);
  return offset + 2;
}

size_t writeIp(uint8_t* to, const HeaderFields& fields, uint8_t protocol, size_t payload_size) {
  if (!isV4(fields.source)) {
    store32(to, 6u << 28 | static_cast<uint32_t>(fields.dscp) << 22);
    store16(to + 4, static_cast<uint16_t>(payload_size));
    to[6] = protocol;
    to[7] = fields.hop_limit;
    std::memcpy(to + 8, fields.source.ip, 16);
    std::memcpy(to + 24, fields.destination.ip, 16);
    return kIpv6Size;
  }
  to[0] = 0x45;
  to[1] = static_cast<uint8_t>(fields.dscp << 2);
  store16(to + 2, static_cast<uint16_t>(kIpv4Size + payload_size));
  // RFC 6864 section 4.1: with "don't fragment" the identification may be anything.
  store16(to + 4, 0);
  store16(to + 6, kDontFragment);
  to[8] = fields.hop_limit;
  to[9] = protocol;
  store16(to + 10, 0);
  std::memcpy(to + 12, v4Bytes(fields.source), 4);
  std::memcpy(to + 16, v4Bytes(fields.destination), 4);
  const auto checksum = static_cast<uint16_t>(~checksumFold(checksumAdd(0, std::span(to, kIpv4Size))));
  std::memcpy(to + 10, &checksum, 2);
  return kIpv4Size;
}

HeaderTemplate::HeaderTemplate(const HeaderFields& fields, UdpChecksum udp_checksum)
    : family_(familyOf(fields.source)), udp_checksum_(udp_checksum) {
  const uint16_t ether_type = family_ == Family::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  uint8_t* to = bytes_.data();
  ip_offset_ =
      static_cast<uint8_t>(writeEthernet(to, fields.source_mac, fields.destination_mac, fields.vlan, ether_type));
  uint8_t* ip = to + ip_offset_;
  uint8_t* udp = ip + writeIp(ip, fields, kProtocolUdp, 0);
  size_ = static_cast<uint8_t>(udp - to + static_cast<ptrdiff_t>(kUdpSize));
  std::memcpy(udp, &fields.source.port_be, 2);
  std::memcpy(udp + 2, &fields.destination.port_be, 2);

  pseudo_sum_ = checksumFold(pseudoHeaderSum(fields.source, fields.destination, kProtocolUdp, 0));
  port_sum_ = uint32_t{fields.source.port_be} + fields.destination.port_be;
  if (family_ == Family::kIpv4) {
    std::memset(ip + 2, 0, 2);
    std::memset(ip + 10, 0, 2);
    ip_sum_ = checksumFold(checksumAdd(0, std::span(ip, kIpv4Size)));
  }
}

void HeaderTemplate::stamp(uint8_t* to, size_t payload_size) const {
  copyHeader(to, bytes_.data(), size_);
  uint8_t* ip = to + ip_offset_;
  uint8_t* udp = to + size_ - kUdpSize;
  const auto udp_length = static_cast<uint16_t>(kUdpSize + payload_size);
  if (family_ == Family::kIpv4) {
    const uint16_t total_be = toBigEndian(static_cast<uint16_t>(kIpv4Size + udp_length));
    const auto checksum = static_cast<uint16_t>(~checksumFold(uint64_t{ip_sum_} + total_be));
    std::memcpy(ip + 2, &total_be, 2);
    std::memcpy(ip + 10, &checksum, 2);
  } else {
    store16(ip + 4, udp_length);
  }
  const uint16_t length_be = toBigEndian(udp_length);
  std::memcpy(udp + 4, &length_be, 2);
  uint64_t sum = uint64_t{pseudo_sum_} + length_be;
  uint16_t checksum;
  if (udp_checksum_ == UdpChecksum::kPseudoHeader) {
    checksum = checksumFold(sum);
  } else {
    sum += uint64_t{port_sum_} + length_be;
    checksum = static_cast<uint16_t>(~checksumFold(checksumAdd(sum, std::span(udp + kUdpSize, payload_size))));
    // RFC 768: "If the computed checksum is zero, it is transmitted as all ones": zero would mean none.
    if (checksum == 0) checksum = 0xffff;
  }
  std::memcpy(udp + 6, &checksum, 2);
}

}  // namespace penstock
