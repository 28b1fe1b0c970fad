#include "bench/load/ipsec_mb_alone.h"

#ifdef PENSTOCK_IPSEC_MB
#include <intel-ipsec-mb.h>

#include <array>
#include <cstring>
#include <vector>

#include "dataplane/srtp/make_backend.h"

namespace penstock::bench {

namespace {

constexpr size_t kCapacity = 1536;
constexpr size_t kHeader = 12;
constexpr size_t kBatchMax = 64;

struct alignas(64) Key {
  gcm_key_data gcm;
  alignas(16) uint8_t rounds[16 * 11];
  alignas(16) uint8_t inner[20];
  alignas(16) uint8_t outer[20];
};

}  // namespace

struct IpsecMbAlone::Impl {
  Impl(contract::SrtpProfile p, size_t payload_bytes, size_t burst, size_t key_count)
      : profile(p), length(payload_bytes), batch(burst), keys(key_count), buffers(kPass) {
    init_mb_mgr_auto(manager, nullptr);
    for (size_t i = 0; i < keys.size(); ++i) {
      alignas(16) uint8_t key[64] = {};
      alignas(16) uint8_t unused[16 * 15];
      std::memcpy(key, &i, sizeof(i));
      if (profile == contract::SrtpProfile::kAeadAes256Gcm) {
        IMB_AES256_GCM_PRE(manager, key, &keys[i].gcm);
      } else {
        IMB_AES128_GCM_PRE(manager, key, &keys[i].gcm);
      }
      IMB_AES_KEYEXP_128(manager, key, keys[i].rounds, unused);
      IMB_SHA1_ONE_BLOCK(manager, key, keys[i].inner);
      IMB_SHA1_ONE_BLOCK(manager, key, keys[i].outer);
    }
    payload.fill(0x55);
  }
  ~Impl() { free_mb_mgr(manager); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool isGcm() const {
    return profile == contract::SrtpProfile::kAeadAes128Gcm || profile == contract::SrtpProfile::kAeadAes256Gcm;
  }

  void gcmPass(bool sending) {
    const bool is_long = profile == contract::SrtpProfile::kAeadAes256Gcm;
    const auto call = sending   ? is_long ? manager->gcm256_enc : manager->gcm128_enc
                      : is_long ? manager->gcm256_dec
                                : manager->gcm128_dec;
    gcm_context_data context;
    uint8_t tag[16];
    for (size_t i = 0; i < kPass; ++i, at = at + 1 == keys.size() ? 0 : at + 1) {
      uint8_t* const packet = buffers[i].data();
      uint8_t* const body = packet + kHeader;
      call(&keys[at].gcm, &context, body, sending ? payload.data() : body, length, iv.data(), packet, kHeader,
           sending ? body + length : tag, 16);
    }
  }

  /// Cipher burst and hash burst, in this order for sending.
  void cmPass(bool sending) {
    for (size_t done = 0; done < kPass; done += batch) {
      for (size_t i = 0; i < batch; ++i, at = at + 1 == keys.size() ? 0 : at + 1) {
        uint8_t* const packet = buffers[done + i].data();
        ciphers[i] = {.enc_keys = keys[at].rounds,
                      .key_len_in_bytes = 16,
                      .src = sending ? payload.data() : packet + kHeader,
                      .dst = packet + kHeader,
                      .msg_len_to_cipher_in_bytes = length,
                      .iv = iv.data(),
                      .iv_len_in_bytes = 16};
        hashes[i] = {.src = packet,
                     .msg_len_to_hash_in_bytes = kHeader + length + 4,
                     .auth_tag_output = tags[i].data(),
                     .auth_tag_output_len_in_bytes = 20};
        hashes[i].u.HMAC = {keys[at].inner, keys[at].outer};
      }
      if (sending) cipher();
      IMB_SUBMIT_HASH_BURST_NOCHECK(manager, hashes.data(), static_cast<uint32_t>(batch), IMB_AUTH_HMAC_SHA_1);
      if (!sending) cipher();
    }
  }
  void cipher() {
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, ciphers.data(), static_cast<uint32_t>(batch), IMB_CIPHER_CNTR,
                                    IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES);
  }

  contract::SrtpProfile profile;
  size_t length, batch;
  IMB_MGR* manager = alloc_mb_mgr(0);
  std::vector<Key> keys;
  std::vector<std::array<uint8_t, kCapacity>> buffers;
  std::array<uint8_t, kCapacity> payload;
  std::array<IMB_JOB, kBatchMax> ciphers, hashes;
  alignas(64) std::array<std::array<uint8_t, 20>, kBatchMax> tags;
  alignas(16) std::array<uint8_t, 16> iv{};
  size_t at = 0;
};

IpsecMbAlone::IpsecMbAlone(contract::SrtpProfile profile, size_t payload_bytes, size_t batch, size_t keys)
    : impl_(std::make_unique<Impl>(profile, payload_bytes, batch, keys)) {}

void IpsecMbAlone::pass(bool sending) {
  impl_->isGcm() ? impl_->gcmPass(sending) : impl_->cmPass(sending);
}

bool IpsecMbAlone::can(contract::SrtpProfile profile) {
  const bool known =
      profile == contract::SrtpProfile::kAeadAes128Gcm || profile == contract::SrtpProfile::kAeadAes256Gcm ||
      profile == contract::SrtpProfile::kAes128CmHmacSha1_80 || profile == contract::SrtpProfile::kAes128CmHmacSha1_32;
  return known && srtp::makeBackend(srtp::BackendChoice::kIpsecMb) != nullptr;
}

IpsecMbAlone::~IpsecMbAlone() = default;

}  // namespace penstock::bench

#else

namespace penstock::bench {

struct IpsecMbAlone::Impl {};
IpsecMbAlone::IpsecMbAlone(contract::SrtpProfile, size_t, size_t, size_t) {}
IpsecMbAlone::~IpsecMbAlone() = default;
void IpsecMbAlone::pass(bool) {}
bool IpsecMbAlone::can(contract::SrtpProfile) {
  return false;
}

}  // namespace penstock::bench

#endif
