#include "dataplane/relay/layers.h"

#include <algorithm>

#include "dataplane/relay/requests.h"

namespace penstock {

namespace {

struct Size {
  uint32_t width, height;
  uint32_t pixels() const { return width * height; }
};

/// As its key frames say. Until then, and of codecs that are not looked into: as if each were twice the one before, the
/// order in which browsers name them.
Size sizeOf(const TrackState& track, uint8_t encoding) {
  const stream::EncodingActivity& activity = track.encoding[encoding].activity;
  if (activity.width() != 0) return {activity.width(), activity.height()};
  return {320u << encoding, 180u << encoding};
}

/// Either way round, as a telephone is turned; with one limit only there is no other way.
bool fits(const Size& size, const contract::SubscriptionRow& row) {
  const auto within = [](uint32_t value, uint32_t limit) { return limit == 0 || value <= limit; };
  const bool turned = row.width_max != 0 && row.height_max != 0;
  return (within(size.width, row.width_max) && within(size.height, row.height_max)) ||
         (turned && within(size.height, row.width_max) && within(size.width, row.height_max));
}

/// The largest that fits of those that send; if none does, the smallest.
uint8_t chooseEncoding(const TrackState& track, const contract::SubscriptionRow& row, uint8_t present) {
  std::optional<uint8_t> best, smallest;
  const auto pixels = [&](uint8_t encoding) { return sizeOf(track, encoding).pixels(); };
  for (uint8_t e = 0; e < track.row.encoding_count; ++e) {
    if (!track.encoding[e].activity.live()) continue;
    if (!smallest || pixels(e) < pixels(*smallest)) smallest = e;
    if (fits(sizeOf(track, e), row) && (!best || pixels(e) > pixels(*best))) best = e;
  }
  return best ? *best : smallest.value_or(present);
}

uint8_t chooseTemporal(const TrackState& track, const contract::SubscriptionRow& row, uint8_t encoding) {
  if (row.frame_rate_max == 0) return stream::LayerSelector::kAllTemporal;
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

/// Numbers go on with the first packet of another encoding, or after a pause.
void beginEncoding(RelayState& s, uint32_t index, const Forwarder::Published& published, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  const TrackState& track = s.tracks[subscription.row.track.index];
  stream::NumberOffsets offsets = subscription.sequence.offsets();
  const uint8_t before = subscription.shown, now = published.encoding;
  if (before != contract::kNoEncoding && before != now) {
    subscription.timestamp.switchSource(offsetOf(s, track, before, now, subscription.timestamp.offset(), now_ns));
    subscription.timestamp.map(published.view.timestamp, now_ns);
    offsets.timestamp = subscription.timestamp.offset();
    s.flows.subscription[index].timestamp_offset = offsets.timestamp;
  }
  if (published.frame.vp8) subscription.pictures.begin(*published.frame.vp8, offsets);
  subscription.sequence.setOffsets(offsets);
  subscription.sequence.switchSource(now);
  subscription.shown = now;
  s.reports.subscription[index].encoding = now;
}

}  // namespace

bool takeVerdict(RelayState& s, uint32_t index, stream::LayerSelector::Verdict verdict,
                 const Forwarder::Published& published, uint64_t now_ns) {
  using enum stream::LayerSelector::Verdict;
  SubscriptionState& subscription = s.subscriptions[index];
  if (verdict == kBegin) beginEncoding(s, index, published, now_ns);
  // It comes, but no key frame of it did: the one asked for was lost, or never made.
  if (verdict == kOther && published.encoding == subscription.layers.target()) {
    requestKeyFrame(s, subscription.row.track.index, published.encoding, now_ns);
  }
  if (verdict == kLeaveOut) {
    stream::NumberOffsets offsets = subscription.sequence.offsets();
    if (published.frame.vp8 && subscription.pictures.leaveOut(*published.frame.vp8, offsets)) {
      subscription.sequence.setOffsets(offsets);
    }
    subscription.sequence.leaveOut(published.view.sequence);
  }
  return verdict == kForward || verdict == kBegin;
}

void aim(RelayState& s, uint32_t index, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  const TrackState& track = s.tracks[subscription.row.track.index];
  if (!track.isVideo()) return;
  const uint8_t before = subscription.layers.target();
  const uint8_t encoding = track.isSimulcast() ? chooseEncoding(track, subscription.row, before) : 0;
  subscription.layers.aim(encoding, chooseTemporal(track, subscription.row, encoding), !track.isSimulcast());
  if (encoding != before && !subscription.paused()) {
    requestKeyFrame(s, subscription.row.track.index, encoding, now_ns);
  }
}

void noteFrame(RelayState& s, uint32_t index, uint8_t encoding, uint32_t timestamp, const codec::FrameInfo& frame,
               uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  stream::EncodingActivity& activity = track.encoding[encoding].activity;
  const bool was_live = activity.live();
  const uint16_t width = activity.width();
  const bool another = activity.onPacket(frame, timestamp, now_ns);
  bool changed = !was_live || activity.width() != width;
  if (track.isSimulcast() && another) {
    for (uint8_t e = 0; e < track.row.encoding_count; ++e) {
      stream::EncodingActivity& other = track.encoding[e].activity;
      if (e == encoding || !other.live()) continue;
      other.onOther();
      changed |= !other.live();
    }
  }
  if (!changed || !track.isSimulcast()) return;
  for (const uint32_t subscription : track.subscriptions) aim(s, subscription, now_ns);
}

}  // namespace penstock
