// Which codec is which, and the one rule of what a receiver can decode: publishers and subscribers number and describe
// the same codec differently.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/room/model.h"

namespace penstock {

/// The value of `name` in parameters as of a=fmtp ("a=1;b=2"); names compare without case. Points into `fmtp`.
std::optional<std::string_view> fmtpValue(std::string_view fmtp, std::string_view name);

/// Profiles of H.264 as RFC 6184 table 5 tells them from profile-level-id. kNone: another codec, or another profile.
enum class H264Profile : uint8_t { kNone, kConstrainedBaseline, kBaseline, kMain, kExtended, kConstrainedHigh, kHigh };

/// What decides whether one can decode what another sends, read once out of name and parameters. The level of H.264 is
/// left out: RFC 6184 section 8.2.2 lets it differ by direction, and no encoder here could be told of it.
struct CodecIdentity {
  /// Without what H.264's profile says: "opus/48000", "vp9/90000;profile=0", "h264/90000;mode=1".
  std::string format;
  H264Profile profile = H264Profile::kNone;
  /// H.264 without a=fmtp. As a receiver, it puts no limit on what it gets; as a sender, RFC 6184 section 8.1 has the
  /// defaults, which are in the members above.
  bool unlimited = false;

  friend bool operator==(const CodecIdentity&, const CodecIdentity&) = default;
};
CodecIdentity identityOf(const Codec& codec);
/// Of each, in their order: whoever compares lists reads every a=fmtp once.
std::vector<CodecIdentity> identitiesOf(const std::vector<Codec>& codecs);

/// Can a receiver that described itself so decode what a sender described so?
bool decodes(const CodecIdentity& receiver, const CodecIdentity& sent);

/// Which of the receiver's codecs carries what is sent: the same one if there is, else the first that decodes it.
std::optional<size_t> decoderOf(const std::vector<CodecIdentity>& receiver, const CodecIdentity& sent);

bool isOpus(const Codec& codec);
/// RFC 2198 with Opus: each packet carries earlier frames again.
bool isRed(const Codec& codec);
bool isH264(const Codec& codec);

/// Names of codecs compare without case (RFC 4855 section 3).
bool sameName(std::string_view a, std::string_view b);

}  // namespace penstock
