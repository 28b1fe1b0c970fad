// Per-packet RTP crypto, as the relay sees it: keys are expanded and streams opened off the path, then whole bursts are
// protected or unprotected with one call. A backend does the arithmetic; index and replay rules are the same for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "dataplane/contract/rows.h"
#include "dataplane/packet/prefetch.h"
#include "dataplane/srtp/packet_index.h"

namespace penstock::srtp {

/// What became of one packet. Anything but kOk changed no state of the stream.
enum class CryptoStatus : uint8_t {
  kOk,
  kAuthenticationFailed,  // tag wrong
  kReplayed,              // index was accepted before
  kOld,                   // index is older than the replay window can tell
  kMalformed,             // RTP header inconsistent, or not the stream's SSRC
  kNoSpace,               // destination too small for payload and tag
  kIndexUsed,             // sending: the index was used, or may have been: a keystream is never used twice
  kIndexMismatch,         // sending: the header's sequence number is not the low half of the index
  kIndexTooFar,           // sending: 2^15 or more ahead, where the receiver would guess another roll-over counter
  kFailed,                // the backend refused
};

/// Bytes that protection adds behind the payload of an RTP packet.
constexpr size_t tagLength(contract::SrtpProfile profile) {
  switch (profile) {
    case contract::SrtpProfile::kAes128CmHmacSha1_80:
      return 10;
    case contract::SrtpProfile::kAes128CmHmacSha1_32:
      return 4;
    case contract::SrtpProfile::kAeadAes128Gcm:
    case contract::SrtpProfile::kAeadAes256Gcm:
      return 16;
    default:
      return 0;
  }
}
inline constexpr size_t kTagMax = 16;

/// Of plain transports without SRTP, and of measurements of what all else costs.
constexpr bool isInTheClear(contract::SrtpProfile profile) {
  return profile == contract::SrtpProfile::kUnprotected;
}

/// The expanded keys of one direction of one transport, shared by its streams. Wiped when the last stream is gone.
class Keys {
 public:
  virtual ~Keys() = default;
  contract::SrtpProfile profile() const { return profile_; }

 protected:
  explicit Keys(contract::SrtpProfile profile) : profile_(profile) {}
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

 private:
  contract::SrtpProfile profile_;
};

struct ProtectJob;
struct UnprotectJob;

/// One outgoing RTP stream. Belongs to one thread at a time.
class SendStream {
 public:
  virtual ~SendStream() = default;
  uint32_t ssrc() const { return ssrc_; }
  size_t tagLength() const { return tag_length_; }
  /// Only what is not protected has no tag.
  bool inTheClear() const { return tag_length_ == 0; }
  /// Asks for what protecting the next packet looks at; keys aside.
  void prefetch() const {
    __builtin_prefetch(this);
    used_.prefetch();
    penstock::prefetch<128>(&ssrc_);
  }
  /// The lowest index that is certainly unused.
  uint64_t nextIndex() const { return used_.started() ? used_.highest() + 1 : 0; }

 protected:
  /// Indices below `first_index` count as used.
  SendStream(uint32_t ssrc, size_t tag_length, uint64_t first_index)
      : used_(kReplayWindowMax), ssrc_(ssrc), tag_length_(tag_length) {
    if (first_index > 0) used_.restore(first_index - 1);
  }
  SendStream(const SendStream&) = delete;
  SendStream& operator=(const SendStream&) = delete;

  /// Everything that can be wrong with a job, in the same order for every backend. kOk: it fits and its index may be
  /// used.
  CryptoStatus examine(const ProtectJob& job) const;

  ReplayWindow used_;

 private:
  CryptoStatus admit(uint64_t index, uint16_t sequence) const;

  uint32_t ssrc_;
  size_t tag_length_;
};

/// One incoming RTP stream. Belongs to one thread at a time.
class ReceiveStream {
 public:
  virtual ~ReceiveStream() = default;
  /// 0 until the first authenticated packet, if it was opened without an SSRC.
  uint32_t ssrc() const { return ssrc_; }
  /// Meaningful once a packet was accepted, or a highest index was restored.
  uint64_t highestIndex() const { return seen_.highest(); }
  bool started() const { return seen_.started(); }
  size_t tagLength() const { return tag_length_; }
  /// Only what is not protected has no tag.
  bool inTheClear() const { return tag_length_ == 0; }
  /// Another one under the same keys; parameters as of Backend::openReceive. Null if the backend refuses.
  virtual std::unique_ptr<ReceiveStream> another(uint32_t ssrc, uint64_t highest_index) const = 0;

 protected:
  ReceiveStream(uint32_t ssrc, size_t tag_length, uint32_t window, uint64_t highest_index)
      : seen_(window), ssrc_(ssrc), tag_length_(tag_length) {
    if (highest_index > 0) seen_.restore(highest_index);
  }
  ReceiveStream(const ReceiveStream&) = delete;
  ReceiveStream& operator=(const ReceiveStream&) = delete;

  /// What a packet claims to be; to be believed once its tag is found right.
  struct Claim {
    CryptoStatus status;   // kOk: new, and worth the arithmetic; otherwise the rest means nothing
    size_t header_length;  // with CSRCs and extensions
    uint32_t ssrc;
    uint64_t index;
  };
  /// Everything but the tag, in the same order for every backend.
  Claim examine(const UnprotectJob& job) const;
  /// RFC 3711 section 3.3.1 begins with a roll-over counter of 0, but the packets before the first one heard may have
  /// been lost, and the roll-over among them. True: the claim now has a counter of 1, under which it is to be tried
  /// too.
  bool assumeRollOver(Claim& claim) const {
    if (seen_.started()) return false;
    claim.index += uint64_t{1} << 16;
    return true;
  }
  /// The packet of this claim was authentic.
  void accept(const Claim& claim) {
    ssrc_ = claim.ssrc;
    seen_.add(claim.index);
  }

  ReplayWindow seen_;
  uint32_t ssrc_;

 private:
  size_t tag_length_;
};

/// One packet to protect: header already written at the start of `destination`, payload elsewhere and shared.
struct ProtectJob {
  SendStream* stream;
  std::span<uint8_t> destination;    // its size is the space there is; must not overlap `payload`
  std::span<const uint8_t> payload;  // plaintext, never changed; copied or encrypted to destination + written_length
  uint64_t index;                    // 48 bits: roll-over counter << 16 | sequence number of the header
  uint16_t header_length;            // RTP header with CSRCs and extensions: authenticated, sent in the clear
  uint16_t written_length;           // >= header_length; the rest is payload too (RTX: original sequence number)
  size_t length = 0;                 // out: length of the protected packet
  CryptoStatus status = CryptoStatus::kFailed;  // out
};

/// One packet to unprotect in place.
struct UnprotectJob {
  ReceiveStream* stream;
  std::span<uint8_t> packet;                    // the whole SRTP packet; on failure its bytes are undefined
  size_t length = 0;                            // out: length of the RTP packet (header, payload, padding)
  uint64_t index = 0;                           // out: 48 bits
  CryptoStatus status = CryptoStatus::kFailed;  // out
};

/// Opening allocates and belongs off the path. The two burst calls must not allocate, log or fail as a whole; jobs of
/// one stream take effect in the order given, as if made one by one. All may be called by several threads at once, each
/// with streams of its own.
class Backend {
 public:
  virtual ~Backend() = default;
  /// As the setting srtp.backend calls it.
  virtual std::string_view name() const = 0;

  /// Null if the profile is unknown.
  virtual std::shared_ptr<const Keys> expand(contract::SrtpProfile profile, const contract::SrtpKey& key) = 0;
  /// `first_index`: what a flows region says may be used next; 0 if the stream is new. Null if the backend refuses.
  virtual std::unique_ptr<SendStream> openSend(std::shared_ptr<const Keys> keys, uint32_t ssrc,
                                               uint64_t first_index) = 0;
  /// `ssrc` 0: bound by the first packet that authenticates (and that one binding may allocate, once).
  /// `highest_index` 0: nothing was received yet. `window`: kReplayWindowAudio or kReplayWindowVideo.
  virtual std::unique_ptr<ReceiveStream> openReceive(std::shared_ptr<const Keys> keys, uint32_t ssrc,
                                                     uint64_t highest_index, uint32_t window) = 0;

  /// Allocates what the calling thread's bursts need. Without, its first burst does.
  virtual void prepareThread() {}
  virtual void protect(std::span<ProtectJob> jobs) = 0;
  virtual void unprotect(std::span<UnprotectJob> jobs) = 0;
};

}  // namespace penstock::srtp
