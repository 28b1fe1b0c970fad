// SRTP as the RFCs spell it, slow and plain, to hold backends against; and material to feed them with.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "dataplane/srtp/crypto.h"
#include "dataplane/srtp/key_derivation.h"

namespace penstock::srtp {

using Bytes = std::vector<uint8_t>;
using contract::SrtpProfile;

inline constexpr SrtpProfile kProfiles[] = {SrtpProfile::kAes128CmHmacSha1_80, SrtpProfile::kAes128CmHmacSha1_32,
                                            SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm};

inline const char* nameOf(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAes128CmHmacSha1_80:
      return "CM_80";
    case SrtpProfile::kAes128CmHmacSha1_32:
      return "CM_32";
    case SrtpProfile::kAeadAes128Gcm:
      return "GCM_128";
    case SrtpProfile::kAeadAes256Gcm:
      return "GCM_256";
    default:
      return "none";
  }
}

/// Blanks are skipped.
inline Bytes fromHex(std::string_view text) {
  Bytes bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

template <size_t N>
void fill(std::array<uint8_t, N>& to, std::string_view hex) {
  const Bytes bytes = fromHex(hex);
  std::copy(bytes.begin(), bytes.end(), to.begin());
}

/// RFC 3711 sections 4.1.1 and 4.2.1; RFC 7714 section 8.
inline Bytes referenceProtect(SrtpProfile profile, const SessionKeys& keys, Bytes packet, size_t header_length,
                              uint64_t index) {
  const bool aead = profileLengths(profile)->auth_key == 0;
  std::array<uint8_t, 16> iv{};
  std::memcpy(iv.data(), keys.salt.data(), aead ? 12 : 14);
  const size_t ssrc_at = aead ? 2 : 4;
  for (size_t i = 0; i < 4; ++i) iv[ssrc_at + i] ^= packet[8 + i];
  const size_t index_at = aead ? 6 : 8;
  for (size_t i = 0; i < 6; ++i) iv[index_at + i] ^= static_cast<uint8_t>(index >> (40 - 8 * i));

  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  const EVP_CIPHER* cipher = !aead                                    ? EVP_aes_128_ctr()
                             : profile == SrtpProfile::kAeadAes256Gcm ? EVP_aes_256_gcm()
                                                                      : EVP_aes_128_gcm();
  EVP_EncryptInit_ex(context, cipher, nullptr, keys.key.data(), iv.data());
  int n = 0;
  if (aead) EVP_EncryptUpdate(context, nullptr, &n, packet.data(), static_cast<int>(header_length));
  const Bytes plain(packet.begin() + static_cast<ptrdiff_t>(header_length), packet.end());
  if (!plain.empty()) {
    EVP_EncryptUpdate(context, packet.data() + header_length, &n, plain.data(), static_cast<int>(plain.size()));
  }
  uint8_t tag[20] = {};
  if (aead) {
    EVP_EncryptFinal_ex(context, tag, &n);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag);
  } else {
    Bytes authenticated = packet;
    for (int i = 0; i < 4; ++i) authenticated.push_back(static_cast<uint8_t>(index >> (40 - 8 * i)));
    HMAC(EVP_sha1(), keys.auth_key.data(), 20, authenticated.data(), authenticated.size(), tag, nullptr);
  }
  EVP_CIPHER_CTX_free(context);
  packet.insert(packet.end(), tag, tag + tagLength(profile));
  return packet;
}

inline contract::SrtpKey randomKey(std::mt19937_64& random) {
  contract::SrtpKey key{};
  for (uint8_t& byte : key.key) byte = static_cast<uint8_t>(random());
  for (uint8_t& byte : key.salt) byte = static_cast<uint8_t>(random());
  return key;
}

struct PlainPacket {
  Bytes bytes;
  size_t header_length;
};

/// Random CSRCs, header extension and payload size; fixed SSRC and sequence number.
inline PlainPacket randomPacket(std::mt19937_64& random, uint32_t ssrc, uint16_t sequence, size_t payload_max = 1200) {
  const auto csrcs = static_cast<uint8_t>(random() % 4 == 0 ? random() % 16 : 0);
  const bool extended = random() % 2 == 0;
  Bytes bytes = {static_cast<uint8_t>(0x80 | (extended ? 0x10 : 0) | csrcs), static_cast<uint8_t>(random())};
  const auto put = [&](uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  put(sequence, 2);
  put(static_cast<uint32_t>(random()), 4);
  put(ssrc, 4);
  for (int i = 0; i < csrcs; ++i) put(static_cast<uint32_t>(random()), 4);
  if (extended) {
    const auto words = static_cast<uint16_t>(random() % 8);
    put(0xbede, 2);
    put(words, 2);
    for (int i = 0; i < words; ++i) put(static_cast<uint32_t>(random()), 4);
  }
  const size_t header_length = bytes.size();
  const size_t payload = random() % 8 == 0 ? random() % 20 : random() % payload_max;
  for (size_t i = 0; i < payload; ++i) bytes.push_back(static_cast<uint8_t>(random()));
  return {bytes, header_length};
}

}  // namespace penstock::srtp
