// A stream that begins again, under its SSRC or another one: its sequence numbers and timestamps are others from now
// on, those of its subscribers go on.
#pragma once

#include <cstdint>

#include "dataplane/relay/state.h"

namespace penstock {

/// Whether subscribers wait for a key frame, where the codec has them.
enum class KeyFrame : bool {
  kComesWhole,  // nothing of what comes was spent on the proof that the stream began again
  kHasBegun,    // its first packet may have been: the rest is worth more than nothing
};

/// Of a track of this worker's; the other workers are told.
void restartStream(RelayState& s, uint32_t track, uint8_t encoding, KeyFrame key_frame, uint64_t now_ns);

/// What this worker holds of it.
void beginAgain(RelayState& s, TrackState& track, uint8_t encoding, KeyFrame key_frame);

}  // namespace penstock
