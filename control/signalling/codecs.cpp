#include "control/signalling/codecs.h"

#include <algorithm>
#include <array>

#include "control/room/codec.h"
#include "control/signalling/sdp_lines.h"
#include "dataplane/contract/limits.h"

namespace penstock {
namespace {

using enum H264Profile;

/// One line per codec that the relay forwards, best first: where a client offers more than a row holds, the last go.
struct Canonical {
  const char* format;  // CodecIdentity::format
  const char* name;
  uint32_t clock_rate_hz;
  uint32_t channels;  // 0: not said
  uint8_t payload_type;
  uint8_t rtx_payload_type;  // 0 = none
  const char* fmtp;
  H264Profile profile = kNone;  // Baseline is Constrained Baseline here: see decodes()
};

constexpr std::string_view kTelephoneEvent = "telephone-event";

constexpr std::array kCanonical = {
    Canonical{"opus/48000", "opus", 48000, 2, 111, 0, "minptime=10;useinbandfec=1"},
    Canonical{"red/48000", "red", 48000, 2, 63, 0, "111/111"},
    // Opus of more than two channels, as browsers know it; RFC 7845 section 5.1.1 has the mapping.
    Canonical{"multiopus/48000/6;mapping=0,4,1,2,3,5;streams=4;coupled=2", "multiopus", 48000, 6, 112, 0,
              "channel_mapping=0,4,1,2,3,5;coupled_streams=2;minptime=10;num_streams=4;useinbandfec=1"},
    Canonical{"multiopus/48000/8;mapping=0,6,1,2,3,4,5,7;streams=5;coupled=3", "multiopus", 48000, 8, 117, 0,
              "channel_mapping=0,6,1,2,3,4,5,7;coupled_streams=3;minptime=10;num_streams=5;useinbandfec=1"},
    Canonical{"g722/8000", "G722", 8000, 0, 9, 0, ""},  // telephones: by the types of RFC 3551 section 6
    Canonical{"pcma/8000", "PCMA", 8000, 0, 8, 0, ""},
    Canonical{"pcmu/8000", "PCMU", 8000, 0, 0, 0, ""},
    Canonical{"vp8/90000", "VP8", 90000, 0, 96, 97, ""},
    Canonical{"h264/90000;mode=1", "H264", 90000, 0, 102, 103,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", kConstrainedBaseline},
    Canonical{"vp9/90000;profile=0", "VP9", 90000, 0, 98, 99, "profile-id=0"},
    Canonical{"av1/90000;profile=0", "AV1", 90000, 0, 45, 46, "level-idx=5;profile=0;tier=0"},
    Canonical{"h264/90000;mode=1", "H264", 90000, 0, 122, 123,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f", kConstrainedHigh},
    Canonical{"h264/90000;mode=1", "H264", 90000, 0, 118, 119,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f", kHigh},
    Canonical{"h264/90000;mode=1", "H264", 90000, 0, 114, 115,
              "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f", kMain},
    Canonical{"h264/90000;mode=0", "H264", 90000, 0, 104, 105,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f", kConstrainedBaseline},
    Canonical{"vp9/90000;profile=2", "VP9", 90000, 0, 100, 101, "profile-id=2"},
    Canonical{"h264/90000;mode=0", "H264", 90000, 0, 124, 125,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=640c1f", kConstrainedHigh},
    Canonical{"h264/90000;mode=0", "H264", 90000, 0, 120, 121,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=64001f", kHigh},
    Canonical{"h264/90000;mode=0", "H264", 90000, 0, 116, 117,
              "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f", kMain},
    Canonical{"vp9/90000;profile=1", "VP9", 90000, 0, 35, 36, "profile-id=1"},
    Canonical{"vp9/90000;profile=3", "VP9", 90000, 0, 37, 38, "profile-id=3"},
    Canonical{"av1/90000;profile=1", "AV1", 90000, 0, 47, 48, "level-idx=5;profile=1;tier=0"},
    Canonical{"telephone-event/48000", "telephone-event", 48000, 0, 113, 0, ""},
    Canonical{"telephone-event/8000", "telephone-event", 8000, 0, 126, 0, ""},
};

constexpr uint8_t kStereoOpus = 110;
constexpr const char* kStereoOpusFmtp = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1";
// RED names the Opus that is in it, so there is one for each.
constexpr uint8_t kStereoRed = 62;
constexpr const char* kStereoRedFmtp = "110/110";

const Canonical* findCanonical(const Codec& codec) {
  CodecIdentity identity = identityOf(codec);
  if (identity.profile == kBaseline) identity.profile = kConstrainedBaseline;
  const auto same = [&](const Canonical& each) {
    return each.format == identity.format && each.profile == identity.profile;
  };
  const auto found = std::ranges::find_if(kCanonical, same);
  return found == kCanonical.end() ? nullptr : &*found;
}

/// The Opus that RED is made of. RFC 2198 section 5: a=fmtp is "a slash "/" separated list of RTP payload types", here
/// of one, again and again. Without it, whatever Opus there is.
const Codec* opusIn(const Codec& red, const std::vector<Codec>& codecs) {
  const auto fits = [&](const Codec& codec) {
    if (!isOpus(codec)) return false;
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

/// By payload type, the one that repairs it (RFC 4588 section 8.1: apt).
std::array<std::optional<uint8_t>, 128> rtxOf(const sdp::Media& media) {
  std::array<std::optional<uint8_t>, 128> rtx;
  for (const sdp::Format& format : media.formats) {
    if (!sameName(format.name, "rtx")) continue;
    const auto apt = sdp::number<uint8_t>(fmtpValue(format.fmtp, "apt").value_or(""));
    if (apt && *apt < rtx.size() && !rtx[*apt]) rtx[*apt] = format.payload_type;
  }
  return rtx;
}

struct Known {
  Codec codec;
  const Canonical* as;
};

/// H.264 is sent with the first of the answered profiles; the one that everybody decodes goes there.
void bestH264First(std::vector<Known>& codecs) {
  std::vector<size_t> places;
  std::vector<Known> h264;
  for (size_t i = 0; i < codecs.size(); ++i) {
    if (codecs[i].as->profile == kNone) continue;
    places.push_back(i);
    h264.push_back(codecs[i]);
  }
  std::ranges::stable_sort(h264, [](const Known& a, const Known& b) {
    const auto plain = [](const Known& each) { return identityOf(each.codec).profile == kBaseline; };
    return a.as != b.as ? a.as < b.as : plain(a) < plain(b);
  });
  for (size_t i = 0; i < places.size(); ++i) codecs[places[i]] = h264[i];
}

/// Removes the least useful codecs until the rows can hold the rest.
void keepWhatFits(std::vector<Known>& codecs) {
  while (codecs.size() > contract::kPayloadTypeMax / 2)
    codecs.erase(std::ranges::max_element(codecs, {}, [](const Known& each) { return each.as; }));
}

Kind kindOf(const Canonical& codec) {
  return codec.clock_rate_hz == 90000 ? Kind::video : Kind::audio;
}

}  // namespace

std::string forwardedCodecs(Kind kind) {
  std::string names;
  std::string_view last;
  for (const Canonical& each : kCanonical) {
    if (kindOf(each) != kind || each.name == kTelephoneEvent || each.name == last) continue;
    last = each.name;
    if (names.contains(last)) continue;
    names += (names.empty() ? "" : ", ") + std::string(last);
  }
  return names;
}

std::vector<Codec> supportedCodecs(const sdp::Media& media, Kind kind, const std::vector<std::string>& feedback) {
  const auto rtx = rtxOf(media);
  std::vector<Known> known;
  for (const sdp::Format& format : media.formats) {
    Codec codec{.name = format.name,
                .clock_rate_hz = format.clock_rate_hz,
                .channels = format.channels,
                .payload_type = format.payload_type,
                .fmtp = format.fmtp};
    const Canonical* as = findCanonical(codec);
    if (!as || kindOf(*as) != kind) continue;
    codec.rtx_payload_type = rtx[format.payload_type];
    // Audio is not retransmitted: by the time it came again, it would be too late. RED sends it twice beforehand.
    for (const std::string& each : format.feedback)
      if (std::ranges::find(feedback, each) != feedback.end() && (kind == Kind::video || each == "transport-cc"))
        codec.rtcp_feedback.push_back(each);
    known.push_back({std::move(codec), as});
  }
  keepWhatFits(known);
  bestH264First(known);
  std::vector<Codec> codecs;
  for (Known& each : known) codecs.push_back(std::move(each.codec));
  std::erase_if(codecs, [&, all = codecs](const Codec& codec) { return isRed(codec) && !opusIn(codec, all); });
  const auto is_event = [](const Codec& codec) { return sameName(codec.name, kTelephoneEvent); };
  if (std::ranges::all_of(codecs, is_event)) return {};
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
  const std::vector<CodecIdentity> sent = identitiesOf(track);
  std::vector<Codec> common;
  for (const Codec& codec : answered) {
    const CodecIdentity receiver = identityOf(codec);
    if (std::ranges::any_of(sent, [&](const CodecIdentity& each) { return decodes(receiver, each); }))
      common.push_back(codec);
  }
  return common;
}

std::vector<sdp::Format> formatsOf(const std::vector<Codec>& codecs) {
  std::vector<sdp::Format> formats;
  for (const Codec& codec : codecs) {
    formats.push_back(
        {codec.payload_type, codec.name, codec.clock_rate_hz, codec.channels, codec.fmtp, codec.rtcp_feedback});
    if (codec.rtx_payload_type)
      formats.push_back(
          {*codec.rtx_payload_type, "rtx", codec.clock_rate_hz, 0, "apt=" + std::to_string(codec.payload_type), {}});
  }
  return formats;
}

}  // namespace penstock
