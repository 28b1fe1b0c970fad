// The ceiling of the fast backend: ipsec-mb alone, its jobs filled in ahead, with as many keys, over as many buffers.
#include <intel-ipsec-mb.h>

#include <array>
#include <cstring>
#include <vector>

#include "bench/micro/crypto_bench.h"
#include "dataplane/srtp/crypto.h"

namespace penstock::bench {
namespace {

constexpr size_t kCapacity = 1536;

struct alignas(64) Key {
  gcm_key_data gcm;
  alignas(16) uint8_t rounds[16 * 11];
  alignas(16) uint8_t inner[20];
  alignas(16) uint8_t outer[20];
};

struct Alone {
  explicit Alone(const benchmark::State& state) : what(cryptoCase(state, 0)), keys(what.keys), buffers(kPass) {
    init_mb_mgr_auto(manager, nullptr);
    for (size_t i = 0; i < keys.size(); ++i) {
      alignas(16) uint8_t key[64] = {};
      alignas(16) uint8_t unused[16 * 15];
      std::memcpy(key, &i, sizeof(i));
      if (what.profile == contract::SrtpProfile::kAeadAes256Gcm) {
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
  ~Alone() { free_mb_mgr(manager); }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;

  bool isGcm() const {
    return what.profile == contract::SrtpProfile::kAeadAes128Gcm ||
           what.profile == contract::SrtpProfile::kAeadAes256Gcm;
  }

  void gcmPass(bool sending) {
    const bool is_long = what.profile == contract::SrtpProfile::kAeadAes256Gcm;
    const auto call = sending   ? is_long ? manager->gcm256_enc : manager->gcm128_enc
                      : is_long ? manager->gcm256_dec
                                : manager->gcm128_dec;
    gcm_context_data context;
    uint8_t tag[16];
    for (size_t i = 0; i < kPass; ++i, at = at + 1 == keys.size() ? 0 : at + 1) {
      uint8_t* const packet = buffers[i].data();
      uint8_t* const body = packet + kRtpHeader;
      call(&keys[at].gcm, &context, body, sending ? payload.data() : body, what.payload, iv.data(), packet, kRtpHeader,
           sending ? body + what.payload : tag, 16);
    }
  }

  /// Cipher burst and hash burst, in this order for sending.
  void cmPass(bool sending) {
    for (size_t done = 0; done < kPass; done += what.batch) {
      for (size_t i = 0; i < what.batch; ++i, at = at + 1 == keys.size() ? 0 : at + 1) {
        uint8_t* const packet = buffers[done + i].data();
        ciphers[i] = {.enc_keys = keys[at].rounds,
                      .key_len_in_bytes = 16,
                      .src = sending ? payload.data() : packet + kRtpHeader,
                      .dst = packet + kRtpHeader,
                      .msg_len_to_cipher_in_bytes = what.payload,
                      .iv = iv.data(),
                      .iv_len_in_bytes = 16};
        hashes[i] = {.src = packet,
                     .msg_len_to_hash_in_bytes = kRtpHeader + what.payload + 4,
                     .auth_tag_output = tags[i].data(),
                     .auth_tag_output_len_in_bytes = 20};
        hashes[i].u.HMAC = {keys[at].inner, keys[at].outer};
      }
      if (sending) cipher();
      IMB_SUBMIT_HASH_BURST_NOCHECK(manager, hashes.data(), static_cast<uint32_t>(what.batch), IMB_AUTH_HMAC_SHA_1);
      if (!sending) cipher();
    }
  }
  void cipher() {
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, ciphers.data(), static_cast<uint32_t>(what.batch), IMB_CIPHER_CNTR,
                                    IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES);
  }

  CryptoCase what;
  IMB_MGR* manager = alloc_mb_mgr(0);
  std::vector<Key> keys;
  std::vector<std::array<uint8_t, kCapacity>> buffers;
  std::array<uint8_t, kCapacity> payload;
  std::array<IMB_JOB, 64> ciphers, hashes;
  alignas(64) std::array<std::array<uint8_t, 20>, 64> tags;
  alignas(16) std::array<uint8_t, 16> iv{};
  size_t at = 0;
};

void run(benchmark::State& state, bool sending) {
  Alone alone(state);
  const auto pass = [&] { alone.isGcm() ? alone.gcmPass(sending) : alone.cmPass(sending); };
  pass();
  PassTimer timer;
  for (auto _ : state) timer.time(state, pass);
  timer.report(state);
}

void protect_alone(benchmark::State& state) {
  run(state, true);
}
void unprotect_alone(benchmark::State& state) {
  run(state, false);
}

void cases(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"profile", "bytes", "burst", "keys"})->UseManualTime();
  forEachCryptoCase([&](int64_t profile, int64_t bytes, int64_t batch, int64_t keys) {
    // With GCM each packet is a call of its own.
    if (profile == 0x0001 || batch == 64) benchmark->Args({profile, bytes, batch, keys});
  });
}
BENCHMARK(protect_alone)->Apply(cases);
BENCHMARK(unprotect_alone)->Apply(cases);

}  // namespace
}  // namespace penstock::bench
