#include "dataplane/relay/media.h"

#include <algorithm>
#include <expected>

#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/flows.h"
#include "dataplane/relay/layers.h"
#include "dataplane/relay/receive_feedback.h"
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

bool equals(std::string_view text, const uint8_t* bytes, uint8_t length) {
  return text.size() == length && std::equal(text.begin(), text.end(), bytes);
}

/// An SSRC that was not signalled may still be a signalled stream by its MID and RID (RFC 8843 section 9.2). The packet
/// is not authenticated yet: this only chooses which stream gets to check it.
std::optional<IncomingStream> findByMid(const RelayState& s, const TransportState& transport, const RtpView& view) {
  const auto id = [&](contract::Extension e) { return transport.row.extension_id[static_cast<size_t>(e)]; };
  const auto extensions = RtpExtensions::parse(view);
  if (!extensions) return std::nullopt;
  const auto mid_value = extensions->find(id(contract::Extension::kMid));
  const auto mid = mid_value ? readSdesText(*mid_value, contract::kMidMax) : std::nullopt;
  if (!mid) return std::nullopt;
  for (const uint32_t index : transport.tracks) {
    const TrackState& track = s.tracks[index];
    if (!equals(*mid, track.row.mid, track.row.mid_length_bytes)) continue;
    if (track.clock_rate_hz[view.payload_type] == 0) return std::nullopt;
    // RFC 8852 section 3.2: RTX names the stream that it repairs.
    const bool rtx = track.isRtx(view.payload_type);
    const auto rid_value = extensions->find(id(rtx ? contract::Extension::kRepairedRid : contract::Extension::kRid));
    const auto rid = rid_value ? readSdesText(*rid_value, contract::kRidMax) : std::nullopt;
    if (rtx && !rid) return std::nullopt;  // with one encoding too, its SSRC would have been signalled
    for (uint8_t e = 0; e < track.row.encoding_count; ++e) {
      const contract::EncodingRow& row = track.row.encoding[e];
      const uint32_t bound = rtx ? track.encoding[e].rtx_ssrc : track.encoding[e].ssrc;
      if (bound == 0 && equals(rid.value_or(""), row.rid, row.rid_length_bytes)) return IncomingStream{index, e, rtx};
    }
  }
  return std::nullopt;
}

srtp::ReceiveStream* receiveStreamOf(RelayState& s, const IncomingStream& stream) {
  EncodingState& encoding = s.tracks[stream.track].encoding[stream.encoding];
  return stream.rtx ? encoding.rtx.get() : encoding.media.get();
}

/// The first authenticated packet of an unsignalled SSRC makes it this encoding's. False: it belongs to another stream.
bool bind(RelayState& s, uint32_t transport, const IncomingStream& stream, uint32_t ssrc) {
  EncodingState& encoding = s.tracks[stream.track].encoding[stream.encoding];
  uint32_t& bound = stream.rtx ? encoding.rtx_ssrc : encoding.ssrc;
  if (bound == ssrc) return true;
  if (bound != 0 || s.incoming.find({transport, ssrc}) != nullptr) return false;
  bound = ssrc;
  return s.incoming.set({transport, ssrc}, stream);
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

void keep(RelayState& s, TrackState& track, uint8_t encoding, const CachedPacket& packet, uint16_t sequence,
          uint64_t now_ns) {
  if (s.cached_packets >= s.config.cached_packets_max) return;
  s.io.retain(std::span(&packet.packet, 1));
  ++s.cached_packets;
  if (const auto replaced = track.caches[encoding].put(sequence, packet, now_ns)) {
    s.io.release(std::span(&replaced->packet, 1));
    --s.cached_packets;
  }
}

void leaveOut(RelayState& s, const TrackState& track, uint8_t encoding, uint16_t sequence) {
  for (const uint32_t index : track.subscriptions) {
    SubscriptionState& subscription = s.subscriptions[index];
    if (subscription.layers.current() == encoding) subscription.sequence.leaveOut(sequence);
  }
}

namespace {

/// The transport whose address this may turn out to be, once the packet is found authentic. Nothing is learned yet.
std::expected<uint32_t, Counter> mayLatch(RelayState& s, const FrameView& frame, uint64_t now_ns) {
  const bool known = s.by_remote.find(frame.source) != nullptr;  // another transport's, maybe of another worker
  Latch* latch = known ? nullptr : findLatch(s, frame);
  if (latch == nullptr || !s.owns(latch->transport)) return std::unexpected(Counter::rtp_source_unvalidated);
  if (s.transports[latch->transport].sendable()) return std::unexpected(Counter::latch_done);
  if (!s.routes.isSourceAllowed(frame.source)) return std::unexpected(Counter::udp_source_forbidden);
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
  std::optional<IncomingStream> stream;
  if (const IncomingStream* known = s.incoming.find({*transport, view->ssrc})) {
    stream = *known;
  } else {
    stream = findByMid(s, state, *view);
  }
  if (!stream) return Counter::rtp_ssrc_unsignalled;
  srtp::ReceiveStream* receive_stream = receiveStreamOf(s, *stream);
  if (receive_stream == nullptr) return Counter::rtp_keys_missing;
  __builtin_prefetch(&s.tracks[stream->track].subscriptions);
  const bool learns = at == nullptr || state.limited;
  items_[count_] = {&packet, *transport, frame.payload_offset, *stream, *view, learns};
  if (learns) source_[count_] = frame.source;
  jobs_[count_] = {.stream = receive_stream,
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

/// One unprotected packet on its way; says how it ended.
Counter accept(RelayState& s, uint32_t transport, const IncomingStream& stream, CachedPacket packet, RtpView view,
               uint64_t index, uint64_t now_ns) {
  contract::TransportStats& stats = s.reports.transport[transport];
  stats.authentic_ticks = contract::ticksOf(now_ns);
  stats.packets_received += 1;
  stats.bytes_received += view.packet.size();
  if (!bind(s, transport, stream, view.ssrc)) return Counter::rtp_ssrc_unsignalled;
  TrackState& track = s.tracks[stream.track];
  EncodingState& encoding = track.encoding[stream.encoding];
  storeIndex(s.flows.track[stream.track].encoding[stream.encoding], encoding, stream.rtx, index);
  if (const auto checked = checkRtpPadding(view, view.packet.size()); !checked) return checked.error();
  auto extensions = RtpExtensions::parse(view);
  if (!extensions) return extensions.error();
  noteArrival(s, transport, *extensions, view.packet.size(), now_ns);
  if (stream.rtx || track.isRtx(view.payload_type)) {
    if (const auto outcome = repair(s, track, encoding, packet, view, now_ns)) return *outcome;
    extensions = RtpExtensions::parse(view);  // they moved
  } else {
    if (track.clock_rate_hz[view.payload_type] == 0) return Counter::rtp_payload_type_unknown;
    encoding.statistics.onPacket(view.sequence, view.timestamp, now_ns);
    noteSequence(s, track, encoding, view.sequence, now_ns);
  }
  const auto level = note(s, stream.track, view, *extensions, now_ns);
  if (track.muted()) {
    track.kept_back = !track.isVideo();
    return Counter::rtp_track_muted;
  }
  if (view.payload().empty() && view.padded) {
    leaveOut(s, track, stream.encoding, view.sequence);
    tellFanOut(s, stream.track, [&](auto reference, auto&& tell) {
      tell(handover::LeftOut{reference, view.sequence, stream.encoding});
    });
    return Counter::rtp_padding_only;
  }
  if (!track.wanted()) return Counter::rtp_no_subscriber;
  if (!track.isVideo()) {
    if (const auto why = keepBack(s, stream.track, level, packet, view, now_ns)) return *why;
  }
  const auto source = describe(s.transports[transport], view, *extensions);
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
