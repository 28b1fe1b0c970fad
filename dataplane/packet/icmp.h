// ICMP and ICMPv6 echo (RFC 792, RFC 4443): an operator's first question is whether the relay answers a ping.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "dataplane/packet/parse.h"

namespace penstock {

/// Writes the answer to `request` (of kind kEchoRequest) into `out` and returns its size. `own` is the unicast address
/// it comes from; the request's destination may have been a group.
std::expected<size_t, Counter> writeEchoReply(const FrameView& request, const MacAddress& own_mac, const Address& own,
                                              std::span<uint8_t> out);

}  // namespace penstock
