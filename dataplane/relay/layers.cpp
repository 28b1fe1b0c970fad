#include "dataplane/relay/layers.h"

#include <algorithm>

#include "dataplane/relay/requests.h"

namespace penstock {

namespace {

struct Size {
  uint32_t width, height;
  uint32_t pixels() const { return width * height; }
};

/// As its key frames or descriptors say. Until then: as if each were twice the one before, the order in which browsers
/// name encodings.
Size sizeOf(const TrackState& track, uint8_t encoding, uint8_t spatial) {
  const codec::PictureSize size = track.encoding[encoding].activity.size(spatial);
  if (size.width != 0) return {size.width, size.height};
  return {320u << (encoding + spatial), 180u << (encoding + spatial)};
}

/// Either way round, as a telephone is turned; with one limit only there is no other way.
bool fits(const Size& size, const contract::SubscriptionRow& row) {
  const auto within = [](uint32_t value, uint32_t limit) { return limit == 0 || value <= limit; };
  const bool turned = row.width_max != 0 && row.height_max != 0;
  return (within(size.width, row.width_max) && within(size.height, row.height_max)) ||
         (turned && within(size.height, row.width_max) && within(size.width, row.height_max));
}

struct Choice {
  uint8_t encoding, spatial;
};

/// The largest that fits of those that are sent; if none does, the smallest.
Choice chooseSpatial(const TrackState& track, const contract::SubscriptionRow& row, uint8_t present) {
  std::optional<Choice> best, smallest;
  const auto pixels = [&](const Choice& c) { return sizeOf(track, c.encoding, c.spatial).pixels(); };
  for (uint8_t e = 0; e < track.row.encoding_count; ++e) {
    const stream::EncodingActivity& activity = track.encoding[e].activity;
    if (!activity.live()) continue;
    for (uint8_t layer = 0; layer < activity.spatialCount(); ++layer) {
      const Choice choice{e, layer};
      if (!smallest || pixels(choice) < pixels(*smallest)) smallest = choice;
      if (fits(sizeOf(track, e, layer), row) && (!best || pixels(choice) > pixels(*best))) best = choice;
    }
  }
  return best ? *best : smallest.value_or(Choice{present, 0});
}

uint8_t chooseTemporal(const TrackState& track, const contract::SubscriptionRow& row, uint8_t encoding) {
  if (row.frame_rate_max == 0) return stream::kAllLayers;
  return track.encoding[encoding].activity.temporalWithin(row.frame_rate_max);
}

/// The offset under which time goes on when another encoding follows, by the sender reports of both.
std::optional<uint32_t> offsetOf(const RelayState& s, const TrackState& track, uint8_t from, uint8_t to,
                                 uint32_t offset, uint64_t now_ns) {
  const stream::ClockMapping& mapping = s.transports[track.row.transport.index].clock;
  const auto before = track.encoding[from].clock.timestampAt(now_ns, mapping);
  const auto after = track.encoding[to].clock.timestampAt(now_ns, mapping);
  if (!before || !after) return std::nullopt;
  return offset + *before - *after;
}

/// Numbers go on with the first packet of another encoding or track, or after a pause.
void beginEncoding(RelayState& s, uint32_t index, const Forwarder::Published& published, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  const TrackState& track = s.tracks[subscription.row.track.index];
  stream::NumberOffsets offsets = subscription.sequence.offsets();
  const uint8_t before = subscription.shown, now = published.encoding;
  subscription.awaiting_ns = SubscriptionState::kNot;
  if (before != contract::kNoEncoding && before != now) {
    const bool same_clock = before != SubscriptionState::kOtherTrack;
    subscription.timestamp.switchSource(
        same_clock ? offsetOf(s, track, before, now, subscription.timestamp.offset(), now_ns) : std::nullopt);
    subscription.timestamp.map(published.view.timestamp, now_ns);
    offsets.timestamp = subscription.timestamp.offset();
    s.flows.subscription[index].timestamp_offset = offsets.timestamp;
  }
  offsets.layers = subscription.layers.outgoing();
  subscription.pictures.begin(published.frame, offsets);
  subscription.sequence.setOffsets(offsets);
  subscription.sequence.switchSource(now);
  subscription.shown = now;
  s.reports.subscription[index].encoding = now;
}

/// So long a key frame of another track is awaited, asked for again and again, before anything is taken.
constexpr uint64_t kAwaitKeyFrameNs = 3 * stream::kNsPerSecond;

void noteAwaiting(SubscriptionState& subscription, uint64_t now_ns) {
  if (subscription.awaiting_ns == SubscriptionState::kSoon) subscription.awaiting_ns = now_ns;
  if (now_ns > subscription.awaiting_ns && now_ns - subscription.awaiting_ns > kAwaitKeyFrameNs)
    subscription.layers.waitNoLonger();
}

}  // namespace

bool takeVerdict(RelayState& s, uint32_t index, stream::LayerSelector::Verdict verdict,
                 const Forwarder::Published& published, uint64_t now_ns) {
  using enum stream::LayerSelector::Verdict;
  SubscriptionState& subscription = s.subscriptions[index];
  if (verdict == kBegin) beginEncoding(s, index, published, now_ns);
  stream::NumberOffsets offsets = subscription.sequence.offsets();
  if (verdict == kChange) {
    offsets.layers = subscription.layers.outgoing();
    subscription.sequence.setOffsets(offsets);
    subscription.sequence.applyOffsets(published.view.sequence);
  }
  if (verdict == kLeaveOut) {
    if (subscription.pictures.leaveOut(published.frame, offsets)) subscription.sequence.setOffsets(offsets);
    subscription.sequence.leaveOut(published.view.sequence);
  }
  // It comes, but no key frame of it did: the one asked for was lost, or never made.
  const bool awaited = verdict == kOther && published.encoding == subscription.layers.target();
  if (awaited) noteAwaiting(subscription, now_ns);
  if (awaited || (verdict != kOther && subscription.layers.asks())) {
    requestKeyFrame(s, subscription.row.track.index, published.encoding, now_ns);
  }
  return verdict != kOther && verdict != kLeaveOut;
}

void aim(RelayState& s, uint32_t index, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  if (!subscription.hasTrack()) return;
  const TrackState& track = s.tracks[subscription.row.track.index];
  if (!track.isVideo()) return;
  const uint8_t before = subscription.layers.target();
  const auto [encoding, spatial] = chooseSpatial(track, subscription.row, before);
  const bool layered = track.encoding[encoding].activity.spatialCount() > 1;
  subscription.layers.aim(encoding,
                          {.spatial = layered ? spatial : stream::kAllLayers,
                           .temporal = chooseTemporal(track, subscription.row, encoding)},
                          !track.isSimulcast());
  if (encoding != before && !subscription.paused()) {
    requestKeyFrame(s, subscription.row.track.index, encoding, now_ns);
  }
}

void noteFrame(RelayState& s, uint32_t index, uint8_t encoding, const RtpView& view, codec::FrameInfo& frame,
               uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  auto [picture_start, changed] = track.encoding[encoding].activity.onPacket(frame, view.timestamp, now_ns);
  frame.picture_start = picture_start;
  if (picture_start) track.encoding[encoding].onPicture(frame.begins_key_frame, view.sequence);
  if (track.isSimulcast() && picture_start) {
    for (uint8_t e = 0; e < track.row.encoding_count; ++e) {
      stream::EncodingActivity& other = track.encoding[e].activity;
      if (e == encoding || !other.live()) continue;
      other.onOther();
      changed |= !other.live();
    }
  }
  if (!changed) return;
  for (const uint32_t subscription : track.subscriptions) aim(s, subscription, now_ns);
}

}  // namespace penstock
