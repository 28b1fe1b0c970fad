// AES_CM_128_HMAC_SHA1_80 and _32 (RFC 3711) with ipsec-mb: a burst of ciphers, then a burst of hashes that go through
// the vector units side by side; in receiving the other way round.
#pragma once

#include <intel-ipsec-mb.h>

#include <array>

#include "dataplane/srtp/ipsec_mb_manager.h"
#include "dataplane/srtp/ipsec_mb_stream.h"
#include "dataplane/srtp/key_derivation.h"

namespace penstock::srtp {

class CmKeys final : public MbKeys {
 public:
  CmKeys(IMB_MGR& manager, contract::SrtpProfile profile, const SessionKeys& session);
  ~CmKeys() override;

  /// What never changes in a job with these keys.
  void fillCipher(IMB_JOB& job) const { job.enc_keys = job.dec_keys = round_keys_.data(); }
  void fillHash(IMB_JOB& job) const {
    job.u.HMAC._hashed_auth_key_xor_ipad = inner_.data();
    job.u.HMAC._hashed_auth_key_xor_opad = outer_.data();
  }

 private:
  alignas(16) std::array<uint8_t, size_t{16} * 11> round_keys_;
  alignas(16) std::array<uint8_t, 20> inner_;  // SHA-1 after the block of key XOR ipad
  alignas(16) std::array<uint8_t, 20> outer_;
};

/// Room for the jobs of one burst. One per thread.
class CmBurst {
 public:
  explicit CmBurst(IMB_MGR& manager);

  /// `job` was examined and its index marked used. At most kMbBurst until protect().
  void add(const MbSendStream& stream, ProtectJob& job);
  void protect();

  /// At most kMbBurst until unprotect(), which gives each its status.
  void add(UnprotectJob& job);
  void unprotect();

 private:
  using Tag = std::array<uint8_t, 20>;  // as long as ipsec-mb writes it
  using Iv = std::array<uint8_t, 16>;
  static constexpr uint64_t kNoIndex = ~uint64_t{0};
  /// A received packet under way.
  struct Received {
    UnprotectJob* job;
    uint64_t hashed_index;        // that the tag was computed for; kNoIndex: none yet
    size_t hash;                  // where that tag is
    std::array<uint8_t, 10> tag;  // as it came: the roll-over counter is written over it
  };

  void addCipher(const CmKeys& keys, const Iv& iv, const uint8_t* from, uint8_t* to, size_t length);
  size_t addHash(const CmKeys& keys, uint8_t* packet, size_t length, uint64_t index);
  void runCiphers();
  void runHashes(size_t first);
  CryptoStatus settle(Received& received);

  IMB_MGR& manager_;
  FewHashes few_;
  std::array<IMB_JOB, 2 * kMbBurst> cipher_;
  alignas(64) std::array<Iv, 2 * kMbBurst> iv_;
  std::array<IMB_JOB, 2 * kMbBurst> hash_;
  alignas(64) std::array<Tag, 2 * kMbBurst> tag_;
  std::array<ProtectJob*, kMbBurst> sent_;
  std::array<Received, kMbBurst> received_;
  size_t cipher_count_ = 0, hash_count_ = 0, sent_count_ = 0, received_count_ = 0;
};

}  // namespace penstock::srtp
