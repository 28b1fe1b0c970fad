// Session keys from a master key and salt: RFC 3711 section 4.3 with AES-CM as the PRF, key derivation rate 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/contract/rows.h"

namespace penstock::srtp {

/// Lengths that a protection profile fixes (RFC 5764 section 4.1.2, RFC 7714 sections 12 and 14.2).
struct ProfileLengths {
  size_t key;       // master and session encryption key
  size_t salt;      // master and session salt
  size_t auth_key;  // 0: AEAD
  size_t rtp_tag;
  size_t rtcp_tag;  // the 32-bit profile keeps 80 bits for SRTCP
};
std::optional<ProfileLengths> profileLengths(contract::SrtpProfile profile);

/// RFC 3711 section 4.3.1: label of the first of three keys; authentication is + 1, salt + 2.
enum class KeyUse : uint8_t { kRtp = 0, kRtcp = 3 };

/// Wiped when it goes out of scope.
struct SessionKeys {
  std::array<uint8_t, 32> key{};
  std::array<uint8_t, 20> auth_key{};
  std::array<uint8_t, 14> salt{};

  SessionKeys() = default;
  SessionKeys(const SessionKeys&) = default;
  SessionKeys& operator=(const SessionKeys&) = default;
  ~SessionKeys();
};

/// Nothing if the profile is unknown or OpenSSL refuses.
std::optional<SessionKeys> deriveSessionKeys(contract::SrtpProfile profile, const contract::SrtpKey& master,
                                             KeyUse use);

/// The PRF itself: `label` selects the key. RFC 7714 section 11: a 96-bit salt is padded with zero octets to 112 bits.
bool derive(std::span<const uint8_t> master_key, std::span<const uint8_t> master_salt, uint8_t label,
            std::span<uint8_t> out);

}  // namespace penstock::srtp
