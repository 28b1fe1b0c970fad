#include "control/signalling/codecs.h"

#include <algorithm>
#include <array>

#include "control/room/codec.h"
#include "dataplane/contract/limits.h"

namespace penstock {
namespace {

/// One line per codec that the relay forwards, best first: where a client offers more than a row holds, the last go.
struct Canonical {
  const char* key;  // codecKey()
  const char* name;
  uint32_t clock_rate_hz;
  uint32_t channels;
  uint8_t payload_type;
  uint8_t rtx_payload_type;  // 0 = none
  const char* fmtp;
};

constexpr std::string_view kTelephoneEvent = "telephone-event";

constexpr std::array kCanonical = {
    Canonical{kOpusKey, "opus", 48000, 2, 111, 0, "minptime=10;useinbandfec=1"},
    Canonical{kRedKey, "red", 48000, 2, 63, 0, "111/111"},
    // Opus of more than two channels, as browsers know it; RFC 7845 section 5.1.1 has the mapping.
    Canonical{"multiopus/48000/6;mapping=0,4,1,2,3,5;streams=4;coupled=2", "multiopus", 48000, 6, 112, 0,
              "channel_mapping=0,4,1,2,3,5;coupled_streams=2;minptime=10;num_streams=4;useinbandfec=1"},
    Canonical{"multiopus/48000/8;mapping=0,6,1,2,3,4,5,7;streams=5;coupled=3", "multiopus", 48000, 8, 117, 0,
              "channel_mapping=0,6,1,2,3,4,5,7;coupled_streams=3;minptime=10;num_streams=5;useinbandfec=1"},
    Canonical{"g722/8000", "G722", 8000, 1, 9, 0, ""},  // telephones: by the types of RFC 3551 section 6
    Canonical{"pcma/8000", "PCMA", 8000, 1, 8, 0, ""},
    Canonical{"pcmu/8000", "PCMU", 8000, 1, 0, 0, ""},
    Canonical{"vp8/90000", "VP8", 90000, 1, 96, 97, ""},
    Canonical{"h264/90000;constrained-baseline;mode=1", "H264", 90000, 1, 102, 103,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
    Canonical{"vp9/90000;profile=0", "VP9", 90000, 1, 98, 99, "profile-id=0"},
    Canonical{"av1/90000;profile=0", "AV1", 90000, 1, 45, 46, "level-idx=5;profile=0;tier=0"},
    Canonical{"h264/90000;baseline;mode=1", "H264", 90000, 1, 106, 107,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"},
    Canonical{"h264/90000;constrained-high;mode=1", "H264", 90000, 1, 122, 123,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f"},
    Canonical{"h264/90000;high;mode=1", "H264", 90000, 1, 118, 119,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"},
    Canonical{"h264/90000;main;mode=1", "H264", 90000, 1, 114, 115,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"},
    Canonical{"h264/90000;constrained-baseline;mode=0", "H264", 90000, 1, 104, 105,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"},
    Canonical{"h264/90000;baseline;mode=0", "H264", 90000, 1, 108, 109,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f"},
    Canonical{"vp9/90000;profile=2", "VP9", 90000, 1, 100, 101, "profile-id=2"},
    Canonical{"h264/90000;constrained-high;mode=0", "H264", 90000, 1, 124, 125,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=640c1f"},
    Canonical{"h264/90000;high;mode=0", "H264", 90000, 1, 120, 121,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=64001f"},
    Canonical{"h264/90000;main;mode=0", "H264", 90000, 1, 116, 117,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f"},
    Canonical{"vp9/90000;profile=1", "VP9", 90000, 1, 35, 36, "profile-id=1"},
    Canonical{"vp9/90000;profile=3", "VP9", 90000, 1, 37, 38, "profile-id=3"},
    Canonical{"av1/90000;profile=1", "AV1", 90000, 1, 47, 48, "level-idx=5;profile=1;tier=0"},
    Canonical{"telephone-event/48000", "telephone-event", 48000, 1, 113, 0, ""},
    Canonical{"telephone-event/8000", "telephone-event", 8000, 1, 126, 0, ""},
};

constexpr uint8_t kStereoOpus = 110;
constexpr const char* kStereoOpusFmtp = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1";
// RED names the Opus that is in it, so there is one for each.
constexpr uint8_t kStereoRed = 62;
constexpr const char* kStereoRedFmtp = "110/110";

const Canonical* findCanonical(const Codec& codec) {
  const auto found = std::ranges::find(kCanonical, codecKey(codec), &Canonical::key);
  return found == kCanonical.end() ? nullptr : &*found;
}

/// The Opus that RED is made of. RFC 2198 section 5: a=fmtp is "a slash "/" separated list of RTP payload types", here
/// of one, again and again. Without it, whatever Opus there is.
const Codec* opusIn(const Codec& red, const std::vector<Codec>& codecs) {
  const auto fits = [&](const Codec& codec) {
    if (codecKey(codec) != kOpusKey) return false;
    if (red.fmtp.empty()) return true;
    const std::string type = std::to_string(codec.payload_type);
    std::string list = type + "/" + type;
    while (list.size() < red.fmtp.size()) list += "/" + type;
    return list == red.fmtp;
  };
  const auto found = std::ranges::find_if(codecs, fits);
  return found == codecs.end() ? nullptr : &*found;
}

bool isStereo(const Codec& opus) {
  return fmtpValue(opus.fmtp, "stereo") == "1" || fmtpValue(opus.fmtp, "sprop-stereo") == "1";
}

/// The payload type of `media` that repairs `payload_type` (RFC 4588 section 8.1: apt).
std::optional<uint8_t> rtxFor(const sdp::Media& media, uint8_t payload_type) {
  for (const sdp::Format& format : media.formats)
    if ((format.name == "rtx" || format.name == "RTX") && fmtpValue(format.fmtp, "apt") == std::to_string(payload_type))
      return format.payload_type;
  return std::nullopt;
}

/// H.264 is sent with the first of the answered profiles; the one that everybody decodes goes there.
void bestH264First(std::vector<Codec>& codecs) {
  std::vector<size_t> places;
  std::vector<Codec> h264;
  for (size_t i = 0; i < codecs.size(); ++i) {
    if (codecs[i].clock_rate_hz != 90000 || !codecKey(codecs[i]).starts_with("h264/")) continue;
    places.push_back(i);
    h264.push_back(codecs[i]);
  }
  std::ranges::stable_sort(h264, {}, [](const Codec& codec) { return findCanonical(codec); });
  for (size_t i = 0; i < places.size(); ++i) codecs[places[i]] = h264[i];
}

/// Removes the least useful codecs until the rows can hold the rest.
void keepWhatFits(std::vector<Codec>& codecs) {
  while (codecs.size() > contract::kPayloadTypeMax / 2)
    codecs.erase(std::ranges::max_element(codecs, {}, [](const Codec& codec) { return findCanonical(codec); }));
}

}  // namespace

std::vector<Codec> supportedCodecs(const sdp::Media& media, Kind kind, const std::vector<std::string>& feedback) {
  std::vector<Codec> codecs;
  for (const sdp::Format& format : media.formats) {
    Codec codec{.name = format.name,
                .clock_rate_hz = format.clock_rate_hz,
                .channels = format.channels,
                .payload_type = format.payload_type,
                .fmtp = format.fmtp};
    const Canonical* known = findCanonical(codec);
    if (!known || (known->clock_rate_hz == 90000) != (kind == Kind::video)) continue;
    codec.rtx_payload_type = rtxFor(media, format.payload_type);
    // Audio is not retransmitted: by the time it came again, it would be too late. RED sends it twice beforehand.
    for (const std::string& each : format.feedback)
      if (std::ranges::find(feedback, each) != feedback.end() && (kind == Kind::video || each == "transport-cc"))
        codec.rtcp_feedback.push_back(each);
    codecs.push_back(std::move(codec));
  }
  keepWhatFits(codecs);
  std::erase_if(codecs, [&, all = codecs](const Codec& codec) { return isRed(codec) && !opusIn(codec, all); });
  const auto is_event = [](const Codec& codec) { return findCanonical(codec)->name == kTelephoneEvent; };
  if (std::ranges::all_of(codecs, is_event)) return {};
  bestH264First(codecs);
  return codecs;
}

std::optional<Codec> canonicalCodec(const Codec& published) {
  const Canonical* known = findCanonical(published);
  if (!known) return std::nullopt;
  Codec codec{.name = known->name,
              .clock_rate_hz = known->clock_rate_hz,
              .channels = known->channels,
              .payload_type = known->payload_type,
              .fmtp = known->fmtp};
  if (known->clock_rate_hz == 90000) codec.rtcp_feedback = kSubscribeFeedback;
  if (known->rtx_payload_type != 0) codec.rtx_payload_type = known->rtx_payload_type;
  if (codec.payload_type == 111) {
    codec.rtcp_feedback = {"transport-cc"};
    if (isStereo(published)) codec.payload_type = kStereoOpus, codec.fmtp = kStereoOpusFmtp;
  }
  return codec;
}

std::vector<Codec> canonicalCodecs(const std::vector<Codec>& published) {
  std::vector<Codec> codecs;
  for (const Codec& each : published) {
    auto codec = canonicalCodec(each);
    if (!codec) continue;
    const Codec* opus = isRed(each) ? opusIn(each, published) : nullptr;
    if (opus && isStereo(*opus)) codec->payload_type = kStereoRed, codec->fmtp = kStereoRedFmtp;
    if (std::ranges::find(codecs, codec->payload_type, &Codec::payload_type) == codecs.end())
      codecs.push_back(std::move(*codec));
  }
  return codecs;
}

std::vector<Codec> commonCodecs(const std::vector<Codec>& answered, const std::vector<Codec>& track) {
  std::vector<Codec> common;
  for (const Codec& codec : answered)
    if (std::ranges::any_of(track, [&](const Codec& other) { return sameCodec(codec, other); }))
      common.push_back(codec);
  return common;
}

std::vector<sdp::Format> formatsOf(const std::vector<Codec>& codecs) {
  std::vector<sdp::Format> formats;
  for (const Codec& codec : codecs) {
    formats.push_back(
        {codec.payload_type, codec.name, codec.clock_rate_hz, codec.channels, codec.fmtp, codec.rtcp_feedback});
    if (codec.rtx_payload_type)
      formats.push_back(
          {*codec.rtx_payload_type, "rtx", codec.clock_rate_hz, 1, "apt=" + std::to_string(codec.payload_type), {}});
  }
  return formats;
}

}  // namespace penstock
