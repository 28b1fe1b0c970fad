// RTCP coming in: reports are taken into the statistics, requests are granted within their budgets. Nothing is passed
// on.
#pragma once

#include "dataplane/relay/state.h"

namespace penstock {

/// Unprotects and obeys one compound; says how the packet ended.
Counter takeRtcp(RelayState& s, const Packet& packet, const FrameView& frame, uint64_t now_ns);

}  // namespace penstock
