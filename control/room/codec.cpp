#include "control/room/codec.h"

#include <algorithm>

namespace penstock {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// profile_idc and the constraint flags that make another profile of it (RFC 6184 table 5), without the level.
H264Profile h264Profile(std::string_view fmtp) {
  // RFC 6184 section 8.1: without profile-level-id, Baseline without further constraints is meant.
  const std::string id = lower(fmtpValue(fmtp, "profile-level-id").value_or("42000a"));
  if (id.size() != 6 || id.find_first_not_of("0123456789abcdef") != std::string::npos) return H264Profile::kNone;
  const std::string idc = id.substr(0, 2);
  const unsigned flags = static_cast<unsigned>(std::stoul(id.substr(2, 2), nullptr, 16));
  const bool set0 = flags & 0x80, set1 = flags & 0x40;
  if (idc == "42") return set1 ? H264Profile::kConstrainedBaseline : H264Profile::kBaseline;
  if (idc == "4d") return set0 ? H264Profile::kConstrainedBaseline : H264Profile::kMain;
  if (idc == "58")
    return set0 && set1 ? H264Profile::kConstrainedBaseline : set0 ? H264Profile::kBaseline : H264Profile::kExtended;
  if (idc == "64") return (flags & 0x0c) == 0x0c ? H264Profile::kConstrainedHigh : H264Profile::kHigh;
  return H264Profile::kNone;
}

/// H.264 annex A.2: which profiles a decoder of one must decode.
bool contains(H264Profile decoder, H264Profile sent) {
  if (decoder == H264Profile::kNone || sent == H264Profile::kNone) return false;
  // Every decoder has Constrained Baseline. What is announced as Baseline is that too: flexible macroblock order and
  // redundant slices, which are the difference, no encoder makes, and libx264 announces 42000d for streams without.
  if (sent == H264Profile::kConstrainedBaseline || sent == H264Profile::kBaseline || sent == decoder) return true;
  return decoder == H264Profile::kHigh && (sent == H264Profile::kMain || sent == H264Profile::kConstrainedHigh);
}

}  // namespace

bool sameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> fmtpValue(std::string_view fmtp, std::string_view name) {
  while (!fmtp.empty()) {
    const size_t end = std::min(fmtp.find(';'), fmtp.size());
    const std::string_view item = trim(fmtp.substr(0, end));
    fmtp.remove_prefix(std::min(end + 1, fmtp.size()));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    if (sameName(trim(item.substr(0, equals)), name)) return trim(item.substr(equals + 1));
  }
  return std::nullopt;
}

bool isOpus(const Codec& codec) {
  // RFC 7587 section 4.1: the clock rate is always 48000 and the number of channels 2, whatever is sent. Peers leave
  // the number out, or say 1.
  return codec.clock_rate_hz == 48'000 && codec.channels <= 2 && sameName(codec.name, "opus");
}

bool isRed(const Codec& codec) {
  return codec.clock_rate_hz == 48'000 && codec.channels <= 2 && sameName(codec.name, "red");
}

bool isH264(const Codec& codec) {
  return codec.clock_rate_hz == 90'000 && sameName(codec.name, "H264");
}

CodecIdentity identityOf(const Codec& codec) {
  const auto parameter = [&](const char* name, const char* usual) {
    return std::string(fmtpValue(codec.fmtp, name).value_or(usual));
  };
  CodecIdentity identity{.format = lower(codec.name) + "/" + std::to_string(codec.clock_rate_hz)};
  if (isOpus(codec) || isRed(codec)) return identity;
  if (codec.channels > 1) identity.format += "/" + std::to_string(codec.channels);
  if (isH264(codec)) {
    identity.format += ";mode=" + parameter("packetization-mode", "0");
    identity.profile = h264Profile(codec.fmtp);
    identity.unlimited = codec.fmtp.empty();
    if (identity.profile == H264Profile::kNone) identity.format += ";profile=" + parameter("profile-level-id", "");
  } else if (sameName(codec.name, "VP9")) {
    identity.format += ";profile=" + parameter("profile-id", "0");
  } else if (sameName(codec.name, "AV1")) {
    identity.format += ";profile=" + parameter("profile", "0");
  } else if (sameName(codec.name, "multiopus")) {
    identity.format += ";mapping=" + parameter("channel_mapping", "") + ";streams=" + parameter("num_streams", "") +
                       ";coupled=" + parameter("coupled_streams", "");
  }
  return identity;
}

std::vector<CodecIdentity> identitiesOf(const std::vector<Codec>& codecs) {
  std::vector<CodecIdentity> identities;
  for (const Codec& codec : codecs) identities.push_back(identityOf(codec));
  return identities;
}

bool decodes(const CodecIdentity& receiver, const CodecIdentity& sent) {
  if (receiver.unlimited && sent.profile != H264Profile::kNone) return true;
  // RFC 6184 section 6: packetization modes stay apart, being part of the format.
  if (receiver.format != sent.format) return false;
  return receiver.profile == sent.profile || contains(receiver.profile, sent.profile);
}

std::optional<size_t> decoderOf(const std::vector<CodecIdentity>& receiver, const CodecIdentity& sent) {
  auto found = std::ranges::find(receiver, sent);
  if (found == receiver.end())
    found = std::ranges::find_if(receiver, [&](const CodecIdentity& each) { return decodes(each, sent); });
  if (found == receiver.end()) return std::nullopt;
  return static_cast<size_t>(found - receiver.begin());
}

}  // namespace penstock
