// An Ethernet frame taken apart down to the UDP payload, or the name of what is wrong with it.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "dataplane/contract/counters.h"
#include "dataplane/packet/address.h"

namespace penstock {

using contract::Counter;

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr size_t kEthernetSize = 14;
inline constexpr size_t kVlanTagSize = 4;
inline constexpr size_t kIpv4Size = 20;
inline constexpr size_t kIpv6Size = 40;
inline constexpr size_t kUdpSize = 8;
/// Frames without a tag, and priority-tagged ones (802.1Q: VLAN ID 0 means "no VLAN").
inline constexpr uint16_t kNoVlan = 0;

enum class FrameKind : uint8_t {
  kUdp,                 // payload: the datagram
  kArp,                 // payload: the ARP body; see arp.h
  kNeighbourDiscovery,  // payload: the ICMPv6 message, a solicitation or advertisement; see nd.h
  kListenerQuery,       // payload: the ICMPv6 message; see mld.h
  kEchoRequest,         // payload: the ICMP or ICMPv6 message; see icmp.h
};

/// Views into a frame; valid as long as its bytes are.
struct FrameView {
  std::span<const uint8_t> payload;
  Address source, destination;  // ARP: zero; ICMP: port 0
  MacAddress source_mac, destination_mac;
  uint16_t vlan;            // 802.1Q VLAN ID, or kNoVlan
  uint16_t payload_offset;  // of `payload` in the frame
  uint16_t ip_offset;       // of the IP header in the frame
  FrameKind kind;
  Family family;
  uint8_t hop_limit;      // or TTL
  uint8_t traffic_class;  // DSCP << 2 | ECN
};

/// Checks every length, the IPv4 header checksum, and refuses fragments, stacked tags and IPv6 extension headers (but
/// for the Router Alert of a listener query). Whose MAC, VLAN, address and port these are is the caller's question. The
/// UDP checksum is the port's, or udpChecksumGood's.
std::expected<FrameView, Counter> parseFrame(std::span<const uint8_t> frame);

/// For ports that do not verify. `view` must be of kind kUdp and `frame` what it was parsed from.
bool udpChecksumGood(std::span<const uint8_t> frame, const FrameView& view);

}  // namespace penstock
