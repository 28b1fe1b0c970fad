#include "dataplane/relay/media.h"

#include <algorithm>
#include <expected>

#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/cache_share.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/flows.h"
#include "dataplane/relay/incoming.h"
#include "dataplane/relay/layers.h"
#include "dataplane/relay/receive_feedback.h"
#include "dataplane/relay/restart.h"
#include "dataplane/relay/speakers.h"
#include "dataplane/relay/steer.h"
#include "dataplane/stream/rtx.h"

namespace penstock {

namespace {

Counter dropFor(srtp::CryptoStatus status) {
  switch (status) {
    case srtp::CryptoStatus::kReplayed:
    case srtp::CryptoStatus::kOld:
      return Counter::srtp_replayed;
    case srtp::CryptoStatus::kMalformed:
      return Counter::rtp_malformed;
    default:
      return Counter::srtp_authentication_failed;
  }
}

/// Returns what it says of its audio level (RFC 6464), if it does.
std::optional<uint8_t> note(RelayState& s, uint32_t index, const RtpView& view, const RtpExtensions& extensions,
                            uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  contract::TrackStats& stats = s.reports.track[index];
  stats.packets += 1;
  stats.bytes += view.packet.size();
  stats.last_packet_ns = now_ns;
  if (!track.started) {
    track.started = true;
    s.report.event(
        {.kind = contract::EventKind::kTrackStarted, .subject = {index, track.row.generation}, .time_ns = now_ns});
  }
  const auto& ids = s.transports[track.row.transport.index].row.extension_id;
  const auto level = extensions.find(ids[static_cast<size_t>(contract::Extension::kAudioLevel)]);
  if (!level || level->empty()) return std::nullopt;
  track.audio_level.onPacket(level->front(), now_ns);
  stats.audio_level_dbov = track.audio_level.level(now_ns);
  stats.voice = track.audio_level.voice(now_ns);
  track.speech.onPacket(level->front() & 0x7f, view.timestamp, track.clock_rate_hz[view.payload_type], now_ns);
  storeSpeech(stats, track.speech.at(now_ns));
  return level->front();
}

}  // namespace

void leaveOut(RelayState& s, const TrackState& track, uint8_t encoding, uint16_t sequence) {
  for (const uint32_t index : track.subscriptions) s.subscriptions[index].leaveOut(encoding, sequence);
}

namespace {

/// The transport whose address this may turn out to be, once the packet is found authentic. Nothing is learned yet.
std::expected<uint32_t, Counter> mayLatch(RelayState& s, const FrameView& frame, uint64_t now_ns) {
  const bool known = s.by_remote.find(frame.source) != nullptr;  // another transport's, maybe of another worker
  Latch* latch = known ? nullptr : findLatch(s, frame);
  if (latch == nullptr || !s.owns(latch->transport)) return std::unexpected(Counter::rtp_source_unvalidated);
  if (s.transports[latch->transport].sendable()) return std::unexpected(Counter::latch_done);
  if (!s.routes.isSourceAllowed(frame.source)) return std::unexpected(Counter::udp_source_forbidden);
  if (s.routes.isDenied(frame.source)) return std::unexpected(Counter::udp_source_denied);
  if (!s.routes.find(frame.source)) return std::unexpected(Counter::latch_source_unroutable);
  if (!latch->budget.allow(now_ns)) return std::unexpected(Counter::latch_budget_spent);
  return latch->transport;
}

}  // namespace

std::optional<Counter> MediaBurst::add(RelayState& s, const Packet& packet, const FrameView& frame, uint64_t now_ns) {
  const uint32_t* at = s.ownAt(frame.source);
  const auto transport = at != nullptr ? std::expected<uint32_t, Counter>(*at) : mayLatch(s, frame, now_ns);
  if (!transport) return transport.error();
  const auto view = parseRtpHeader(frame.payload);
  if (!view) return view.error();
  const TransportState& state = s.transports[*transport];
  if (state.row.srtp_profile == contract::SrtpProfile::kNone) return Counter::rtp_keys_missing;
  const auto claim = findStream(s, *transport, *view, now_ns);
  if (!claim) return Counter::rtp_ssrc_unsignalled;
  if (claim->receiver == nullptr) return Counter::rtp_keys_missing;
  __builtin_prefetch(&s.tracks[claim->stream.track].subscriptions);
  const bool learns = at == nullptr || state.limited;
  items_[count_] = {&packet, *transport, frame.payload_offset, claim->stream, *view, learns};
  if (learns) source_[count_] = frame.source;
  jobs_[count_] = {.stream = claim->receiver,
                   .packet = std::span(packet.data + frame.payload_offset, frame.payload.size())};
  ++count_;
  return std::nullopt;
}

namespace {

/// A key frame that begins is what all who asked for one waited for.
void noteKeyFrame(RelayState& s, uint32_t index, EncodingState& encoding, uint32_t timestamp, uint64_t now_ns) {
  if (encoding.key_frame_timestamp == timestamp) return;  // another packet of it
  encoding.key_frame_timestamp = timestamp;
  encoding.key_frames.onKeyFrame();
  s.tracks[index].key_frames.add(now_ns);
  s.reports.track[index].key_frames += 1;
}

/// Puts a missing packet that RTX brought back in the place of `view` and `packet`; otherwise says how it ends.
std::optional<Counter> repair(RelayState& s, const TrackState& track, EncodingState& encoding, CachedPacket& packet,
                              RtpView& view, uint64_t now_ns) {
  const auto sequence = stream::originalSequence(view);
  if (!sequence) return Counter::rtp_padding_only;
  if (!track.isRtx(view.payload_type)) return Counter::rtp_payload_type_unknown;
  // Chromium probes with packets that arrived long ago.
  if (!encoding.nacks.isMissing(*sequence)) return Counter::rtp_rtx_unrequested;
  encoding.nacks.onPacket(*sequence, now_ns);
  view = stream::unwrapRtx(std::span(packet.packet.data + packet.rtp_offset, packet.rtp_length), view, encoding.ssrc,
                           track.repairs[view.payload_type]);
  packet.rtp_offset += stream::kOriginalSequenceSize;
  packet.rtp_length -= stream::kOriginalSequenceSize;
  s.count(Counter::packets_repaired);
  return std::nullopt;
}

/// Under SRTP every packet proves by itself what it is; in the clear it took two.
void restart(RelayState& s, uint32_t transport, const IncomingStream& stream, uint64_t now_ns) {
  const bool proven_by_itself = !srtp::isInTheClear(s.transports[transport].row.srtp_profile);
  restartStream(s, stream.track, stream.encoding, proven_by_itself ? KeyFrame::kComesWhole : KeyFrame::kHasBegun,
                now_ns);
}

/// A packet of the track's that no subscriber gets leaves no gap in what they get.
void leaveOutEverywhere(RelayState& s, const IncomingStream& stream, uint16_t sequence) {
  leaveOut(s, s.tracks[stream.track], stream.encoding, sequence);
  tellFanOut(s, stream.track, [&](auto reference, auto&& tell) {
    tell(handover::LeftOut{reference, sequence, stream.encoding});
  });
}

/// The sequence number of an authentic packet is spent, whatever is in it.
Counter dropUnusable(RelayState& s, const IncomingStream& stream, const RtpView& view, Counter why, uint64_t now_ns) {
  if (stream.rtx) return why;
  TrackState& track = s.tracks[stream.track];
  EncodingState& encoding = track.encoding[stream.encoding];
  encoding.statistics.onUnusable(view.sequence);
  noteSequence(s, track, encoding, view.sequence, now_ns);
  leaveOutEverywhere(s, stream, view.sequence);
  return why;
}

/// One unprotected packet on its way; says how it ended.
Counter accept(RelayState& s, uint32_t transport, const IncomingStream& stream, CachedPacket packet, RtpView view,
               uint64_t index, uint64_t now_ns) {
  contract::TransportStats& stats = s.reports.transport[transport];
  stats.authentic_ticks = contract::ticksOf(now_ns);
  stats.packets_received += 1;
  stats.bytes_received += view.packet.size();
  if (!bind(s, transport, stream, view.ssrc, now_ns)) return Counter::rtp_ssrc_unsignalled;
  TrackState& track = s.tracks[stream.track];
  EncodingState& encoding = track.encoding[stream.encoding];
  encoding.heard_ns[stream.rtx] = now_ns;
  if (storeIndex(s.flows.track[stream.track].encoding[stream.encoding], encoding, stream.rtx, index)) [[unlikely]] {
    if (!stream.rtx) restart(s, transport, stream, now_ns);
  }
  auto extensions = RtpExtensions::parse(view);
  if (!extensions.whole()) [[unlikely]]
    s.count(Counter::extensions_unreadable);
  noteArrival(s, transport, extensions, view.packet.size(), now_ns);
  if (const auto checked = checkRtpPadding(view, view.packet.size()); !checked) {
    return dropUnusable(s, stream, view, checked.error(), now_ns);
  }
  if (stream.rtx) {
    if (const auto outcome = repair(s, track, encoding, packet, view, now_ns)) return *outcome;
    extensions = RtpExtensions::parse(view);  // they moved
  } else {
    if (track.clock_rate_hz[view.payload_type] == 0 || track.isRtx(view.payload_type)) {
      return dropUnusable(s, stream, view, Counter::rtp_payload_type_unknown, now_ns);
    }
    encoding.statistics.onPacket(view.sequence, view.timestamp, now_ns);
    noteSequence(s, track, encoding, view.sequence, now_ns);
  }
  const auto level = note(s, stream.track, view, extensions, now_ns);
  if (track.muted()) {
    track.kept_back = !track.isVideo();
    return Counter::rtp_track_muted;
  }
  if (view.payload().empty() && view.padded) {
    leaveOutEverywhere(s, stream, view.sequence);
    return Counter::rtp_padding_only;
  }
  if (!track.wanted()) return Counter::rtp_no_subscriber;
  if (!track.isVideo()) {
    if (const auto why = keepBack(s, stream.track, level, packet, view, now_ns)) return *why;
  }
  const auto source = describe(s.transports[transport], view, extensions);
  auto frame = frameOf(track, stream.encoding, view, source);
  if (track.isVideo()) {
    packet.spatial_id = frame.spatial_id;
    packet.frame_end = frame.frame_end;
    keep(s, track, stream.encoding, packet, view.sequence, now_ns);
    if (frame.begins_key_frame) noteKeyFrame(s, stream.track, encoding, view.timestamp, now_ns);
    noteFrame(s, stream.track, stream.encoding, view, frame, now_ns);
  }
  s.stages.mark(contract::Stage::account, 1);
  const size_t wanted = s.forwarder.forward(s, track, {view, source, frame, stream.encoding}, now_ns) +
                        share(s, stream.track, stream.encoding, packet);
  return wanted > 0 ? Counter::forwarded : Counter::rtp_no_subscriber;
}

/// An authentic packet came from there. A plain transport latches to where the first one came from; false: this is not
/// there.
bool learn(RelayState& s, uint32_t transport, const Address& source, uint64_t now_ns) {
  if (!s.is_plain[transport]) return proveAddress(s, transport, source), true;
  if (!s.transports[transport].sendable()) nominate(s, transport, source, /*proven=*/true, now_ns);
  return s.transports[transport].nominated == source;
}

}  // namespace

void MediaBurst::finish(RelayState& s, uint64_t now_ns) {
  if (count_ == 0) return;
  for (size_t i = 0; i < count_; ++i) __builtin_prefetch(s.tracks[items_[i].stream.track].subscriptions.data());
  s.backend.unprotect(std::span(jobs_).first(count_));
  s.stages.mark(contract::Stage::unprotect, count_);
  for (size_t i = 0; i < std::min<size_t>(count_, 2); ++i) Forwarder::expectNext(s, items_[i].stream.track);
  for (size_t i = 0; i < count_; ++i) {
    const srtp::UnprotectJob& job = jobs_[i];
    Item& item = items_[i];
    if (i + 2 < count_) Forwarder::expectNext(s, items_[i + 2].stream.track);
    if (i + 1 < count_) Forwarder::expectNow(s, items_[i + 1].stream.track);
    if (job.status != srtp::CryptoStatus::kOk) {
      s.count(dropFor(job.status));
      continue;
    }
    if (item.learns && !learn(s, item.transport, source_[i], now_ns)) {
      s.count(Counter::latch_done);
      continue;
    }
    item.view.packet = item.view.packet.first(job.length);
    const CachedPacket packet{*item.packet, item.rtp_offset, static_cast<uint16_t>(job.length)};
    s.count(accept(s, item.transport, item.stream, packet, item.view, job.index, now_ns));
  }
  s.forwarder.flush(s);
  count_ = 0;
}

}  // namespace penstock
