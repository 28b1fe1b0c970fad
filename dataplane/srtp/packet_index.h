// The 48-bit packet index of SRTP: guessed from 16 bits (RFC 3711 3.3.1), and never accepted twice (3.3.2).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace penstock::srtp {

/// RFC 3711 section 9.2: at most 2^48 packets under one master key.
inline constexpr uint64_t kPacketIndexMax = (uint64_t{1} << 48) - 1;
/// Replay windows in packets (RFC 3711 section 3.3.2: at least 64). Video bursts reorder over more packets than audio.
inline constexpr uint32_t kReplayWindowAudio = 128;
inline constexpr uint32_t kReplayWindowVideo = 1024;
inline constexpr uint32_t kReplayWindowMax = 1024;

/// RFC 3711 section 3.3.1 and appendix A: the index nearest to `highest` whose low 16 bits are `sequence`.
/// Where that would be below zero or beyond 48 bits, the roll-over counter stays as it is.
constexpr uint64_t guessIndex(uint64_t highest, uint16_t sequence) {
  const uint64_t roc = highest >> 16;
  const uint32_t last = static_cast<uint32_t>(highest & 0xffff);
  if (last < 0x8000) {
    // "if (SEQ - s_l > 32,768) then set v to (ROC - 1) mod 2^32"
    if (sequence > last + 0x8000 && roc > 0) return (roc - 1) << 16 | sequence;
  } else {
    // "if (s_l - 32,768 > SEQ) then set v to (ROC + 1) mod 2^32"
    if (last - 0x8000 > sequence && roc < 0xffff'ffff) return (roc + 1) << 16 | sequence;
  }
  return roc << 16 | sequence;
}

enum class ReplayVerdict : uint8_t { kNew, kReplayed, kOld };

/// Which of the last `size` indices were seen. The bitmap is a ring (RFC 6479), so moving it ahead clears words and
/// shifts nothing.
class ReplayWindow {
 public:
  /// `size` is bounded to 64 .. kReplayWindowMax.
  explicit ReplayWindow(uint32_t size) : size_(bounded(size)), mask_(std::bit_ceil(size_ / 64 + 2) - 1) {}

  /// Goes on where another process stopped: what it may have seen counts as seen.
  void restore(uint64_t highest) {
    bits_.fill(~uint64_t{0});
    word(highest) = bit(highest) | (bit(highest) - 1);
    highest_ = highest;
    started_ = true;
  }

  ReplayVerdict check(uint64_t index) const {
    if (!started_ || index > highest_) return ReplayVerdict::kNew;
    if (highest_ - index >= size_) return ReplayVerdict::kOld;
    return (word(index) & bit(index)) ? ReplayVerdict::kReplayed : ReplayVerdict::kNew;
  }

  /// Only after the packet was authenticated, and only for an index that `check` called new.
  void add(uint64_t index) {
    if (!started_) {
      started_ = true;
      highest_ = index;
      word(index) = bit(index);
      return;
    }
    if (index > highest_) {
      const uint64_t ahead = index / 64 - highest_ / 64;
      const uint64_t clear = std::min<uint64_t>(ahead, mask_ + 1);
      for (uint64_t i = 0; i < clear; ++i) word(index - i * 64) = 0;
      highest_ = index;
    } else if (highest_ - index >= size_) {
      return;
    }
    word(index) |= bit(index);
  }

  /// Asks for the place of the next index.
  void prefetch() const { __builtin_prefetch(&highest_); }

  bool started() const { return started_; }
  /// Meaningful once started().
  uint64_t highest() const { return highest_; }
  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t bounded(uint32_t size) { return std::clamp(size, uint32_t{64}, kReplayWindowMax); }
  static constexpr uint64_t bit(uint64_t index) { return uint64_t{1} << (index % 64); }
  uint64_t& word(uint64_t index) { return bits_[index / 64 & mask_]; }
  const uint64_t& word(uint64_t index) const { return bits_[index / 64 & mask_]; }

  // The word being filled holds little history, so the ring has at least one word more than the window needs.
  std::array<uint64_t, std::bit_ceil(kReplayWindowMax / 64 + 2)> bits_{};
  uint64_t highest_ = 0;
  uint32_t size_;
  uint32_t mask_;
  bool started_ = false;
};

}  // namespace penstock::srtp
