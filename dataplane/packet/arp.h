// ARP for IPv4 over Ethernet (RFC 826).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "dataplane/packet/address.h"
#include "dataplane/packet/parse.h"

namespace penstock {

/// Who is where, as a neighbour said it.
struct Neighbour {
  Address ip;  // port 0
  MacAddress mac;
};

struct ArpMessage {
  bool request;      // else a reply
  Neighbour sender;  // what can be learned
  Address target;    // whom it is about
  bool probe;        // RFC 5227: sender address 0.0.0.0; nothing can be learned
};

/// Only requests and replies; `view` of kind kArp.
std::expected<ArpMessage, Counter> parseArp(const FrameView& view);

/// Bytes of any ARP frame we send, with a tag.
inline constexpr size_t kArpFrameMax = kEthernetSize + kVlanTagSize + 28;

/// Writes "`own.ip` is at `own.mac`" to the sender of `request`. Returns the size, 0 if `out` is too small.
size_t writeArpReply(const ArpMessage& request, const Neighbour& own, uint16_t vlan, std::span<uint8_t> out);

/// Writes "who has `target`", to everybody, or to `known` only when that is being confirmed (RFC 1122 2.3.2.1).
size_t writeArpRequest(const Neighbour& own, const Address& target, const std::optional<MacAddress>& known,
                       uint16_t vlan, std::span<uint8_t> out);

/// Writes "`own.ip` is at `own.mac`" to everybody, unasked (RFC 5227 section 3).
size_t writeArpAnnouncement(const Neighbour& own, uint16_t vlan, std::span<uint8_t> out);

}  // namespace penstock
