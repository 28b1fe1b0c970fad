// HMAC over OpenSSL's SHA-1, whose context, unlike EVP's, is a plain value: copying the keyed one is all a check needs.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dataplane/packet/hmac_sha1.h"

#include <openssl/crypto.h>

#include <cstring>

namespace penstock {
namespace {

constexpr size_t kBlockSize = 64;
constexpr uint8_t kInnerPad = 0x36;
constexpr uint8_t kOuterPad = 0x5c;

std::span<const uint8_t> bytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

HmacSha1Key::HmacSha1Key(std::span<const uint8_t> key) {
  uint8_t block[kBlockSize] = {};
  if (key.size() > kBlockSize) {
    SHA1(key.data(), key.size(), block);
  } else if (!key.empty()) {
    std::memcpy(block, key.data(), key.size());
  }
  for (uint8_t& byte : block) byte ^= kInnerPad;
  SHA1_Init(&inner_);
  SHA1_Update(&inner_, block, kBlockSize);
  for (uint8_t& byte : block) byte ^= kInnerPad ^ kOuterPad;
  SHA1_Init(&outer_);
  SHA1_Update(&outer_, block, kBlockSize);
  OPENSSL_cleanse(block, sizeof block);
}

HmacSha1Key::HmacSha1Key(std::string_view key) : HmacSha1Key(bytesOf(key)) {}

HmacSha1Key::~HmacSha1Key() {
  OPENSSL_cleanse(&inner_, sizeof inner_);
  OPENSSL_cleanse(&outer_, sizeof outer_);
}

Sha1Digest HmacSha1Key::sign(std::initializer_list<std::span<const uint8_t>> parts) const {
  Sha1Digest digest;
  SHA_CTX context = inner_;
  for (const auto part : parts) {
    if (!part.empty()) SHA1_Update(&context, part.data(), part.size());
  }
  SHA1_Final(digest.data(), &context);
  context = outer_;
  SHA1_Update(&context, digest.data(), digest.size());
  SHA1_Final(digest.data(), &context);
  return digest;
}

bool equalConstantTime(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace penstock
