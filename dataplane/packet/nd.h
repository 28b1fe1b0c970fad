// Neighbour solicitation and advertisement (RFC 4861), the two messages of neighbour discovery a relay needs.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "dataplane/packet/arp.h"

namespace penstock {

struct NeighbourMessage {
  bool solicitation;         // else an advertisement
  bool duplicate_detection;  // solicitation from the unspecified address: answered to all nodes
  bool solicited, override;  // S and O flags of an advertisement
  Address source;            // of the IP packet
  Address target;
  std::optional<MacAddress> link_address;  // source (solicitation) or target (advertisement) link-layer option

  /// What can be learned from it.
  std::optional<Neighbour> neighbour() const;
};

/// Validates as RFC 4861 7.1.1 and 7.1.2 demand; `view` of kind kNeighbourDiscovery.
std::expected<NeighbourMessage, Counter> parseNeighbourDiscovery(const FrameView& view);

inline constexpr size_t kNdFrameMax = kEthernetSize + kVlanTagSize + kIpv6Size + 32;

/// Answers `solicitation` (which came from `requester_mac`) with "target is at `own_mac`". Returns the size, 0 if `out`
/// is too small.
size_t writeNeighbourAdvertisement(const NeighbourMessage& solicitation, const MacAddress& requester_mac,
                                   const MacAddress& own_mac, uint16_t vlan, std::span<uint8_t> out);

/// Tells all nodes, unasked, that `own.ip` is at `own.mac`, whatever they remember (RFC 4861 section 7.2.6).
size_t writeUnsolicitedAdvertisement(const Neighbour& own, uint16_t vlan, std::span<uint8_t> out);

/// Asks who has `target`: all listeners of its solicited-node group, or `known` only when that is being confirmed.
size_t writeNeighbourSolicitation(const Neighbour& own, const Address& target, const std::optional<MacAddress>& known,
                                  uint16_t vlan, std::span<uint8_t> out);

/// ff02::1 (RFC 4291 section 2.7.1).
inline constexpr Address kAllNodesGroup{.ip = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
/// ff02::1:ffXX:XXXX of an address (RFC 4291 section 2.7.1).
Address solicitedNode(const Address& address);
/// 33:33 and the last four bytes (RFC 2464 section 7).
MacAddress multicastMac(const Address& group);

}  // namespace penstock
