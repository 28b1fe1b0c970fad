// See restart.h.
#include "dataplane/relay/restart.h"

#include "dataplane/relay/requests.h"
#include "dataplane/relay/steer.h"

namespace penstock {

void beginAgain(RelayState& s, TrackState& track, uint8_t index, KeyFrame key_frame) {
  EncodingState& encoding = track.encoding[index];
  encoding.nacks.reset();
  encoding.key_frame_timestamp.reset();
  encoding.key_frame_sequence.reset();
  encoding.clock.reset();
  encoding.dependencies = {};
  if (index < track.caches.size()) {  // the same numbers will be those of other packets
    track.caches[index].clear([&](CachedPacket cached) {
      s.io.release(std::span(&cached.packet, 1));
      --s.cached_packets;
    });
  }
  for (const uint32_t subscriber : track.subscriptions) {
    SubscriptionState& subscription = s.subscriptions[subscriber];
    if (subscription.shown != index) continue;
    subscription.shown = SubscriptionState::kOtherTrack;
    subscription.sequence.changeTrack();
    subscription.layers.restart();
    subscription.awaiting_ns = SubscriptionState::kSoon;
    if (key_frame == KeyFrame::kHasBegun) subscription.layers.waitNoLonger();
  }
}

void restartStream(RelayState& s, uint32_t index, uint8_t encoding, KeyFrame key_frame, uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  s.count(Counter::streams_restarted);
  beginAgain(s, track, encoding, key_frame);
  tellFanOut(s, index, [&](auto reference, auto&& tell) {
    tell(handover::Restarted{reference, encoding, key_frame == KeyFrame::kHasBegun});
  });
  // Who waits for one asks by itself when something else comes.
  if (key_frame == KeyFrame::kHasBegun && track.wanted()) requestKeyFrame(s, index, encoding, now_ns);
}

}  // namespace penstock
