#include "dataplane/worker/row_check.h"

#include <algorithm>
#include <array>
#include <span>

namespace penstock {
namespace {

using contract::kNotRtx;

// RFC 8839 section 5.4: "ice-pwd-att = ... 22*256ice-char", "ice-ufrag-att = ... 4*256ice-char".
constexpr size_t kIceUfragMin = 4;
constexpr size_t kIcePwdMin = 22;
// Opus runs at 48 kHz, video at 90 kHz; nothing that is negotiated runs faster than this.
constexpr uint32_t kClockRateMax = 1'000'000;

bool isAlphanumeric(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/// RFC 8839 section 5.4: ice-char = ALPHA / DIGIT / "+" / "/".
bool isIceChar(uint8_t c) {
  return isAlphanumeric(c) || c == '+' || c == '/';
}
/// RFC 8851 section 10: rid-id = 1*(alpha-numeric / "-" / "_").
bool isRidChar(uint8_t c) {
  return isAlphanumeric(c) || c == '-' || c == '_';
}
/// RFC 8843 and RFC 4566 section 9: a token, which is visible ASCII less some punctuation.
bool isTokenChar(uint8_t c) {
  return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';';
}

template <class Predicate>
bool isText(std::span<const uint8_t> field, size_t length, size_t length_min, Predicate allowed) {
  return length >= length_min && length <= field.size() && std::ranges::all_of(field.first(length), allowed);
}

/// RFC 5761 section 4: with RTP and RTCP on one port, types 64..95 read as RTCP.
bool isPayloadType(uint8_t type) {
  return type < 64 || (type > 95 && type < 128);
}

bool isProfile(contract::SrtpProfile profile) {
  using enum contract::SrtpProfile;
  return profile == kNone || profile == kAes128CmHmacSha1_80 || profile == kAes128CmHmacSha1_32 ||
         profile == kAeadAes128Gcm || profile == kAeadAes256Gcm || profile == kUnprotected;
}

/// Address and keys of a plain transport are known from the start. What comes unprotected proves nothing of where its
/// sender is: that address must be given.
bool plainIsSound(const contract::TransportRow& row) {
  using enum contract::SrtpProfile;
  if (row.pwd_length_bytes != 0 || row.srtp_profile == kNone) return false;
  if (row.remote == contract::Address{}) return row.srtp_profile != kUnprotected && row.rtcp_port_be == 0;
  return row.remote.port_be != 0 && std::ranges::all_of(row.remote.reserved, [](uint16_t r) { return r == 0; });
}

bool iceIsSound(const contract::TransportRow& row) {
  return isText(row.ice_pwd, row.pwd_length_bytes, kIcePwdMin, isIceChar) &&
         row.srtp_profile != contract::SrtpProfile::kUnprotected && row.remote == contract::Address{} &&
         row.rtcp_port_be == 0;
}

/// No value twice; zeros, which mean "absent", aside.
template <size_t N>
bool areDistinct(std::array<uint32_t, N>& values, size_t count) {
  std::sort(values.begin(), values.begin() + count);
  for (size_t i = 1; i < count; ++i) {
    if (values[i] != 0 && values[i] == values[i - 1]) return false;
  }
  return true;
}

bool encodingsAreSound(const contract::TrackRow& row) {
  std::array<uint32_t, 2 * contract::kEncodingMax> ssrcs{};
  size_t count = 0;
  for (size_t i = 0; i < row.encoding_count; ++i) {
    const contract::EncodingRow& encoding = row.encoding[i];
    if (!isText(encoding.rid, encoding.rid_length_bytes, 0, isRidChar)) return false;
    // What is neither signalled nor found by MID or payload type could never be found.
    const bool any_ssrc = row.flags & contract::kTrackAnySsrc;
    if (encoding.ssrc == 0 && row.mid_length_bytes == 0 && !any_ssrc) return false;
    if (any_ssrc && (encoding.ssrc != 0 || encoding.rtx_ssrc != 0 || row.encoding_count > 1)) return false;
    ssrcs[count++] = encoding.ssrc;
    ssrcs[count++] = encoding.rtx_ssrc;
  }
  return areDistinct(ssrcs, count);
}

bool payloadTypesAreSound(const contract::TrackRow& row) {
  const std::span types(row.payload_type, row.payload_type_count);
  std::array<bool, 256> seen{};
  for (const contract::PayloadTypeRow& type : types) {
    if (!isPayloadType(type.payload_type) || seen[type.payload_type]) return false;
    if (type.codec > contract::Codec::kRed) return false;
    if (type.clock_rate_hz == 0 || type.clock_rate_hz > kClockRateMax) return false;
    seen[type.payload_type] = true;
  }
  // RFC 4588 section 8.1: apt is "the payload type of the original stream", which is not itself RTX.
  return std::ranges::all_of(types, [&](const contract::PayloadTypeRow& type) {
    if (type.associated == kNotRtx) return true;
    return std::ranges::any_of(types, [&](const contract::PayloadTypeRow& other) {
      return other.payload_type == type.associated && other.associated == kNotRtx;
    });
  });
}

bool mappingsAreSound(const contract::SubscriptionRow& row) {
  std::array<bool, 256> seen{};
  for (const contract::PayloadTypeMapping& mapping : std::span(row.mapping, row.mapping_count)) {
    if (!isPayloadType(mapping.from) || !isPayloadType(mapping.to) || seen[mapping.from]) return false;
    if (mapping.rtx_to != kNotRtx && (!isPayloadType(mapping.rtx_to) || mapping.rtx_to == mapping.to)) return false;
    seen[mapping.from] = true;
  }
  return true;
}

bool isState(contract::RowState state) {
  return state == contract::RowState::kFree || state == contract::RowState::kUsed;
}

}  // namespace

RowFault check(const contract::TransportRow& row) {
  if (!isState(row.state)) return RowFault::kInvalid;
  if (row.state == contract::RowState::kFree) return RowFault::kNone;
  if (!isText(row.ice_ufrag, row.ufrag_length_bytes, kIceUfragMin, isIceChar)) return RowFault::kInvalid;
  if (!isProfile(row.srtp_profile)) return RowFault::kInvalid;
  constexpr uint8_t kFlags = contract::kTransportLastN | contract::kTransportDropSilence | contract::kTransportEnded |
                             contract::kTransportReducedRtcp;
  if (row.flags & ~kFlags) return RowFault::kInvalid;
  if (row.partner.index >= contract::kTransportMax) return RowFault::kIndexOutOfRange;
  switch (row.kind) {
    case contract::TransportKind::kIce:
      if (!iceIsSound(row)) return RowFault::kInvalid;
      break;
    case contract::TransportKind::kPlain:
      if (!plainIsSound(row)) return RowFault::kInvalid;
      break;
    default:
      return RowFault::kInvalid;
  }
  std::array<uint32_t, contract::kExtensionMax> ids{};
  std::ranges::copy(row.extension_id, ids.begin());
  return areDistinct(ids, ids.size()) ? RowFault::kNone : RowFault::kInvalid;
}

RowFault check(const contract::TrackRow& row) {
  if (!isState(row.state)) return RowFault::kInvalid;
  if (row.state == contract::RowState::kFree) return RowFault::kNone;
  if (row.transport.index >= contract::kTransportMax) return RowFault::kIndexOutOfRange;
  if (row.kind != contract::MediaKind::kAudio && row.kind != contract::MediaKind::kVideo) return RowFault::kInvalid;
  constexpr uint8_t kFlags =
      contract::kTrackMuted | contract::kTrackAlwaysSent | contract::kTrackNoNack | contract::kTrackAnySsrc;
  if (row.flags & ~kFlags) return RowFault::kInvalid;
  if (!isText(row.mid, row.mid_length_bytes, 0, isTokenChar)) return RowFault::kInvalid;
  if (row.encoding_count == 0 || row.encoding_count > contract::kEncodingMax) return RowFault::kInvalid;
  if (row.payload_type_count == 0 || row.payload_type_count > contract::kPayloadTypeMax) return RowFault::kInvalid;
  return encodingsAreSound(row) && payloadTypesAreSound(row) ? RowFault::kNone : RowFault::kInvalid;
}

RowFault check(const contract::SubscriptionRow& row) {
  if (!isState(row.state)) return RowFault::kInvalid;
  if (row.state == contract::RowState::kFree) return RowFault::kNone;
  if (row.transport.index >= contract::kTransportMax) return RowFault::kIndexOutOfRange;
  if (row.track.index >= contract::kTrackMax) return RowFault::kIndexOutOfRange;
  if (row.flags & ~(contract::kSubscriptionPaused | contract::kSubscriptionPinned)) return RowFault::kInvalid;
  if (!isText(row.mid, row.mid_length_bytes, 0, isTokenChar)) return RowFault::kInvalid;
  if (row.mapping_count > std::size(row.mapping)) return RowFault::kInvalid;
  if (row.ssrc == 0 || row.ssrc == row.rtx_ssrc) return RowFault::kInvalid;
  return mappingsAreSound(row) ? RowFault::kNone : RowFault::kInvalid;
}

}  // namespace penstock
