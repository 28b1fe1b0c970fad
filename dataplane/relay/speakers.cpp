#include "dataplane/relay/speakers.h"

#include "dataplane/relay/requests.h"
#include "dataplane/relay/steer.h"

namespace penstock {

namespace {

/// Subscriptions looked at in one turn. Each is a few lines of memory that are in no cache.
constexpr size_t kReviewMax = 512;

/// Its publisher's place among all but the subscriber itself.
bool isBeyond(const RelayState& s, const contract::TransportRow& subscriber, uint32_t publisher) {
  uint32_t rank = s.speakers[publisher].rank;
  if (rank == SpeakerRank::kNone) return true;
  if (subscriber.partner.generation != 0 && s.speakers[subscriber.partner.index].rank < rank) --rank;
  return rank >= subscriber.last_n;
}

bool isHeld(const RelayState& s, const SubscriptionState& subscription) {
  if (!subscription.hasTrack()) return false;
  const TrackState& track = s.tracks[subscription.row.track.index];
  const contract::TransportRow& subscriber = s.transports[subscription.row.transport.index].row;
  if (!(subscriber.flags & contract::kTransportLastN)) return false;
  if (!track.isVideo() || track.alwaysSent() || subscription.pinned()) return false;
  return isBeyond(s, subscriber, track.row.transport.index);
}

/// Returns how many were looked at.
size_t reviewPublisher(RelayState& s, uint32_t index, uint64_t now_ns) {
  const TransportState* publisher = s.transports.find(index);
  if (publisher == nullptr) return 1;
  size_t looked_at = 1;
  for (const uint32_t track : publisher->tracks) {
    if (!s.tracks[track].isVideo()) continue;
    for (const uint32_t subscription : s.tracks[track].subscriptions) reviewHeld(s, subscription, now_ns);
    looked_at += s.tracks[track].subscriptions.size();
  }
  return looked_at;
}

/// Whose own rank changed counts the others anew.
size_t reviewSubscriber(RelayState& s, uint32_t partner, uint64_t now_ns) {
  const uint32_t index = s.subscriber_of[partner];
  const TransportState* subscriber = index < contract::kTransportMax ? s.transports.find(index) : nullptr;
  if (subscriber == nullptr || subscriber->row.partner.index != partner) return 0;
  for (const uint32_t subscription : subscriber->subscriptions) reviewHeld(s, subscription, now_ns);
  return subscriber->subscriptions.size();
}

}  // namespace

void applyRanks(RelayState& s, const RanksCommand& command, uint64_t now_ns) {
  for (const SpeakerRank& changed : command.ranks) {
    SpeakerPlace& place = s.speakers[changed.transport];
    place.loud = changed.loud;
    if (place.rank == changed.rank) continue;
    place.rank = changed.rank;
    if (!std::exchange(place.due, true)) s.ranks_due.push_back(changed.transport);
  }
  reviewRanks(s, now_ns);
}

void reviewRanks(RelayState& s, uint64_t now_ns) {
  for (size_t looked_at = 0; !s.ranks_due.empty() && looked_at < kReviewMax;) {
    const uint32_t publisher = s.ranks_due.back();
    s.ranks_due.pop_back();
    s.speakers[publisher].due = false;
    looked_at += reviewPublisher(s, publisher, now_ns) + reviewSubscriber(s, publisher, now_ns);
  }
}

void noteHeld(RelayState& s, uint32_t index, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  const bool held = isHeld(s, subscription);
  if (held == subscription.held) return;
  subscription.held = held;
  s.reports.subscription[index].held = held;
  s.report.event({.kind = contract::EventKind::kSubscriptionHeld,
                  .subject = {index, subscription.row.generation},
                  .time_ns = now_ns});
}

void reviewHeld(RelayState& s, uint32_t index, uint64_t now_ns) {
  SubscriptionState& subscription = s.subscriptions[index];
  const bool was_paused = subscription.paused();
  noteHeld(s, index, now_ns);
  if (!was_paused || subscription.paused()) return;
  subscription.layers.restart();
  if (s.transports[subscription.row.transport.index].sendable()) requestKeyFrameFor(s, index, now_ns);
}

std::optional<Counter> keepBack(RelayState& s, uint32_t index, std::optional<uint8_t> level, const CachedPacket& packet,
                                RtpView& view, uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  const uint32_t transport = track.row.transport.index;
  const contract::TransportRow& publisher = s.transports[transport].row;
  if (level) {
    std::optional<Counter> why;
    const bool silent = track.silence.isSilent(*level, now_ns);
    if (silent && (publisher.flags & contract::kTransportDropSilence)) why = Counter::rtp_silence;
    if (publisher.loudest != 0 && !s.speakers[transport].loud) why = Counter::rtp_not_loudest;
    if (why) {
      track.kept_back = true;
      return why;
    }
  }
  if (!track.kept_back) return std::nullopt;
  track.kept_back = false;
  track.resumed_ns = now_ns;
  for (const uint32_t subscription : track.subscriptions) s.subscriptions[subscription].layers.restart();
  tellFanOut(s, index, [](auto reference, auto&& tell) { tell(handover::Resumed{reference}); });
  packet.packet.data[packet.rtp_offset + 1] |= 0x80;  // in the packet, for the other workers too
  view.marker = true;
  return std::nullopt;
}

}  // namespace penstock
