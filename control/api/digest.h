// SHA-256 and HMAC-SHA256, and the comparison that tells nothing about where two texts differ.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

std::string sha256(std::string_view text);                            // 32 bytes
std::string hmacSha256(std::string_view key, std::string_view text);  // 32 bytes
/// Takes as long for a wrong first byte as for a wrong last one.
bool equalInConstantTime(std::string_view a, std::string_view b);

}  // namespace penstock
