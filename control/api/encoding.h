// How bytes are written as text, and which names are names: percent, base64url, hexadecimal, RFC 3339.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock {

enum class PlusSign { kLiteral, kSpace };
/// nullopt: a '%' without two hexadecimal digits.
std::optional<std::string> percentDecode(std::string_view text, PlusSign plus);

/// RFC 4648 section 5, without padding. nullopt: a character outside the alphabet, or an impossible length.
std::optional<std::string> base64UrlDecode(std::string_view text);
std::string base64UrlEncode(std::string_view bytes);

/// RFC 4648 section 4; the padding may be left out, but not be wrong.
std::optional<std::string> base64Decode(std::string_view text);

std::string hexadecimal(std::string_view bytes);

/// "2024-05-06T07:08:09.123Z"
std::string rfc3339(uint64_t unix_ms);
uint64_t unixNowMs();

/// PROTOCOL.md: 1 to 64 characters of A-Z a-z 0-9 _ . - and, because it is a path segment, neither "." nor "..".
bool isRoomName(std::string_view text);
/// UTF-8, at most 64 characters, none of them a control character. May be empty.
bool isDisplayName(std::string_view text);

/// RFC 9110 section 5.6.2 and 8.3.1: the media type without its parameters, in lower case.
std::string mediaType(std::string_view content_type);

}  // namespace penstock
