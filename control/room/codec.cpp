#include "control/room/codec.h"

#include <algorithm>
#include <cctype>

namespace penstock {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// profile_idc and the constraint flags that make another profile of it (RFC 6184 table 5), without the level.
std::string h264Profile(std::string_view fmtp) {
  // RFC 6184 section 8.1: without profile-level-id, Baseline without further constraints is meant.
  const std::string id = lower(fmtpValue(fmtp, "profile-level-id").value_or("42000a"));
  if (id.size() != 6 || id.find_first_not_of("0123456789abcdef") != std::string::npos) return "invalid";
  const std::string idc = id.substr(0, 2);
  const unsigned flags = static_cast<unsigned>(std::stoul(id.substr(2, 2), nullptr, 16));
  const bool set0 = flags & 0x80, set1 = flags & 0x40, set2 = flags & 0x20;
  if (idc == "42") return set1 ? "constrained-baseline" : "baseline";
  if (idc == "4d") return set0 ? "constrained-baseline" : "main";
  if (idc == "58") return set0 && set1 ? "constrained-baseline" : set0 ? "baseline" : "extended";
  if (idc == "64") return (flags & 0x0c) == 0x0c ? "constrained-high" : "high";
  return idc + (set2 ? "c" : "");
}

}  // namespace

std::optional<std::string> fmtpValue(std::string_view fmtp, std::string_view name) {
  const std::string wanted = lower(name);
  while (!fmtp.empty()) {
    const size_t end = std::min(fmtp.find(';'), fmtp.size());
    const std::string_view item = trim(fmtp.substr(0, end));
    fmtp.remove_prefix(std::min(end + 1, fmtp.size()));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    if (lower(trim(item.substr(0, equals))) == wanted) return std::string(trim(item.substr(equals + 1)));
  }
  return std::nullopt;
}

std::string codecKey(const Codec& codec) {
  const std::string name = lower(codec.name);
  std::string key = name + "/" + std::to_string(codec.clock_rate_hz);
  if (codec.channels > 1) key += "/" + std::to_string(codec.channels);
  if (name == "h264") {
    key += ";" + h264Profile(codec.fmtp) + ";mode=" + fmtpValue(codec.fmtp, "packetization-mode").value_or("0");
  } else if (name == "vp9") {
    key += ";profile=" + fmtpValue(codec.fmtp, "profile-id").value_or("0");
  } else if (name == "av1") {
    key += ";profile=" + fmtpValue(codec.fmtp, "profile").value_or("0");
  } else if (name == "multiopus") {
    key += ";mapping=" + fmtpValue(codec.fmtp, "channel_mapping").value_or("") +
           ";streams=" + fmtpValue(codec.fmtp, "num_streams").value_or("") +
           ";coupled=" + fmtpValue(codec.fmtp, "coupled_streams").value_or("");
  }
  return key;
}

}  // namespace penstock
