#include "control/seam/desired_rows.h"

#include <algorithm>
#include <cstring>

#include "control/room/address.h"
#include "control/room/codec.h"
#include "control/room/srtp_profiles.h"

namespace penstock {
namespace {

using contract::RowState;
using contract::SrtpProfile;

/// Copies text into a fixed field; false when it does not fit.
template <size_t N>
bool copyText(uint8_t (&field)[N], uint8_t& length_bytes, const std::string& text) {
  if (text.size() > N) return false;
  std::memcpy(field, text.data(), text.size());
  length_bytes = static_cast<uint8_t>(text.size());
  return true;
}

std::optional<uint8_t> nibble(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<uint8_t>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<uint8_t>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<uint8_t>(digit - 'A' + 10);
  return std::nullopt;
}

bool fromHex(const std::string& hex, uint8_t* to, size_t size_bytes) {
  if (hex.size() != 2 * size_bytes) return false;
  for (size_t i = 0; i < size_bytes; ++i) {
    const auto high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
    if (!high || !low) return false;
    to[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return true;
}

/// Of a plain transport, the address that the API gave; nothing of one that latches.
bool copyRemote(contract::TransportRow& row, const Transport& transport) {
  row.kind = transport.plain ? contract::TransportKind::kPlain : contract::TransportKind::kIce;
  if (transport.remote_ip.empty()) return true;
  const auto remote = readAddress(transport.remote_ip, transport.remote_port);
  if (!transport.plain || !remote) return false;
  row.remote = *remote;
  if (transport.rtcp_port != 0) row.rtcp_port_be = readAddress(transport.remote_ip, transport.rtcp_port)->port_be;
  return true;
}

contract::Codec codecOf(const Codec& codec) {
  constexpr std::pair<std::string_view, contract::Codec> kNames[] = {{"VP8", contract::Codec::kVp8},
                                                                     {"VP9", contract::Codec::kVp9},
                                                                     {"H264", contract::Codec::kH264},
                                                                     {"AV1", contract::Codec::kAv1}};
  for (const auto& [known, looked_into] : kNames) {
    if (sameName(codec.name, known)) return looked_into;
  }
  return isRed(codec) ? contract::Codec::kRed : contract::Codec::kOther;
}

/// A codec and its RTX, or neither.
bool addPayloadTypes(contract::TrackRow& row, const Codec& codec) {
  const uint32_t wanted = codec.rtx_payload_type ? 2 : 1;
  if (row.payload_type_count + wanted > contract::kPayloadTypeMax) return false;
  const auto add = [&](uint8_t payload_type, uint8_t associated, contract::Codec looked_into) {
    row.payload_type[row.payload_type_count++] = {.payload_type = payload_type,
                                                  .associated = associated,
                                                  .codec = looked_into,
                                                  .reserved = 0,
                                                  .clock_rate_hz = codec.clock_rate_hz};
  };
  add(codec.payload_type, contract::kNotRtx, codecOf(codec));
  if (codec.rtx_payload_type) add(*codec.rtx_payload_type, codec.payload_type, contract::Codec::kOther);
  return true;
}

}  // namespace

std::optional<contract::SrtpKey> srtpKey(uint16_t profile, const std::string& key_hex, const std::string& salt_hex) {
  const SrtpProfileText* lengths = findSrtpProfile(static_cast<SrtpProfile>(profile));
  contract::SrtpKey key{};
  if (!lengths || !fromHex(key_hex, key.key, lengths->key_bytes) || !fromHex(salt_hex, key.salt, lengths->salt_bytes))
    return std::nullopt;
  return key;
}

std::optional<contract::TransportRow> transportRow(contract::RowReference self, const Transport& transport,
                                                   const TransportPlace& place, contract::RowReference partner) {
  contract::TransportRow row{};
  row.generation = self.generation;
  row.state = RowState::kUsed;
  // Without ICE there is nothing to prove by a password.
  if (transport.ice_ufrag.empty() || transport.ice_pwd.empty() != transport.plain ||
      !copyText(row.ice_ufrag, row.ufrag_length_bytes, transport.ice_ufrag) ||
      !copyText(row.ice_pwd, row.pwd_length_bytes, transport.ice_pwd) || !copyRemote(row, transport) ||
      (transport.plain && !transport.keys))
    return std::nullopt;
  row.rtcp_ssrc = transport.rtcp_ssrc;
  row.receive_bitrate_max_bps = transport.receive_bitrate_max_bps;
  row.room = place.room;
  row.partner = partner;
  row.loudest = place.loudest;
  row.last_n = place.last_n.value_or(0);
  if (place.last_n) row.flags |= contract::kTransportLastN;
  if (!place.forward_silence) row.flags |= contract::kTransportDropSilence;
  if (transport.reduced_rtcp) row.flags |= contract::kTransportReducedRtcp;
  std::copy(transport.extension_id.begin(), transport.extension_id.end(), row.extension_id);
  if (transport.keys) {
    const SrtpKeys& keys = *transport.keys;
    const auto receive_key = srtpKey(keys.profile, keys.receive_key, keys.receive_salt);
    const auto send_key = srtpKey(keys.profile, keys.send_key, keys.send_salt);
    if (!receive_key || !send_key) return std::nullopt;
    row.srtp_profile = static_cast<SrtpProfile>(keys.profile);
    row.receive_key = *receive_key;
    row.send_key = *send_key;
  }
  return row;
}

std::optional<contract::TrackRow> trackRow(contract::RowReference self, contract::RowReference transport,
                                           const Track& track) {
  contract::TrackRow row{};
  row.generation = self.generation;
  row.state = RowState::kUsed;
  row.kind = track.kind == Kind::audio ? contract::MediaKind::kAudio : contract::MediaKind::kVideo;
  const auto has_nack = [](const Codec& codec) {
    return std::ranges::find(codec.rtcp_feedback, "nack") != codec.rtcp_feedback.end();
  };
  row.flags = track.muted() ? contract::kTrackMuted : 0;
  if (std::ranges::none_of(track.codecs, has_nack)) row.flags |= contract::kTrackNoNack;
  if (track.source == Source::screen) row.flags |= contract::kTrackAlwaysSent;
  row.transport = transport;
  if (!copyText(row.mid, row.mid_length_bytes, track.mid)) return std::nullopt;
  // Nothing else tells the packets of such a one from others; only plain transports publish it.
  if (track.mid.empty() && !track.encodings.empty() && track.encodings[0].ssrc == 0)
    row.flags |= contract::kTrackAnySsrc;

  if (track.encodings.empty() || track.encodings.size() > contract::kEncodingMax) return std::nullopt;
  for (const Encoding& encoding : track.encodings) {
    contract::EncodingRow& to = row.encoding[row.encoding_count++];
    to.ssrc = encoding.ssrc;
    to.rtx_ssrc = encoding.rtx_ssrc;
    if (!copyText(to.rid, to.rid_length_bytes, encoding.rid)) return std::nullopt;
  }

  if (track.codecs.empty()) return std::nullopt;
  // The publisher's preferred codecs come first; what does not fit is not forwarded.
  for (const Codec& codec : track.codecs) {
    if (!addPayloadTypes(row, codec)) break;
  }
  return row;
}

std::vector<contract::PayloadTypeMapping> payloadTypeMapping(const std::vector<Codec>& published,
                                                             const std::vector<Codec>& accepted) {
  const std::vector<CodecIdentity> receivers = identitiesOf(accepted);
  std::vector<contract::PayloadTypeMapping> mapping;
  for (const Codec& codec : published) {
    const auto decoder = decoderOf(receivers, identityOf(codec));
    if (!decoder) continue;
    const Codec& to = accepted[*decoder];
    mapping.push_back({.from = codec.payload_type,
                       .to = to.payload_type,
                       .rtx_to = to.rtx_payload_type.value_or(contract::kNotRtx),
                       .reserved = 0});
  }
  return mapping;
}

std::optional<contract::SubscriptionRow> subscriptionRow(contract::RowReference self, contract::RowReference track,
                                                         contract::RowReference transport, const Track& published,
                                                         const Subscription& subscription) {
  contract::SubscriptionRow row{};
  row.generation = self.generation;
  row.state = RowState::kUsed;
  row.flags = subscription.wish.paused ? contract::kSubscriptionPaused : 0;
  if (subscription.wish.pinned) row.flags |= contract::kSubscriptionPinned;
  row.priority = subscription.wish.priority;
  row.width_max = subscription.wish.width_max;
  row.height_max = subscription.wish.height_max;
  row.frame_rate_max = subscription.wish.frame_rate_max;
  row.track = track;
  row.transport = transport;
  row.ssrc = subscription.ssrc;
  row.rtx_ssrc = subscription.rtx_ssrc;
  if (subscription.ssrc == 0 || !copyText(row.mid, row.mid_length_bytes, subscription.mid)) return std::nullopt;

  auto mapping = payloadTypeMapping(published.codecs, subscription.codecs);
  mapping.resize(std::min(mapping.size(), std::size(row.mapping)));  // as many codecs as a track row holds
  std::copy(mapping.begin(), mapping.end(), row.mapping);
  row.mapping_count = static_cast<uint8_t>(mapping.size());
  return row;
}

}  // namespace penstock
