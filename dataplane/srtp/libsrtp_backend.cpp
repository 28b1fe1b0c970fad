// See libsrtp_backend.h. Each stream has a libsrtp session of its own, so that no list of streams is searched. Index
// and replay are decided here, before libsrtp, whose own idea of the index is kept in step.
#include "dataplane/srtp/libsrtp_backend.h"

#include <openssl/crypto.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dataplane/srtp/clear.h"
#include "dataplane/srtp/key_derivation.h"

namespace penstock::srtp {
namespace {

struct LibsrtpKeys final : Keys {
  LibsrtpKeys(contract::SrtpProfile profile, const contract::SrtpKey& key, const ProfileLengths& lengths)
      : Keys(profile) {
    std::memcpy(master.data(), key.key, lengths.key);
    std::memcpy(master.data() + lengths.key, key.salt, lengths.salt);
  }
  ~LibsrtpKeys() override { OPENSSL_cleanse(master.data(), master.size()); }

  std::array<uint8_t, contract::kSrtpKeyMax + contract::kSrtpSaltMax> master{};  // key, then salt, as libsrtp wants it
};

class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (session_ != nullptr) srtp_dealloc(session_);
  }

  bool open(const Keys& keys, srtp_ssrc_t ssrc, uint32_t window) {
    srtp_policy_t policy{};
    switch (keys.profile()) {
      case contract::SrtpProfile::kAes128CmHmacSha1_80:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        break;
      case contract::SrtpProfile::kAes128CmHmacSha1_32:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
        break;
      case contract::SrtpProfile::kAeadAes128Gcm:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        break;
      case contract::SrtpProfile::kAeadAes256Gcm:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        break;
      case contract::SrtpProfile::kNone:
      case contract::SrtpProfile::kUnprotected:
        return false;
    }
    policy.rtcp = policy.rtp;  // not used
    policy.ssrc = ssrc;
    // libsrtp takes the key without const and does not change it.
    policy.key = const_cast<uint8_t*>(static_cast<const LibsrtpKeys&>(keys).master.data());
    policy.window_size = window;
    return srtp_create(&session_, &policy) == srtp_err_status_ok;
  }
  srtp_t get() const { return session_; }
  void swap(Session& other) { std::swap(session_, other.session_); }

 private:
  srtp_t session_ = nullptr;
};

class LibsrtpSendStream final : public SendStream {
 public:
  LibsrtpSendStream(uint32_t ssrc, size_t tag_length, uint64_t first_index)
      : SendStream(ssrc, tag_length, first_index) {}
  bool open(const Keys& keys) { return session_.open(keys, {ssrc_specific, ssrc()}, kReplayWindowMax); }

  CryptoStatus protect(ProtectJob& job) {
    const CryptoStatus status = examine(job);
    if (status != CryptoStatus::kOk) return status;
    uint8_t* packet = job.destination.data();
    if (!job.payload.empty()) std::memcpy(packet + job.written_length, job.payload.data(), job.payload.size());
    if (!in_step_) srtp_set_stream_roc(session_.get(), ssrc(), static_cast<uint32_t>(job.index >> 16));
    int length = static_cast<int>(job.written_length + job.payload.size());
    if (srtp_protect(session_.get(), packet, &length) != srtp_err_status_ok) return CryptoStatus::kFailed;
    in_step_ = true;
    used_.add(job.index);
    job.length = static_cast<size_t>(length);
    return CryptoStatus::kOk;
  }

 private:
  Session session_;
  bool in_step_ = false;  // libsrtp knows the roll-over counter
};

class LibsrtpReceiveStream final : public ReceiveStream {
 public:
  LibsrtpReceiveStream(std::shared_ptr<const Keys> keys, uint32_t ssrc, uint32_t window, uint64_t highest_index)
      : ReceiveStream(ssrc, srtp::tagLength(keys->profile()), window, highest_index), keys_(std::move(keys)) {}
  bool open() {
    const srtp_ssrc_t which = ssrc_ != 0 ? srtp_ssrc_t{ssrc_specific, ssrc_} : srtp_ssrc_t{ssrc_any_inbound, 0};
    return session_.open(*keys_, which, seen_.size());
  }
  std::unique_ptr<ReceiveStream> another(uint32_t ssrc, uint64_t highest_index) const override {
    auto stream = std::make_unique<LibsrtpReceiveStream>(keys_, ssrc, seen_.size(), highest_index);
    if (!stream->open()) return nullptr;
    return stream;
  }

  CryptoStatus unprotect(UnprotectJob& job) {
    Claim claim = examine(job);
    if (claim.status != CryptoStatus::kOk) return claim.status;
    if (!in_step_ && ssrc_ != 0) srtp_set_stream_roc(session_.get(), ssrc_, static_cast<uint32_t>(claim.index >> 16));
    CryptoStatus status;
    if (started()) {
      status = open(session_, job);
    } else {
      const std::vector<uint8_t> packet(job.packet.begin(), job.packet.end());  // a failed attempt may leave its traces
      status = open(session_, job);
      if (status == CryptoStatus::kAuthenticationFailed && assumeRollOver(claim)) {
        std::ranges::copy(packet, job.packet.begin());
        status = openRolledOver(job, claim);
      }
    }
    if (status != CryptoStatus::kOk) return status;
    in_step_ = true;
    accept(claim);
    job.index = claim.index;
    return CryptoStatus::kOk;
  }

 private:
  static CryptoStatus open(const Session& session, UnprotectJob& job) {
    int length = static_cast<int>(job.packet.size());
    switch (srtp_unprotect(session.get(), job.packet.data(), &length)) {
      case srtp_err_status_ok:
        job.length = static_cast<size_t>(length);
        return CryptoStatus::kOk;
      case srtp_err_status_auth_fail:
        return CryptoStatus::kAuthenticationFailed;
      case srtp_err_status_replay_fail:
        return CryptoStatus::kReplayed;
      case srtp_err_status_replay_old:
        return CryptoStatus::kOld;
      default:
        return CryptoStatus::kFailed;
    }
  }
  /// Only a session that knows the SSRC can be told its roll-over counter.
  CryptoStatus openRolledOver(UnprotectJob& job, const Claim& claim) {
    Session session;
    if (!session.open(*keys_, {ssrc_specific, claim.ssrc}, seen_.size())) return CryptoStatus::kFailed;
    srtp_set_stream_roc(session.get(), claim.ssrc, static_cast<uint32_t>(claim.index >> 16));
    const CryptoStatus status = open(session, job);
    if (status == CryptoStatus::kOk) session_.swap(session);
    return status;
  }

  std::shared_ptr<const Keys> keys_;
  Session session_;
  bool in_step_ = false;
};

class LibsrtpBackend final : public Backend {
 public:
  LibsrtpBackend() {
    // libsrtp keeps one registry of ciphers per process, made once and never unmade.
    static std::once_flag once;
    std::call_once(once, [] {
      if (srtp_init() != srtp_err_status_ok) throw std::runtime_error("libsrtp does not start: its self-tests failed");
    });
  }

  std::string_view name() const override { return "libsrtp"; }

  std::shared_ptr<const Keys> expand(contract::SrtpProfile profile, const contract::SrtpKey& key) override {
    if (isInTheClear(profile)) return clearKeys();
    const auto lengths = profileLengths(profile);
    if (!lengths) return nullptr;
    return std::make_shared<const LibsrtpKeys>(profile, key, *lengths);
  }

  std::unique_ptr<SendStream> openSend(std::shared_ptr<const Keys> keys, uint32_t ssrc, uint64_t first_index) override {
    if (keys == nullptr || ssrc == 0 || first_index > kPacketIndexMax) return nullptr;
    if (isInTheClear(keys->profile())) return openClearSend(ssrc, first_index);
    auto stream = std::make_unique<LibsrtpSendStream>(ssrc, tagLength(keys->profile()), first_index);
    if (!stream->open(*keys)) return nullptr;
    return stream;
  }

  std::unique_ptr<ReceiveStream> openReceive(std::shared_ptr<const Keys> keys, uint32_t ssrc, uint64_t highest_index,
                                             uint32_t window) override {
    if (keys == nullptr || highest_index > kPacketIndexMax) return nullptr;
    if (isInTheClear(keys->profile())) return openClearReceive(ssrc, highest_index, window);
    auto stream = std::make_unique<LibsrtpReceiveStream>(std::move(keys), ssrc, window, highest_index);
    if (!stream->open()) return nullptr;
    return stream;
  }

  void protect(std::span<ProtectJob> jobs) override {
    for (ProtectJob& job : jobs) {
      if (job.stream->inTheClear()) {
        protectClear(job);
      } else {
        job.status = static_cast<LibsrtpSendStream*>(job.stream)->protect(job);
      }
    }
  }
  void unprotect(std::span<UnprotectJob> jobs) override {
    for (UnprotectJob& job : jobs) {
      if (job.stream->inTheClear()) {
        unprotectClear(job);
      } else {
        job.status = static_cast<LibsrtpReceiveStream*>(job.stream)->unprotect(job);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Backend> makeLibsrtpBackend() {
  return std::make_unique<LibsrtpBackend>();
}

}  // namespace penstock::srtp
