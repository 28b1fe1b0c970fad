// Subscriptions taken into the worker's state, and out of it.
#include <expected>
#include <utility>

#include "dataplane/relay/apply.h"
#include "dataplane/relay/layers.h"
#include "dataplane/relay/requests.h"
#include "dataplane/relay/speakers.h"

namespace penstock {

namespace {

/// Appends `index` to a list of subscriptions, or takes it out by moving the last one to its place; each subscription
/// knows its place in both lists, so that a room of thousands empties in linear time.
using Position = uint32_t SubscriptionState::*;
void addTo(RelayState& s, std::vector<uint32_t>& list, uint32_t index, Position position) {
  s.subscriptions[index].*position = static_cast<uint32_t>(list.size());
  list.push_back(index);
}
void removeFrom(RelayState& s, std::vector<uint32_t>& list, uint32_t index, Position position) {
  const uint32_t place = s.subscriptions[index].*position;
  list[place] = list.back();
  s.subscriptions[list[place]].*position = place;
  list.pop_back();
}

uint32_t clockRateOf(const TrackState& track) {
  return track.row.payload_type_count == 0 ? 90'000 : track.row.payload_type[0].clock_rate_hz;
}

std::expected<void, Counter> registerOutgoing(RelayState& s, uint32_t index, const contract::SubscriptionRow& row) {
  const uint32_t transport = row.transport.index;
  const auto taken = [&](uint32_t ssrc) { return ssrc != 0 && s.outgoing.find({transport, ssrc}) != nullptr; };
  if (taken(row.ssrc) || taken(row.rtx_ssrc)) return std::unexpected(Counter::row_ssrc_taken);
  if (s.outgoing.room() < 2) return std::unexpected(Counter::row_table_full);
  s.outgoing.set({transport, row.ssrc}, index);
  if (row.rtx_ssrc != 0) s.outgoing.set({transport, row.rtx_ssrc}, index);
  return {};
}

void enterTrack(RelayState& s, uint32_t index, const contract::RowReference& reference) {
  SubscriptionState& subscription = s.subscriptions[index];
  subscription.row.track = reference;
  if (!subscription.hasTrack()) return;
  TrackState& track = s.tracks[reference.index];
  subscription.clock_rate_hz = clockRateOf(track);
  subscription.timestamp.setClockRate(subscription.clock_rate_hz);
  addTo(s, track.subscriptions, index, &SubscriptionState::track_position);
}

/// The outgoing stream goes on with another track, or waits for one. True: it has one now that it had not.
bool changeTrack(RelayState& s, uint32_t index, const contract::RowReference& reference) {
  SubscriptionState& subscription = s.subscriptions[index];
  if (subscription.row.track == reference) return false;
  leaveTrack(s, index);
  enterTrack(s, index, reference);
  if (!subscription.hasTrack()) return false;
  const bool begun = subscription.shown != contract::kNoEncoding;  // else it is as if this were its first
  const bool video = s.tracks[reference.index].isVideo();
  subscription.layers.changeTrack(begun && video);
  if (begun && video) subscription.awaiting_ns = SubscriptionState::kSoon;
  return true;
}

void openSubscription(RelayState& s, SubscriptionCommand& command) {
  const contract::SubscriptionRow& row = command.row;
  TransportState& transport = s.transports[row.transport.index];
  s.subscriptions.emplace(command.index, row, transport.row, command.media ? command.media->nextIndex() : 0,
                          command.rtx ? command.rtx->nextIndex() : 0, command.timestamp_offset);
  enterTrack(s, command.index, row.track);
  addTo(s, transport.subscriptions, command.index, &SubscriptionState::transport_position);
  s.reports.subscription[command.index] = {.generation = row.generation};
  contract::SubscriptionFlow& flow = s.flows.subscription[command.index];
  if (flow.generation != row.generation || flow.ssrc != row.ssrc) {
    flow = {.generation = row.generation, .ssrc = row.ssrc, .timestamp_offset = command.timestamp_offset};
  }
}

/// Streams that were made later than the subscription (its handshake came after the row) begin where they say.
void startStreams(RelayState& s, SubscriptionState& subscription, SubscriptionCommand& command) {
  if (command.media) {
    subscription.sequence.skipTo(command.media->nextIndex());
    subscription.reservation = stream::IndexReservation(s.flows.subscription[command.index].index_reserved);
  }
  if (command.rtx) {
    subscription.rtx_sequence = stream::RtxCounter(command.rtx->nextIndex());
    subscription.rtx_reservation = stream::IndexReservation(s.flows.subscription[command.index].rtx_index_reserved);
  }
  if (command.media) subscription.tag_length = static_cast<uint8_t>(command.media->tagLength());
  take(subscription.media, command.media);
  take(subscription.rtx, command.rtx);
}

}  // namespace

Counter applySubscription(RelayState& s, SubscriptionCommand& command, uint64_t now_ns) {
  const contract::SubscriptionRow& row = command.row;
  if (row.state == contract::RowState::kFree) return closeSubscription(s, command.index), Counter::rows_applied;
  if (!refersTo(s.transports, row.transport)) return Counter::row_generation_wrong;
  if (row.track.generation != 0 && !refersTo(s.tracks, row.track)) return Counter::row_generation_wrong;
  if (s.subscriptions.holds(command.index)) {
    const contract::SubscriptionRow& old = s.subscriptions[command.index].row;
    const bool same = old.generation == row.generation && old.transport == row.transport && old.ssrc == row.ssrc &&
                      old.rtx_ssrc == row.rtx_ssrc;
    if (!same) closeSubscription(s, command.index);
  }
  const bool starts = command.media != nullptr;
  if (!s.subscriptions.holds(command.index)) {
    if (const auto registered = registerOutgoing(s, command.index, row); !registered) return registered.error();
    openSubscription(s, command);
  }
  SubscriptionState& subscription = s.subscriptions[command.index];
  const TransportState& transport = s.transports[row.transport.index];
  const bool was_paused = subscription.paused();
  const bool changed = changeTrack(s, command.index, row.track);
  subscription.row = row;
  noteHeld(s, command.index, now_ns);
  const bool resumed = was_paused && !subscription.paused();
  if (resumed) subscription.layers.restart();
  subscription.header = headerFor(row, transport);
  startStreams(s, subscription, command);
  aim(s, command.index, now_ns);
  if ((starts || resumed || changed) && transport.sendable()) requestKeyFrameFor(s, command.index, now_ns);
  return Counter::rows_applied;
}

void leaveTrack(RelayState& s, uint32_t index) {
  SubscriptionState& subscription = s.subscriptions[index];
  if (!subscription.hasTrack()) return;
  removeFrom(s, s.tracks[subscription.row.track.index].subscriptions, index, &SubscriptionState::track_position);
  subscription.row.track = {};
  subscription.layers.restart();
  subscription.sequence.changeTrack();
  if (subscription.shown != contract::kNoEncoding) subscription.shown = SubscriptionState::kOtherTrack;
  s.reports.subscription[index].encoding = contract::kNoEncoding;
}

void closeSubscription(RelayState& s, uint32_t index) {
  SubscriptionState* subscription = s.subscriptions.find(index);
  if (subscription == nullptr) return;
  const uint32_t transport = subscription->row.transport.index;
  s.outgoing.erase({transport, subscription->row.ssrc});
  if (subscription->row.rtx_ssrc != 0) s.outgoing.erase({transport, subscription->row.rtx_ssrc});
  removeFrom(s, s.transports[transport].subscriptions, index, &SubscriptionState::transport_position);
  leaveTrack(s, index);
  s.flows.subscription[index] = {};
  s.reports.subscription[index] = {};
  s.subscriptions.erase(index);
}

}  // namespace penstock
