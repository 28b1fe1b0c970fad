// Tracks taken into the worker's state, and out of it.
#include <algorithm>
#include <expected>
#include <utility>

#include "dataplane/relay/apply.h"
#include "dataplane/relay/cache_share.h"
#include "dataplane/relay/flows.h"
#include "dataplane/relay/incoming.h"
#include "dataplane/relay/requests.h"
#include "dataplane/relay/restart.h"
#include "dataplane/relay/speakers.h"
#include "dataplane/relay/steer.h"

namespace penstock {

namespace {

/// Puts the stream that the transport remembers of this SSRC in the place of a new one.
void recall(RelayState& s, uint32_t index, uint32_t ssrc, std::unique_ptr<srtp::ReceiveStream>& brought) {
  TransportState& transport = s.transports[index];
  const auto found = std::ranges::find(transport.retired, ssrc, &RetiredStream::ssrc);
  if (!brought || found == transport.retired.end()) return;
  brought = std::move(found->stream);
  transport.retired.erase(found);
  storeRetired(s.flows.transport[index], transport);
}

/// Registers the SSRCs of the row's encodings; or says why not, and nothing is registered.
std::expected<void, Counter> registerIncoming(RelayState& s, uint32_t index, const contract::TrackRow& row) {
  const uint32_t transport = row.transport.index;
  const auto taken = [&](uint32_t ssrc) { return ssrc != 0 && s.incoming.find({transport, ssrc}) != nullptr; };
  for (uint8_t e = 0; e < row.encoding_count; ++e) {
    if (taken(row.encoding[e].ssrc) || taken(row.encoding[e].rtx_ssrc)) return std::unexpected(Counter::row_ssrc_taken);
  }
  if (s.incoming.room() < size_t{row.encoding_count} * 2) return std::unexpected(Counter::row_table_full);
  for (uint8_t e = 0; e < row.encoding_count; ++e) {
    const contract::EncodingRow& encoding = row.encoding[e];
    if (encoding.ssrc != 0) s.incoming.set({transport, encoding.ssrc}, {index, e, false});
    if (encoding.rtx_ssrc != 0) s.incoming.set({transport, encoding.rtx_ssrc}, {index, e, true});
  }
  return {};
}

void unregisterIncoming(RelayState& s, const TrackState& track) {
  for (const EncodingState& encoding : track.encoding) {
    if (encoding.ssrc != 0) s.incoming.erase({track.row.transport.index, encoding.ssrc});
    if (encoding.rtx_ssrc != 0) s.incoming.erase({track.row.transport.index, encoding.rtx_ssrc});
  }
}

/// What is bound by MID stays bound when the row is written again for another reason: unless it brings a stream for the
/// SSRC that is signalled.
void keepBindings(const TrackState& track, const TrackCommand& command, contract::TrackRow& row) {
  const auto keep = [](uint32_t& ssrc, uint32_t signalled_before, uint32_t bound, const auto& brought) {
    if (ssrc == signalled_before && (ssrc == 0 || !brought)) ssrc = bound;
  };
  for (uint8_t e = 0; e < row.encoding_count && e < track.row.encoding_count; ++e) {
    const EncodingState& encoding = track.encoding[e];
    keep(row.encoding[e].ssrc, track.row.encoding[e].ssrc, encoding.ssrc, command.encoding[e].media);
    keep(row.encoding[e].rtx_ssrc, track.row.encoding[e].rtx_ssrc, encoding.rtx_ssrc, command.encoding[e].rtx);
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

/// Of an SSRC that took the place of the signalled one an earlier process remembered what it had received.
void resumeDisplaced(RelayState& s, const TrackCommand& command, const contract::TrackRow& row) {
  const contract::TrackFlow& flow = s.flows.track[command.index];
  if (flow.generation != row.generation) return;
  const auto resume = [&](uint32_t ssrc, uint32_t flow_ssrc, uint64_t highest, const auto& brought) {
    if (!brought || flow_ssrc == 0 || flow_ssrc == ssrc || highest == 0) return;
    retire(s, row.transport.index, flow_ssrc, brought->another(flow_ssrc, highest));
  };
  for (uint8_t e = 0; e < row.encoding_count; ++e) {
    const auto& [media, rtx] = command.encoding[e];
    const contract::EncodingFlow& known = flow.encoding[e];
    resume(row.encoding[e].ssrc, known.ssrc, known.highest_index, media);
    resume(row.encoding[e].rtx_ssrc, known.rtx_ssrc, known.highest_rtx_index, rtx);
  }
}

/// Streams that the command brings take the place of what was there, of which the replay state is kept if the SSRC is
/// another under the same keys.
void takeStreams(RelayState& s, TrackState& track, TrackCommand& command, const contract::TrackRow& row) {
  const uint32_t transport = row.transport.index;
  const auto swap = [&](uint32_t ssrc, bool same_keys, auto& mine, auto& brought) {
    recall(s, transport, ssrc, brought);
    const uint32_t before = mine ? mine->ssrc() : ssrc;
    if (brought && same_keys && before != ssrc) retire(s, transport, before, std::move(mine));
    take(mine, brought);
  };
  for (uint8_t e = 0; e < contract::kEncodingMax; ++e) {
    EncodingState& encoding = track.encoding[e];
    const bool same_keys = std::exchange(encoding.keys_generation, s.transports[transport].keys_generation) ==
                           s.transports[transport].keys_generation;
    swap(row.encoding[e].ssrc, same_keys, encoding.media, command.encoding[e].media);
    swap(row.encoding[e].rtx_ssrc, same_keys, encoding.rtx, command.encoding[e].rtx);
  }
  provideSpare(s, transport);
}

size_t cachePackets(const contract::TrackRow& row) {
  return row.kind == contract::MediaKind::kVideo ? kVideoCachePackets : 1;
}

void setTrack(RelayState& s, TrackState& track, const contract::TrackRow& row, const contract::TrackRow& bound) {
  track.row = row;
  track.clock_rate_hz.fill(0);
  track.repairs.fill(contract::kNotRtx);
  track.codec.fill(contract::Codec::kOther);
  uint32_t clock_rate_hz = 90'000;
  for (uint8_t i = row.payload_type_count; i-- > 0;) {
    const contract::PayloadTypeRow& type = row.payload_type[i];
    track.clock_rate_hz[type.payload_type] = type.clock_rate_hz;
    track.repairs[type.payload_type] = type.associated;
    track.codec[type.payload_type] = type.codec;
    if (type.associated == contract::kNotRtx) clock_rate_hz = type.clock_rate_hz;
  }
  for (uint8_t e = 0; e < contract::kEncodingMax; ++e) {
    EncodingState& encoding = track.encoding[e];
    const bool used = e < row.encoding_count;
    const uint32_t ssrc = used ? bound.encoding[e].ssrc : 0;
    if (encoding.ssrc != ssrc) {
      if (encoding.ssrc != 0) beginAgain(s, track, e, KeyFrame::kComesWhole);
      encoding.statistics.reset();
      encoding.activity.reset();
    }
    encoding.ssrc = ssrc;
    encoding.rtx_ssrc = used ? bound.encoding[e].rtx_ssrc : 0;
    encoding.statistics.setClockRate(clock_rate_hz);
    encoding.clock.setClockRate(clock_rate_hz);
  }
  while (track.caches.size() < row.encoding_count) track.caches.emplace_back(cachePackets(row), kCacheAgeNs);
  for (const uint32_t index : track.subscriptions) {
    s.subscriptions[index].clock_rate_hz = clock_rate_hz;
    s.subscriptions[index].timestamp.setClockRate(clock_rate_hz);
  }
}

/// Its packets come decrypted and accounted for: it has no streams, and no place in reports and flows.
void applyForeign(RelayState& s, const TrackCommand& command) {
  const contract::TrackRow& row = command.row;
  if (!s.tracks.holds(command.index)) {
    s.tracks.emplace(command.index).foreign = true;
    s.transports[row.transport.index].tracks.push_back(command.index);
  }
  setTrack(s, s.tracks[command.index], row, row);
}

}  // namespace

void setLatch(RelayState& s, uint32_t track, uint32_t transport, const LatchKeys& keys) {
  if (const auto known = s.latching.find(track); known != s.latching.end()) {
    for (const uint32_t ssrc : known->second.ssrcs) {
      if (ssrc != 0) s.latches.erase(ssrc);
    }
    if (known->second.any_ssrc) std::erase_if(s.any_ssrc_latches, [&](const Latch& l) { return l.track == track; });
    s.latching.erase(known);
  }
  if (keys == LatchKeys{}) return;
  for (const uint32_t ssrc : keys.ssrcs) {
    if (ssrc != 0) s.latches.set(ssrc, {.transport = transport, .track = track});
  }
  if (keys.any_ssrc) s.any_ssrc_latches.push_back({.transport = transport, .track = track});
  s.latching[track] = keys;
}

void applyFanOut(RelayState& s, const FanOutCommand& command) {
  if (TrackState* track = s.tracks.find(command.track.index)) track->fan_out = command.workers;
}

std::optional<Counter> applyTrack(RelayState& s, TrackCommand& command, uint64_t now_ns) {
  contract::TrackRow row = command.row;
  if (row.state == contract::RowState::kFree) return closeTrack(s, command.index), Counter::rows_applied;
  if (!refersTo(s.transports, row.transport)) return Counter::row_generation_wrong;
  if (command.foreign) return applyForeign(s, command), std::nullopt;
  if (s.tracks.holds(command.index)) {
    const contract::TrackRow& held = s.tracks[command.index].row;
    const bool same = held.generation == row.generation && held.transport == row.transport && held.kind == row.kind;
    if (!same) closeTrack(s, command.index);
  }
  const bool opening = !s.tracks.holds(command.index);
  if (opening) {
    s.tracks.emplace(command.index);
    resumeBindings(command, row);
  } else {
    unregisterIncoming(s, s.tracks[command.index]);
    keepBindings(s.tracks[command.index], command, row);
  }
  TrackState& track = s.tracks[command.index];
  if (const auto registered = registerIncoming(s, command.index, row); !registered) {
    if (opening) {
      s.tracks.erase(command.index);
    } else {
      contract::TrackRow before = track.row;
      keepBindings(track, {}, before);
      (void)registerIncoming(s, command.index, before);  // it was there a moment ago
    }
    return registered.error();
  }
  if (opening) {
    s.transports[row.transport.index].tracks.push_back(command.index);
    s.reports.track[command.index] = {.generation = row.generation,
                                      .audio_level_dbov = stream::AudioLevelMeter::kSilence};
    resumeDisplaced(s, command, row);
    contract::TrackFlow& flow = s.flows.track[command.index];
    if (flow.generation != row.generation) flow = {.generation = row.generation};
  }
  const bool unmuted = !opening && track.muted() && !(row.flags & contract::kTrackMuted);
  setTrack(s, track, command.row, row);
  setLatch(s, command.index, row.transport.index, latchKeys(s.transports[row.transport.index].row, command.row));
  takeStreams(s, track, command, row);
  if (unmuted) {
    track.resumed_ns = now_ns;
    // What was sent while it was muted is not missing: numbers go on where they stopped.
    for (const uint32_t index : track.subscriptions) s.subscriptions[index].layers.restart();
    tellFanOut(s, command.index, [&](auto reference, auto&& tell) { tell(handover::Resumed{reference}); });
    for (const uint32_t index : track.subscriptions) requestKeyFrameFor(s, index, now_ns);
  }
  return Counter::rows_applied;
}

void closeTrack(RelayState& s, uint32_t index) {
  TrackState* track = s.tracks.find(index);
  if (track == nullptr) return;
  // Closing them too would forget how far their indices were used, and they may go on with another track.
  while (!track->subscriptions.empty()) leaveTrack(s, track->subscriptions.back());
  if (!track->foreign) {
    unregisterIncoming(s, *track);
    setLatch(s, index, track->row.transport.index, {});
    for (EncodingState& encoding : track->encoding) {
      if (encoding.keys_generation != s.transports[track->row.transport.index].keys_generation) continue;
      retire(s, track->row.transport.index, encoding.ssrc, std::move(encoding.media));
      retire(s, track->row.transport.index, encoding.rtx_ssrc, std::move(encoding.rtx));
    }
    s.flows.track[index] = {};
    s.reports.track[index] = {};
  }
  clearCaches(s, *track);
  std::erase(s.transports[track->row.transport.index].tracks, index);
  s.tracks.erase(index);
}

}  // namespace penstock
