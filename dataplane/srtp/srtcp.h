// SRTCP of one transport, both directions (RFC 3711 section 3.4, RFC 7714 section 9). Written over OpenSSL, because the
// index must go on after a crash and libsrtp cannot be told where.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/contract/regions.h"
#include "dataplane/srtp/crypto.h"
#include "dataplane/srtp/key_derivation.h"

namespace penstock::srtp {

/// Index word and tag, at most.
inline constexpr size_t kSrtcpTrailerMax = 4 + kTagMax;
/// RFC 3711 section 9.2: at most 2^31 SRTCP packets under one master key.
inline constexpr uint64_t kSrtcpIndexMax = (uint64_t{1} << 31) - 1;
/// Sender SSRCs whose whole replay state one transport holds: those heard last.
inline constexpr size_t kSrtcpSenderMax = contract::kSrtcpSenderMax;
/// Of so many that gave up their place to others the highest index is remembered, so that nothing of theirs comes
/// twice.
inline constexpr size_t kSrtcpForgottenMax = 192;

inline constexpr size_t kNoSender = SIZE_MAX;

struct SrtcpResult {
  size_t length = 0;
  CryptoStatus status = CryptoStatus::kFailed;
  size_t sender = kNoSender;  // received: the place of its sender's replay state; in the clear it has none
};

class SrtcpCipher;  // keys of one direction; null: RTCP in the clear

/// What we send: one index for all SSRCs of the transport, so that a crash has one number to remember.
class SrtcpSender {
 public:
  /// `first_index`: what the flows region says may be used next. Null if the profile is unknown.
  static std::unique_ptr<SrtcpSender> open(contract::SrtpProfile profile, const contract::SrtpKey& key,
                                           uint64_t first_index);
  /// With keys that are derived already, as the vectors of RFC 7714 give them.
  static std::unique_ptr<SrtcpSender> open(contract::SrtpProfile profile, const SessionKeys& keys,
                                           uint64_t first_index);
  ~SrtcpSender();

  /// In place: `length` bytes of `buffer` are the compound packet, the rest is room for the trailer.
  SrtcpResult protect(std::span<uint8_t> buffer, size_t length);
  uint64_t nextIndex() const { return next_index_; }

 private:
  SrtcpSender(std::unique_ptr<SrtcpCipher> cipher, uint64_t first_index);
  std::unique_ptr<SrtcpCipher> cipher_;
  uint64_t next_index_;
};

/// What we receive. Replay state per sender SSRC is made only after a packet authenticated, in a table of fixed size.
/// Some clients report under another SSRC for each stream they receive: when the table is full, who was heard longest
/// ago gives up its place.
class SrtcpReceiver {
 public:
  /// `seen`: what the flows region says of an earlier process; whatever that may have taken counts as replayed.
  static std::unique_ptr<SrtcpReceiver> open(contract::SrtpProfile profile, const contract::SrtpKey& key,
                                             std::span<const contract::SrtcpSenderFlow> seen = {});
  static std::unique_ptr<SrtcpReceiver> open(contract::SrtpProfile profile, const SessionKeys& keys,
                                             std::span<const contract::SrtcpSenderFlow> seen = {});
  ~SrtcpReceiver();

  /// In place.
  SrtcpResult unprotect(std::span<uint8_t> packet);

  size_t senderCount() const { return sender_count_; }
  /// For the flows region.
  contract::SrtcpSenderFlow seen(size_t sender) const { return {senders_[sender].ssrc, senders_[sender].highest + 1}; }

 private:
  struct SenderState {
    uint32_t ssrc;
    uint32_t highest;
    uint64_t seen;   // bit i: highest - i
    uint64_t heard;  // when, in packets
  };
  explicit SrtcpReceiver(std::unique_ptr<SrtcpCipher> cipher);
  void resume(std::span<const contract::SrtcpSenderFlow> seen);
  SenderState* find(uint32_t ssrc);
  contract::SrtcpSenderFlow* findForgotten(uint32_t ssrc);
  SenderState& admit(uint32_t ssrc, uint32_t index);
  static CryptoStatus checkReplay(const SenderState& sender, uint32_t index);
  static void markSeen(SenderState& sender, uint32_t index);

  std::unique_ptr<SrtcpCipher> cipher_;
  std::array<SenderState, kSrtcpSenderMax> senders_{};
  std::array<contract::SrtcpSenderFlow, kSrtcpForgottenMax> forgotten_{};  // a ring; index_end 0 = empty
  size_t sender_count_ = 0, forgotten_next_ = 0;
  uint64_t packets_ = 0;
};

}  // namespace penstock::srtp
