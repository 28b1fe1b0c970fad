// HMAC-SHA1 (RFC 2104) with the key's two blocks hashed once: a check then costs three or four SHA-1 blocks, no
// allocation.
#pragma once

#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace penstock {

inline constexpr size_t kSha1Size = 20;
using Sha1Digest = std::array<uint8_t, kSha1Size>;

class HmacSha1Key {
 public:
  HmacSha1Key() : HmacSha1Key(std::span<const uint8_t>{}) {}
  explicit HmacSha1Key(std::span<const uint8_t> key);
  explicit HmacSha1Key(std::string_view key);
  ~HmacSha1Key();
  HmacSha1Key(const HmacSha1Key&) = default;
  HmacSha1Key& operator=(const HmacSha1Key&) = default;

  /// The code of the parts one after another.
  Sha1Digest sign(std::initializer_list<std::span<const uint8_t>> parts) const;

 private:
  SHA_CTX inner_, outer_;
};

/// In time that does not depend on the bytes.
bool equalConstantTime(std::span<const uint8_t> a, std::span<const uint8_t> b);

}  // namespace penstock
