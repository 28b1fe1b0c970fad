// The SRTP profiles that the API may name, and how long their keys are.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "dataplane/contract/rows.h"

namespace penstock {

struct SrtpProfileText {
  contract::SrtpProfile profile;
  const char* name;  // the crypto suite of RFC 4568 section 6.2 and RFC 7714 section 14.2
  size_t key_bytes, salt_bytes;
};

/// Lengths: RFC 5764 section 4.1.2 and RFC 7714 section 12.
inline constexpr std::array kSrtpProfiles = {
    SrtpProfileText{contract::SrtpProfile::kAes128CmHmacSha1_80, "AES_CM_128_HMAC_SHA1_80", 16, 14},
    SrtpProfileText{contract::SrtpProfile::kAes128CmHmacSha1_32, "AES_CM_128_HMAC_SHA1_32", 16, 14},
    SrtpProfileText{contract::SrtpProfile::kAeadAes128Gcm, "AEAD_AES_128_GCM", 16, 12},
    SrtpProfileText{contract::SrtpProfile::kAeadAes256Gcm, "AEAD_AES_256_GCM", 32, 12},
    SrtpProfileText{contract::SrtpProfile::kUnprotected, "", 0, 0},
};

constexpr const SrtpProfileText* findSrtpProfile(contract::SrtpProfile profile) {
  for (const SrtpProfileText& each : kSrtpProfiles)
    if (each.profile == profile) return &each;
  return nullptr;
}

constexpr const SrtpProfileText* findSrtpProfile(std::string_view name) {
  for (const SrtpProfileText& each : kSrtpProfiles)
    if (each.name == name && !name.empty()) return &each;
  return nullptr;
}

}  // namespace penstock
