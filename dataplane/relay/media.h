// RTP coming in: a burst is matched to streams, unprotected at once, then each packet is accounted for, kept,
// forwarded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/relay/state.h"

namespace penstock {

/// Keeps a packet of a track for retransmission, within the limit of all tracks together.
void keep(RelayState& s, TrackState& track, const CachedPacket& packet, uint16_t sequence, uint64_t now_ns);
/// The publisher's number carries nothing: to subscribers it leaves no gap.
void leaveOut(RelayState& s, const TrackState& track, uint16_t sequence);

class MediaBurst {
 public:
  /// Matches one packet to its stream. Returns how it ended, or nothing: it waits for finish().
  std::optional<Counter> add(RelayState& s, const Packet& packet, const FrameView& view);
  /// Unprotects what waits and forwards it; counts how each packet ended.
  void finish(RelayState& s, uint64_t now_ns);

 private:
  struct Item {
    const Packet* packet;
    uint32_t transport;
    uint16_t rtp_offset;
    IncomingStream stream;
    RtpView view;
  };
  std::array<Item, kBurstMax> items_;
  std::array<srtp::UnprotectJob, kBurstMax> jobs_;
  size_t count_ = 0;
};

}  // namespace penstock
