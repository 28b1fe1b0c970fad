#include "dataplane/relay/apply.h"

#include <algorithm>
#include <cstring>

#include "dataplane/relay/checks.h"
#include "dataplane/relay/requests.h"

namespace penstock {

namespace {

UfragKey ufragOf(const contract::TransportRow& row) {
  UfragKey key{};
  std::copy_n(row.ice_ufrag, row.ufrag_length_bytes, key.begin());
  return key;
}

/// Takes what the command brings; the command goes back with what was there.
template <class T>
void take(std::unique_ptr<T>& mine, std::unique_ptr<T>& brought) {
  if (brought) std::swap(mine, brought);
}

void retire(TransportState& transport, uint32_t ssrc, std::unique_ptr<srtp::ReceiveStream> stream) {
  if (!stream || !stream->started()) return;
  if (transport.retired.size() == kRetiredMax) transport.retired.erase(transport.retired.begin());
  transport.retired.push_back({ssrc, std::move(stream)});
}

/// Puts the stream that the transport remembers of this SSRC in the place of a new one.
void recall(TransportState& transport, uint32_t ssrc, std::unique_ptr<srtp::ReceiveStream>& brought) {
  const auto found = std::ranges::find(transport.retired, ssrc, &RetiredStream::ssrc);
  if (!brought || found == transport.retired.end()) return;
  brought = std::move(found->stream);
  transport.retired.erase(found);
}

template <class Array>
bool refersTo(const Array& states, const contract::RowReference& reference) {
  return states.holds(reference.index) && states[reference.index].row.generation == reference.generation;
}

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

void openTransport(RelayState& s, uint32_t index, const contract::TransportRow& row, uint64_t now_ns) {
  TransportState& transport = s.transports.emplace(index);
  transport.active_position = static_cast<uint32_t>(s.active.size());
  // Spread over the interval, so that a storm of joins is not a storm of reports each second.
  transport.next_report_ns = now_ns + mixBits(index ^ s.config.seed) % kReportIntervalNs;
  s.active.push_back(index);
  s.reports.transport[index] = {.generation = row.generation};
  contract::TransportFlow& flow = s.flows.transport[index];
  if (flow.generation != row.generation) flow = {.generation = row.generation};
  transport.srtcp_reservation = stream::IndexReservation(flow.srtcp_index_reserved);
}

void setExtensions(TransportState& transport, const contract::TransportRow& row) {
  transport.extension_of_id.fill(kNoExtension);
  for (uint8_t e = 0; e < static_cast<uint8_t>(contract::Extension::kCount); ++e) {
    if (row.extension_id[e] != 0) transport.extension_of_id[row.extension_id[e]] = e;
  }
}

stream::HeaderRewriter headerFor(const contract::SubscriptionRow& row, const TransportState& transport) {
  return {transport.row.extension_id, std::span(row.mid).first(row.mid_length_bytes)};
}

/// Registers the SSRCs of the row's encodings; false, and nothing registered, if one is in use on the transport.
bool registerIncoming(RelayState& s, uint32_t index, const contract::TrackRow& row) {
  const uint32_t transport = row.transport.index;
  const auto taken = [&](uint32_t ssrc) { return ssrc != 0 && s.incoming.find({transport, ssrc}) != nullptr; };
  for (uint8_t e = 0; e < row.encoding_count; ++e) {
    if (taken(row.encoding[e].ssrc) || taken(row.encoding[e].rtx_ssrc)) return false;
  }
  for (uint8_t e = 0; e < row.encoding_count; ++e) {
    const contract::EncodingRow& encoding = row.encoding[e];
    if (encoding.ssrc != 0) s.incoming.set({transport, encoding.ssrc}, {index, e, false});
    if (encoding.rtx_ssrc != 0) s.incoming.set({transport, encoding.rtx_ssrc}, {index, e, true});
  }
  return true;
}

void unregisterIncoming(RelayState& s, const TrackState& track) {
  for (const EncodingState& encoding : track.encoding) {
    if (encoding.ssrc != 0) s.incoming.erase({track.row.transport.index, encoding.ssrc});
    if (encoding.rtx_ssrc != 0) s.incoming.erase({track.row.transport.index, encoding.rtx_ssrc});
  }
}

/// What is bound by MID stays bound when the row is written again for another reason.
void keepBindings(const TrackState& track, contract::TrackRow& row) {
  for (uint8_t e = 0; e < row.encoding_count && e < track.row.encoding_count; ++e) {
    if (row.encoding[e].ssrc == 0 && track.row.encoding[e].ssrc == 0) row.encoding[e].ssrc = track.encoding[e].ssrc;
  }
}

/// What an earlier process bound by MID, and remembered in the flows region, comes with streams that know their SSRC.
void resumeBindings(const TrackCommand& command, contract::TrackRow& row) {
  for (uint8_t e = 0; e < row.encoding_count; ++e) {
    const auto& [media, rtx] = command.encoding[e];
    if (row.encoding[e].ssrc == 0 && media) row.encoding[e].ssrc = media->ssrc();
    if (row.encoding[e].rtx_ssrc == 0 && rtx) row.encoding[e].rtx_ssrc = rtx->ssrc();
  }
}

void setTrack(RelayState& s, TrackState& track, const contract::TrackRow& row, const contract::TrackRow& bound) {
  track.row = row;
  track.clock_rate_hz.fill(0);
  track.is_rtx.fill(false);
  uint32_t clock_rate_hz = 90'000;
  for (uint8_t i = row.payload_type_count; i-- > 0;) {
    const contract::PayloadTypeRow& type = row.payload_type[i];
    track.clock_rate_hz[type.payload_type] = type.clock_rate_hz;
    track.is_rtx[type.payload_type] = type.associated != contract::kNotRtx;
    if (type.associated == contract::kNotRtx) clock_rate_hz = type.clock_rate_hz;
  }
  for (uint8_t e = 0; e < contract::kEncodingMax; ++e) {
    EncodingState& encoding = track.encoding[e];
    const bool used = e < row.encoding_count;
    encoding.ssrc = used ? bound.encoding[e].ssrc : 0;
    encoding.rtx_ssrc = used ? bound.encoding[e].rtx_ssrc : 0;
    encoding.statistics.setClockRate(clock_rate_hz);
    encoding.clock.setClockRate(clock_rate_hz);
  }
  for (const uint32_t index : track.subscriptions) {
    s.subscriptions[index].clock_rate_hz = clock_rate_hz;
    s.subscriptions[index].timestamp.setClockRate(clock_rate_hz);
  }
}

uint32_t clockRateOf(const TrackState& track) {
  return track.row.payload_type_count == 0 ? 90'000 : track.row.payload_type[0].clock_rate_hz;
}

bool registerOutgoing(RelayState& s, uint32_t index, const contract::SubscriptionRow& row) {
  const uint32_t transport = row.transport.index;
  if (s.outgoing.find({transport, row.ssrc}) != nullptr) return false;
  if (row.rtx_ssrc != 0 && s.outgoing.find({transport, row.rtx_ssrc}) != nullptr) return false;
  s.outgoing.set({transport, row.ssrc}, index);
  if (row.rtx_ssrc != 0) s.outgoing.set({transport, row.rtx_ssrc}, index);
  return true;
}

void openSubscription(RelayState& s, SubscriptionCommand& command) {
  const contract::SubscriptionRow& row = command.row;
  TransportState& transport = s.transports[row.transport.index];
  TrackState& track = s.tracks[row.track.index];
  SubscriptionState& subscription =
      s.subscriptions.emplace(command.index, row, transport.row, command.media ? command.media->nextIndex() : 0,
                              command.rtx ? command.rtx->nextIndex() : 0, command.timestamp_offset);
  subscription.clock_rate_hz = clockRateOf(track);
  subscription.timestamp.setClockRate(subscription.clock_rate_hz);
  addTo(s, track.subscriptions, command.index, &SubscriptionState::track_position);
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
  take(subscription.media, command.media);
  take(subscription.rtx, command.rtx);
}

}  // namespace

Counter applyTransport(RelayState& s, TransportCommand& command, uint64_t now_ns) {
  const contract::TransportRow& row = command.row;
  if (row.state == contract::RowState::kFree) return closeTransport(s, command.index), Counter::rows_applied;
  const UfragKey ufrag = ufragOf(row);
  if (const uint32_t* other = s.by_ufrag.find(ufrag); other != nullptr && *other != command.index) {
    return Counter::row_address_taken;
  }
  if (s.transports.holds(command.index) && s.transports[command.index].row.generation != row.generation) {
    closeTransport(s, command.index);
  }
  if (!s.transports.holds(command.index)) {
    openTransport(s, command.index, row, now_ns);
  } else {
    s.by_ufrag.erase(ufragOf(s.transports[command.index].row));
  }
  TransportState& transport = s.transports[command.index];
  transport.row = row;
  transport.check_key = HmacSha1Key(std::span(row.ice_pwd).first(row.pwd_length_bytes));
  s.by_ufrag.set(ufrag, command.index);
  setExtensions(transport, row);
  if (command.srtcp_receiver) transport.retired.clear();  // other keys: other streams
  take(transport.srtcp_sender, command.srtcp_sender);
  take(transport.srtcp_receiver, command.srtcp_receiver);
  for (const uint32_t index : transport.subscriptions) {
    s.subscriptions[index].header = headerFor(s.subscriptions[index].row, transport);
  }
  if (command.resume_remote.port_be != 0 && !transport.sendable()) {
    nominate(s, command.index, command.resume_remote, now_ns);
  }
  return Counter::rows_applied;
}

Counter applyTrack(RelayState& s, TrackCommand& command, uint64_t now_ns) {
  contract::TrackRow row = command.row;
  if (row.state == contract::RowState::kFree) return closeTrack(s, command.index), Counter::rows_applied;
  if (!refersTo(s.transports, row.transport)) return Counter::row_generation_wrong;
  if (s.tracks.holds(command.index)) {
    const contract::TrackRow& held = s.tracks[command.index].row;
    const bool same = held.generation == row.generation && held.transport == row.transport && held.kind == row.kind;
    if (!same) closeTrack(s, command.index);
  }
  const bool opening = !s.tracks.holds(command.index);
  if (opening) {
    const bool video = row.kind == contract::MediaKind::kVideo;
    s.tracks.emplace(command.index, video ? kVideoCachePackets : 1);
    resumeBindings(command, row);
  } else {
    unregisterIncoming(s, s.tracks[command.index]);
    keepBindings(s.tracks[command.index], row);
  }
  TrackState& track = s.tracks[command.index];
  if (!registerIncoming(s, command.index, row)) {
    if (opening) {
      s.tracks.erase(command.index);
    } else {
      contract::TrackRow before = track.row;
      keepBindings(track, before);
      registerIncoming(s, command.index, before);
    }
    return Counter::row_address_taken;
  }
  if (opening) {
    s.transports[row.transport.index].tracks.push_back(command.index);
    s.reports.track[command.index] = {.generation = row.generation,
                                      .audio_level_dbov = stream::AudioLevelMeter::kSilence};
    contract::TrackFlow& flow = s.flows.track[command.index];
    if (flow.generation != row.generation) flow = {.generation = row.generation};
  }
  const bool unmuted = !opening && track.muted() && !(row.flags & contract::kTrackMuted);
  setTrack(s, track, command.row, row);
  for (uint8_t e = 0; e < contract::kEncodingMax; ++e) {
    TransportState& publisher = s.transports[row.transport.index];
    recall(publisher, row.encoding[e].ssrc, command.encoding[e].media);
    recall(publisher, row.encoding[e].rtx_ssrc, command.encoding[e].rtx);
    take(track.encoding[e].media, command.encoding[e].media);
    take(track.encoding[e].rtx, command.encoding[e].rtx);
  }
  if (unmuted) {
    // What was sent while it was muted is not missing: numbers go on where they stopped.
    for (const uint32_t index : track.subscriptions) s.subscriptions[index].sequence.switchSource(0);
    requestKeyFrame(s, command.index, now_ns);
  }
  return Counter::rows_applied;
}

Counter applySubscription(RelayState& s, SubscriptionCommand& command, uint64_t now_ns) {
  const contract::SubscriptionRow& row = command.row;
  if (row.state == contract::RowState::kFree) return closeSubscription(s, command.index), Counter::rows_applied;
  if (!refersTo(s.transports, row.transport) || !refersTo(s.tracks, row.track)) return Counter::row_generation_wrong;
  if (s.subscriptions.holds(command.index)) {
    const contract::SubscriptionRow& old = s.subscriptions[command.index].row;
    const bool same = old.generation == row.generation && old.track == row.track && old.transport == row.transport &&
                      old.ssrc == row.ssrc && old.rtx_ssrc == row.rtx_ssrc;
    if (!same) closeSubscription(s, command.index);
  }
  const bool starts = command.media != nullptr;
  if (!s.subscriptions.holds(command.index)) {
    if (!registerOutgoing(s, command.index, row)) return Counter::row_address_taken;
    openSubscription(s, command);
  }
  SubscriptionState& subscription = s.subscriptions[command.index];
  const TransportState& transport = s.transports[row.transport.index];
  const bool resumed = subscription.paused() && !(row.flags & contract::kSubscriptionPaused);
  if (resumed) subscription.sequence.switchSource(0);
  subscription.row = row;
  subscription.header = headerFor(row, transport);
  startStreams(s, subscription, command);
  if ((starts || resumed) && transport.sendable()) requestKeyFrame(s, row.track.index, now_ns);
  return Counter::rows_applied;
}

void closeTransport(RelayState& s, uint32_t index) {
  TransportState* transport = s.transports.find(index);
  if (transport == nullptr) return;
  while (!transport->subscriptions.empty()) closeSubscription(s, transport->subscriptions.back());
  while (!transport->tracks.empty()) closeTrack(s, transport->tracks.back());
  forgetRemotes(s, index);
  s.by_ufrag.erase(ufragOf(transport->row));
  const uint32_t last = s.active.back();
  s.active[transport->active_position] = last;
  s.transports[last].active_position = transport->active_position;
  s.active.pop_back();
  s.flows.transport[index] = {};
  s.reports.transport[index] = {};
  s.transports.erase(index);
}

void closeTrack(RelayState& s, uint32_t index) {
  TrackState* track = s.tracks.find(index);
  if (track == nullptr) return;
  while (!track->subscriptions.empty()) closeSubscription(s, track->subscriptions.back());
  unregisterIncoming(s, *track);
  for (EncodingState& encoding : track->encoding) {
    retire(s.transports[track->row.transport.index], encoding.ssrc, std::move(encoding.media));
    retire(s.transports[track->row.transport.index], encoding.rtx_ssrc, std::move(encoding.rtx));
  }
  std::erase(s.transports[track->row.transport.index].tracks, index);
  track->cache.clear([&](CachedPacket cached) {
    s.io.release(std::span(&cached.packet, 1));
    --s.cached_packets;
  });
  s.flows.track[index] = {};
  s.reports.track[index] = {};
  s.tracks.erase(index);
}

void closeSubscription(RelayState& s, uint32_t index) {
  SubscriptionState* subscription = s.subscriptions.find(index);
  if (subscription == nullptr) return;
  const uint32_t transport = subscription->row.transport.index;
  s.outgoing.erase({transport, subscription->row.ssrc});
  if (subscription->row.rtx_ssrc != 0) s.outgoing.erase({transport, subscription->row.rtx_ssrc});
  removeFrom(s, s.transports[transport].subscriptions, index, &SubscriptionState::transport_position);
  removeFrom(s, s.tracks[subscription->row.track.index].subscriptions, index, &SubscriptionState::track_position);
  s.flows.subscription[index] = {};
  s.reports.subscription[index] = {};
  s.subscriptions.erase(index);
}

}  // namespace penstock
