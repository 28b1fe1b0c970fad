// The packets kept for retransmission, of all tracks of a worker together: a limit for all, and shares. While there is
// room everybody has as much as a cache holds; then whoever has most gives up the oldest packet for each new one, so
// that a publisher who sends much cannot take from the others what they need.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/relay/state.h"

namespace penstock {

/// Keeps a packet of a track.
void keep(RelayState& s, TrackState& track, uint8_t encoding, const CachedPacket& packet, uint16_t sequence,
          uint64_t now_ns);
/// Gives back what is too old, of at most `places` places of each encoding's cache.
void expireCaches(RelayState& s, TrackState& track, size_t places, uint64_t now_ns);
/// Gives back everything. Before the track leaves its transport.
void clearCaches(RelayState& s, TrackState& track);

}  // namespace penstock
