// SHA-256 and HMAC-SHA256.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

std::string sha256(std::string_view text);                            // 32 bytes
std::string hmacSha256(std::string_view key, std::string_view text);  // 32 bytes

}  // namespace penstock
