// Which codec is which: a publisher and a subscriber number and describe the same codec differently.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/room/model.h"

namespace penstock {

/// The value of `name` in parameters as of a=fmtp ("a=1;b=2"); names compare without case.
std::optional<std::string> fmtpValue(std::string_view fmtp, std::string_view name);

/// Equal for codecs whose payloads a receiver of one can decode as the other: "opus/48000/2", "vp9/90000;profile=0",
/// "h264/90000;constrained-baseline;mode=1" (the level is left out: RFC 6184 section 8.2.2 lets it differ by
/// direction).
std::string codecKey(const Codec& codec);

inline constexpr const char* kOpusKey = "opus/48000/2";
/// RFC 2198 with Opus: each packet carries earlier frames again.
inline constexpr const char* kRedKey = "red/48000/2";
inline bool isRed(const Codec& codec) {
  return codecKey(codec) == kRedKey;
}

inline bool sameCodec(const Codec& a, const Codec& b) {
  return codecKey(a) == codecKey(b);
}

}  // namespace penstock
