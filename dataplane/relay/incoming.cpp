// See incoming.h. An SSRC may change without a word (RFC 3550 section 8.2, a restarted sender), and old packets that
// somebody recorded are authentic too: so the replay state of every SSRC is kept, and who was displaced comes back only
// when its successor is silent.
#include "dataplane/relay/incoming.h"

#include <algorithm>
#include <utility>

#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/flows.h"
#include "dataplane/relay/restart.h"

namespace penstock {

namespace {

/// A stream that was heard so little ago does not give way to one that it displaced.
constexpr uint64_t kSilentNs = stream::kNsPerSecond;
/// SSRCs that are taken for good, because their replay state had to go. Beyond that no other SSRC is believed.
constexpr size_t kForgottenMax = 256;

bool equals(std::string_view text, const uint8_t* bytes, uint8_t length) {
  return text.size() == length && std::equal(text.begin(), text.end(), bytes);
}

std::optional<IncomingStream> findByMid(const RelayState& s, const TransportState& transport, const RtpView& view) {
  const RtpExtensions extensions = RtpExtensions::parse(view);
  const auto text = [&](contract::Extension extension, size_t size_max) {
    const auto value = extensions.find(transport.extensionId(extension));
    return value ? readSdesText(*value, size_max) : std::nullopt;
  };
  const auto mid = text(contract::Extension::kMid, contract::kMidMax);
  if (!mid) return std::nullopt;
  for (const uint32_t index : transport.tracks) {
    const TrackState& track = s.tracks[index];
    if (!equals(*mid, track.row.mid, track.row.mid_length_bytes)) continue;
    if (track.clock_rate_hz[view.payload_type] == 0) return std::nullopt;
    // RFC 8852 section 3.2: RTX names the stream that it repairs. Some senders name it as media does.
    const bool rtx = track.isRtx(view.payload_type);
    auto rid = rtx ? text(contract::Extension::kRepairedRid, contract::kRidMax) : std::nullopt;
    if (!rid) rid = text(contract::Extension::kRid, contract::kRidMax);
    if (!rid && !track.isSimulcast()) return IncomingStream{index, 0, rtx};
    for (uint8_t e = 0; e < track.row.encoding_count; ++e) {
      const contract::EncodingRow& row = track.row.encoding[e];
      if (equals(rid.value_or(""), row.rid, row.rid_length_bytes)) return IncomingStream{index, e, rtx};
    }
  }
  return std::nullopt;
}

std::optional<IncomingStream> findByPayloadType(const RelayState& s, const TransportState& transport,
                                                const RtpView& view) {
  for (const uint32_t index : transport.tracks) {
    const TrackState& track = s.tracks[index];
    if (!(track.row.flags & contract::kTrackAnySsrc) || track.clock_rate_hz[view.payload_type] == 0) continue;
    return IncomingStream{index, 0, track.isRtx(view.payload_type)};
  }
  return std::nullopt;
}

std::unique_ptr<srtp::ReceiveStream>& receiverOf(RelayState& s, const IncomingStream& stream) {
  EncodingState& encoding = s.tracks[stream.track].encoding[stream.encoding];
  return stream.rtx ? encoding.rtx : encoding.media;
}

bool isAlive(const EncodingState& encoding, bool rtx, uint64_t now_ns) {
  return (rtx ? encoding.rtx_ssrc : encoding.ssrc) != 0 && now_ns - encoding.heard_ns[rtx] < kSilentNs;
}

auto findRetired(TransportState& transport, uint32_t ssrc) {
  return std::ranges::find(transport.retired, ssrc, &RetiredStream::ssrc);
}

/// Of an SSRC that is not known.
std::optional<IncomingClaim> claimUnsignalled(RelayState& s, TransportState& transport, const RtpView& view,
                                              uint64_t now_ns) {
  const bool plain = transport.row.kind == contract::TransportKind::kPlain;
  const auto stream = plain ? findByPayloadType(s, transport, view) : findByMid(s, transport, view);
  if (!stream) return std::nullopt;
  const EncodingState& encoding = s.tracks[stream->track].encoding[stream->encoding];
  const uint32_t bound = stream->rtx ? encoding.rtx_ssrc : encoding.ssrc;
  if (const auto retired = findRetired(transport, view.ssrc); retired != transport.retired.end()) {
    if (isAlive(encoding, stream->rtx, now_ns)) return std::nullopt;
    return IncomingClaim{*stream, retired->stream.get()};
  }
  const auto& forgotten = transport.forgotten;
  if (forgotten.size() == kForgottenMax || std::ranges::count(forgotten, view.ssrc) != 0) return std::nullopt;
  const auto& own = receiverOf(s, *stream);
  const bool open = bound == 0 && own != nullptr && own->ssrc() == 0;
  return IncomingClaim{*stream, open ? own.get() : transport.spare.get()};
}

/// What a packet of this SSRC was checked with, if that is not the stream's own.
std::unique_ptr<srtp::ReceiveStream> takeChecked(RelayState& s, uint32_t index, uint32_t ssrc) {
  TransportState& transport = s.transports[index];
  if (const auto retired = findRetired(transport, ssrc); retired != transport.retired.end()) {
    auto stream = std::move(retired->stream);
    transport.retired.erase(retired);
    storeRetired(s.flows.transport[index], transport);
    return stream;
  }
  if (transport.spare != nullptr && transport.spare->ssrc() == ssrc) return std::move(transport.spare);
  return nullptr;
}

}  // namespace

std::optional<IncomingClaim> findStream(RelayState& s, uint32_t transport, const RtpView& view, uint64_t now_ns) {
  const IncomingStream* known = s.incoming.find({transport, view.ssrc});
  if (known == nullptr) [[unlikely]]
    return claimUnsignalled(s, s.transports[transport], view, now_ns);
  return IncomingClaim{*known, receiverOf(s, *known).get()};
}

bool bind(RelayState& s, uint32_t index, const IncomingStream& stream, uint32_t ssrc, uint64_t now_ns) {
  EncodingState& encoding = s.tracks[stream.track].encoding[stream.encoding];
  uint32_t& bound = stream.rtx ? encoding.rtx_ssrc : encoding.ssrc;
  if (bound == ssrc) return true;
  TransportState& transport = s.transports[index];
  // Either may have come about by another packet of the same burst.
  const bool displaced = findRetired(transport, ssrc) != transport.retired.end();
  if (s.incoming.find({index, ssrc}) != nullptr || (displaced && isAlive(encoding, stream.rtx, now_ns))) return false;
  auto& own = receiverOf(s, stream);
  auto checked = takeChecked(s, index, ssrc);
  if (checked == nullptr && (own == nullptr || own->ssrc() != ssrc)) return false;
  if (!s.incoming.set({index, ssrc}, stream)) return retire(s, index, ssrc, std::move(checked)), false;
  const uint32_t before = std::exchange(bound, ssrc);
  if (before != 0) {
    s.incoming.erase({index, before});
    if (checked != nullptr) retire(s, index, before, std::move(own));
  }
  if (checked != nullptr) own = std::move(checked);
  if (transport.rebindings.allow(now_ns)) provideSpare(s, index);
  if (before == 0 || stream.rtx) return true;
  encoding.statistics.reset();
  restartStream(s, stream.track, stream.encoding, KeyFrame::kComesWhole, now_ns);
  return true;
}

void retire(RelayState& s, uint32_t index, uint32_t ssrc, std::unique_ptr<srtp::ReceiveStream> stream) {
  if (!stream || !stream->started()) return;
  TransportState& transport = s.transports[index];
  if (transport.retired.size() == contract::kRetiredStreamMax) {
    if (transport.forgotten.size() < kForgottenMax) transport.forgotten.push_back(transport.retired.front().ssrc);
    transport.retired.erase(transport.retired.begin());
  }
  transport.retired.push_back({ssrc, std::move(stream)});
  storeRetired(s.flows.transport[index], transport);
}

void provideSpare(RelayState& s, uint32_t index) {
  TransportState& transport = s.transports[index];
  if (transport.spare != nullptr && transport.spare->ssrc() == 0) return;
  for (const uint32_t track : transport.tracks) {
    const EncodingState& encoding = s.tracks[track].encoding[0];
    if (!encoding.media || encoding.keys_generation != transport.keys_generation) continue;
    transport.spare = encoding.media->another(0, 0);
    return;
  }
}

}  // namespace penstock
