// Ethernet, IP and UDP headers written in front of a payload: prepared once per destination, stamped per packet.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/packet/address.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/parse.h"

namespace penstock {

constexpr size_t headerSize(Family family, bool vlan) {
  return kEthernetSize + (vlan ? kVlanTagSize : 0) + (family == Family::kIpv4 ? kIpv4Size : kIpv6Size) + kUdpSize;
}
/// The longest of them: what a packet buffer keeps free in front of its payload.
inline constexpr size_t kHeaderSizeMax = headerSize(Family::kIpv6, true);

enum class UdpChecksum : uint8_t {
  kSoftware,      // complete
  kPseudoHeader,  // sum of the pseudo header, as ports that insert the checksum want to find it
};

struct HeaderFields {
  MacAddress source_mac;
  MacAddress destination_mac;
  Address source;  // same family as destination
  Address destination;
  uint16_t vlan = kNoVlan;
  uint8_t hop_limit = 64;
  uint8_t dscp = 0;
};

/// Headers to one destination with everything filled in that does not depend on the payload.
class HeaderTemplate {
 public:
  HeaderTemplate() = default;
  HeaderTemplate(const HeaderFields& fields, UdpChecksum udp_checksum);

  size_t size() const { return size_; }
  Family family() const { return family_; }
  bool empty() const { return size_ == 0; }
  size_t ipOffset() const { return ip_offset_; }

  /// Writes size() bytes at `to`; the payload follows there already, at to + size(). It must fit an IP packet.
  void stamp(uint8_t* to, size_t payload_size) const;

 private:
  std::array<uint8_t, kHeaderSizeMax> bytes_{};
  uint32_t ip_sum_ = 0;      // IPv4 header without length
  uint32_t pseudo_sum_ = 0;  // UDP pseudo header and ports, without lengths
  uint32_t port_sum_ = 0;    // the ports' share of it
  uint8_t size_ = 0;
  uint8_t ip_offset_ = 0;
  Family family_ = Family::kIpv4;
  UdpChecksum udp_checksum_ = UdpChecksum::kSoftware;
};

/// Ethernet header, with a tag unless `vlan` is kNoVlan. Returns its size.
size_t writeEthernet(uint8_t* to, const MacAddress& source, const MacAddress& destination, uint16_t vlan,
                     uint16_t ether_type);

/// IP header for any protocol (ICMP answers). Returns its size.
size_t writeIp(uint8_t* to, const HeaderFields& fields, uint8_t protocol, size_t payload_size);

/// Sum of the IPv6 pseudo header (RFC 8200 section 8.1), or the IPv4 one.
uint64_t pseudoHeaderSum(const Address& source, const Address& destination, uint8_t protocol, size_t length);

}  // namespace penstock
