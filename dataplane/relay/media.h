// What is done with a publisher's packet besides forwarding it. MediaBurst, implemented beside it, brings the packets.
#pragma once

#include <cstdint>

#include "dataplane/relay/state.h"

namespace penstock {

/// The publisher's number carries nothing: to subscribers it leaves no gap.
void leaveOut(RelayState& s, const TrackState& track, uint8_t encoding, uint16_t sequence);

}  // namespace penstock
