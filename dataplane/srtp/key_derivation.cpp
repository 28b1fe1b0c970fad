// See key_derivation.h.
#include "dataplane/srtp/key_derivation.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace penstock::srtp {

std::optional<ProfileLengths> profileLengths(contract::SrtpProfile profile) {
  switch (profile) {
    case contract::SrtpProfile::kAes128CmHmacSha1_80:
      return ProfileLengths{.key = 16, .salt = 14, .auth_key = 20, .rtp_tag = 10, .rtcp_tag = 10};
    case contract::SrtpProfile::kAes128CmHmacSha1_32:
      // RFC 5764 section 4.1.2: "SRTCP ... auth_tag_length: 80"
      return ProfileLengths{.key = 16, .salt = 14, .auth_key = 20, .rtp_tag = 4, .rtcp_tag = 10};
    case contract::SrtpProfile::kAeadAes128Gcm:
      return ProfileLengths{.key = 16, .salt = 12, .auth_key = 0, .rtp_tag = 16, .rtcp_tag = 16};
    case contract::SrtpProfile::kAeadAes256Gcm:
      return ProfileLengths{.key = 32, .salt = 12, .auth_key = 0, .rtp_tag = 16, .rtcp_tag = 16};
    case contract::SrtpProfile::kNone:
    case contract::SrtpProfile::kUnprotected:
      break;
  }
  return std::nullopt;
}

SessionKeys::~SessionKeys() {
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(auth_key.data(), auth_key.size());
  OPENSSL_cleanse(salt.data(), salt.size());
}

bool derive(std::span<const uint8_t> master_key, std::span<const uint8_t> master_salt, uint8_t label,
            std::span<uint8_t> out) {
  if ((master_key.size() != 16 && master_key.size() != 32) || master_salt.size() > 14) return false;
  // RFC 3711 section 4.3.3: "PRF_n(k_master, x) = AES-CM with IV x * 2^16", x = key_id XOR master_salt, and
  // section 4.3.1: key_id = <label> || r, where r is zero (48 bits) at derivation rate 0.
  std::array<uint8_t, 16> iv{};
  std::copy(master_salt.begin(), master_salt.end(), iv.begin());
  iv[7] ^= label;
  std::fill(out.begin(), out.end(), 0);
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const EVP_CIPHER* cipher = master_key.size() == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
  int written = 0;
  return context != nullptr && EVP_EncryptInit_ex(context.get(), cipher, nullptr, master_key.data(), iv.data()) == 1 &&
         EVP_EncryptUpdate(context.get(), out.data(), &written, out.data(), static_cast<int>(out.size())) == 1 &&
         static_cast<size_t>(written) == out.size();
}

std::optional<SessionKeys> deriveSessionKeys(contract::SrtpProfile profile, const contract::SrtpKey& master,
                                             KeyUse use) {
  const auto lengths = profileLengths(profile);
  if (!lengths) return std::nullopt;
  const std::span key(master.key, lengths->key);
  const std::span salt(master.salt, lengths->salt);
  const auto label = static_cast<uint8_t>(use);
  SessionKeys session;
  const bool derived = derive(key, salt, label, std::span(session.key).first(lengths->key)) &&
                       derive(key, salt, label + 1, std::span(session.auth_key).first(lengths->auth_key)) &&
                       derive(key, salt, label + 2, std::span(session.salt).first(lengths->salt));
  if (!derived) return std::nullopt;
  return session;
}

}  // namespace penstock::srtp
