// See plain_request.h.
#include "control/api/plain_request.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <boost/describe/enum_from_string.hpp>

#include "control/api/encoding.h"
#include "control/api/json_body.h"
#include "control/room/srtp_profiles.h"
#include "dataplane/contract/limits.h"

namespace penstock {
namespace {

namespace json = boost::json;

constexpr size_t kTracksMax = 64, kListedMax = 1024;
constexpr size_t kFmtpMax = 256;

std::string at(const char* list, size_t i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

/// RFC 5761 section 4: with RTP and RTCP on one port, types 64..95 read as RTCP.
bool readPayloadType(JsonReader& reader, const json::object& from, const char* member, uint8_t& to) {
  uint64_t number = 0;
  if (!reader.number(from, member, 0, 127, number)) return false;
  if (number >= 64 && number <= 95) reader.refuse(member, "must not be 64 to 95: that is RTCP (RFC 5761 section 4).");
  to = static_cast<uint8_t>(number);
  return true;
}

/// What everybody knows of a codec need not be said.
void fillUsual(Codec& codec) {
  const bool opus = codec.name == "opus" || codec.name == "OPUS" || codec.name == "red";
  constexpr std::array<std::string_view, 4> kTelephone = {"PCMU", "PCMA", "G722", "telephone-event"};
  const bool telephone = std::ranges::find(kTelephone, codec.name) != kTelephone.end();
  if (codec.clock_rate_hz == 0) codec.clock_rate_hz = opus ? 48'000 : telephone ? 8'000 : 90'000;
  if (codec.channels == 0) codec.channels = opus ? 2 : 1;
  if (codec.clock_rate_hz == 90'000) codec.rtcp_feedback = {"nack"};  // who does not know it will not mind
}

Codec readCodec(JsonReader& reader, const json::value& from) {
  Codec codec{.channels = 0};
  if (!from.is_object()) return reader.refuse("", "must be an object."), codec;
  const json::object& members = from.get_object();
  reader.only(members, {"name", "payload_type", "clock_rate_hz", "channels", "fmtp", "rtx_payload_type"});
  reader.text(members, "name", codec.name);
  reader.text(members, "fmtp", codec.fmtp);
  if (codec.name.empty()) reader.refuse("name", "is needed, as in a=rtpmap.");
  if (codec.fmtp.size() > kFmtpMax) reader.refuse("fmtp", "is too long.");
  if (!readPayloadType(reader, members, "payload_type", codec.payload_type))
    reader.refuse("payload_type", "is needed.");
  if (uint8_t rtx = 0; readPayloadType(reader, members, "rtx_payload_type", rtx)) codec.rtx_payload_type = rtx;
  if (uint64_t hz = 0; reader.number(members, "clock_rate_hz", 1, 1'000'000, hz))
    codec.clock_rate_hz = static_cast<uint32_t>(hz);
  if (uint64_t channels = 0; reader.number(members, "channels", 1, 255, channels))
    codec.channels = static_cast<uint32_t>(channels);
  fillUsual(codec);
  return codec;
}

std::vector<Codec> readCodecs(JsonReader& reader, const json::object& from) {
  std::vector<Codec> codecs;
  std::set<uint8_t> types;
  const json::array* list = reader.array(from, "codecs", contract::kPayloadTypeMax / 2);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    JsonReader inner(reader.pathOf(at("codecs", i)));
    codecs.push_back(readCodec(inner, (*list)[i]));
    reader.take(inner);
    const Codec& codec = codecs.back();
    if (!types.insert(codec.payload_type).second ||
        (codec.rtx_payload_type && !types.insert(*codec.rtx_payload_type).second))
      reader.refuse("codecs", "has a payload type twice.");
  }
  return codecs;
}

/// Two streams of one SSRC under one key would use one keystream twice (RFC 3711 section 9.1). Who chooses its SSRC by
/// itself is known by its payload types.
void readSsrcs(JsonReader& reader, const json::object& from, std::set<uint32_t>& ssrcs, Encoding& to) {
  uint64_t ssrc = 0, rtx_ssrc = 0;
  const bool media = reader.number(from, "ssrc", 1, UINT32_MAX, ssrc);
  const bool rtx = reader.number(from, "rtx_ssrc", 1, UINT32_MAX, rtx_ssrc);
  to.ssrc = static_cast<uint32_t>(ssrc);
  to.rtx_ssrc = static_cast<uint32_t>(rtx_ssrc);
  if (rtx && !media) reader.refuse("rtx_ssrc", "needs ssrc: without it, RTX is known by its payload type.");
  if ((media && !ssrcs.insert(to.ssrc).second) || (rtx && !ssrcs.insert(to.rtx_ssrc).second))
    reader.refuse("ssrc", "is that of another stream of this transport.");
}

/// Whether a packet of one might be of the other, too.
bool shareTypes(const Track& a, const Track& b) {
  const auto has = [](const Track& track, uint8_t type) {
    return std::ranges::any_of(track.codecs,
                               [&](const Codec& c) { return c.payload_type == type || c.rtx_payload_type == type; });
  };
  return std::ranges::any_of(a.codecs, [&](const Codec& c) {
    return has(b, c.payload_type) || (c.rtx_payload_type && has(b, *c.rtx_payload_type));
  });
}

Track readTrack(JsonReader& reader, const json::value& from, std::set<uint32_t>& ssrcs) {
  Track track;
  track.encodings.resize(1);
  if (!from.is_object()) return reader.refuse("", "must be an object."), track;
  const json::object& members = from.get_object();
  reader.only(members, {"source", "name", "ssrc", "rtx_ssrc", "codecs"});
  reader.text(members, "name", track.name);
  if (!isDisplayName(track.name)) reader.refuse("name", "must have at most 64 characters of UTF-8.");
  track.codecs = readCodecs(reader, members);
  if (track.codecs.empty()) reader.refuse("codecs", "must name one codec or more.");
  const auto is_video = [](const Codec& codec) { return codec.clock_rate_hz == 90'000; };
  if (!track.codecs.empty() && is_video(track.codecs[0])) track.kind = Kind::video;
  for (const Codec& codec : track.codecs)
    if (is_video(codec) != (track.kind == Kind::video)) reader.refuse("codecs", "are of audio and of video.");
  std::string source = track.kind == Kind::audio ? "microphone" : "camera";
  reader.text(members, "source", source);
  if (!boost::describe::enum_from_string(source.c_str(), track.source))
    reader.refuse("source", "must be microphone, camera, screen or other.");
  readSsrcs(reader, members, ssrcs, track.encodings[0]);
  return track;
}

void readPublish(JsonReader& reader, const json::object& body, PlainRequest& to) {
  std::set<uint32_t> ssrcs;
  const json::array* list = reader.array(body, "publish", kTracksMax);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    JsonReader inner(at("publish", i));
    Track track = readTrack(inner, (*list)[i], ssrcs);
    const auto ambiguous = [&](const Track& other) {
      return (track.encodings[0].ssrc == 0 || other.encodings[0].ssrc == 0) && shareTypes(track, other);
    };
    if (std::ranges::any_of(to.publish, ambiguous))
      inner.refuse("codecs", "has a payload type of another track: one of a track without ssrc must be its alone.");
    to.publish.push_back(std::move(track));
    reader.take(inner);
  }
}

void readSubscribe(JsonReader& reader, const json::object& body, PlainRequest& to) {
  const json::object* subscribe = reader.object(body, "subscribe");
  if (subscribe == nullptr) return;
  JsonReader inner("subscribe");
  inner.only(*subscribe, {"tracks", "codecs"});
  to.subscribe = true;
  to.codecs = readCodecs(inner, *subscribe);
  const json::value* tracks = subscribe->if_contains("tracks");
  to.subscribe_all = tracks == nullptr || (tracks->is_string() && tracks->get_string() == "all");
  if (!to.subscribe_all) {
    const bool list = tracks->is_array() && tracks->get_array().size() <= kListedMax;
    if (!list) inner.refuse("tracks", "must be \"all\", or a list of ids of tracks.");
    for (size_t i = 0; list && i < tracks->get_array().size(); ++i) {
      const json::value& id = tracks->get_array()[i];
      if (!id.is_string()) inner.refuse("tracks", "must be \"all\", or a list of ids of tracks.");
      if (id.is_string()) to.tracks.emplace_back(id.get_string());
    }
  }
  reader.take(inner);
}

void readRemote(JsonReader& reader, const json::object& body, PlainRequest& to) {
  const json::value* remote = body.if_contains("remote");
  if (remote != nullptr && remote->is_string() && remote->get_string() == "latch") return;
  const json::object* members = remote == nullptr ? nullptr : remote->if_object();
  if (members == nullptr) return reader.refuse("remote", "must be an address and a port, or \"latch\".");
  JsonReader inner("remote");
  inner.only(*members, {"address", "port", "rtcp_port"});
  inner.text(*members, "address", to.remote_ip);
  if (to.remote_ip.empty()) inner.refuse("address", "is needed: an IPv4 or IPv6 address.");
  if (uint64_t port = 0; inner.number(*members, "port", 1, 65'535, port))
    to.remote_port = static_cast<uint16_t>(port);
  else
    inner.refuse("port", "is needed.");
  if (uint64_t port = 0; inner.number(*members, "rtcp_port", 1, 65'535, port))
    to.rtcp_port = static_cast<uint16_t>(port);
  reader.take(inner);
}

void readKey(JsonReader& reader, const json::object& from, const char* member, const SrtpProfileText& profile,
             std::string& key, std::string& salt) {
  std::string text;
  reader.text(from, member, text);
  if (text.empty()) {
    if (from.contains(member)) reader.refuse(member, "is empty.");
    return;
  }
  const auto bytes = base64Decode(text);
  const size_t size = profile.key_bytes + profile.salt_bytes;
  if (!bytes || bytes->size() != size)
    return reader.refuse(member,
                         "must be base64 of key and salt, " + std::to_string(size) + " bytes, for this profile.");
  key = hexadecimal(std::string_view(*bytes).substr(0, profile.key_bytes));
  salt = hexadecimal(std::string_view(*bytes).substr(profile.key_bytes));
}

/// RTP in the clear is asked for by null: who forgets the keys is told.
void readKeys(JsonReader& reader, const json::object& body, PlainRequest& to) {
  const json::value* srtp = body.if_contains("srtp");
  to.keys.profile = static_cast<uint16_t>(contract::SrtpProfile::kUnprotected);
  if (srtp != nullptr && srtp->is_null()) return;
  const json::object* members = srtp == nullptr ? nullptr : srtp->if_object();
  if (members == nullptr) return reader.refuse("srtp", "must be a profile and keys, or null for RTP in the clear.");
  JsonReader inner("srtp");
  inner.only(*members, {"profile", "receive_key", "send_key"});
  std::string name;
  inner.text(*members, "profile", name);
  const SrtpProfileText* profile = findSrtpProfile(name);
  if (profile == nullptr) {
    inner.refuse("profile", "must be AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80 or _32.");
  } else {
    to.keys.profile = static_cast<uint16_t>(profile->profile);
    readKey(inner, *members, "receive_key", *profile, to.keys.receive_key, to.keys.receive_salt);
    readKey(inner, *members, "send_key", *profile, to.keys.send_key, to.keys.send_salt);
  }
  reader.take(inner);
}

}  // namespace

Result<PlainRequest> readPlainRequest(const json::object& body) {
  JsonReader reader;
  PlainRequest request;
  request.name = "plain";
  reader.text(body, "name", request.name);
  if (!isDisplayName(request.name)) reader.refuse("name", "must have at most 64 characters of UTF-8.");
  readRemote(reader, body, request);
  readKeys(reader, body, request);
  readPublish(reader, body, request);
  readSubscribe(reader, body, request);
  if (!reader.good()) return std::unexpected(*reader.refusal());
  return request;
}

}  // namespace penstock
