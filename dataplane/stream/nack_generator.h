// Which packets of an encoding are missing, and when to ask for each (RFC 4585 section 6.2.1): not before it may just
// be late, not again before an answer could have arrived, not for ever.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "dataplane/packet/serial.h"

namespace penstock::stream {

/// 3 KiB, one per encoding that can be repaired.
class NackGenerator {
 public:
  /// Missing packets remembered; a longer gap is a break in the stream, not loss that repair could close.
  static constexpr uint16_t kMissingMax = 256;
  static constexpr uint8_t kTriesMax = 8;
  static constexpr uint8_t kPromptTries = 3;  // of them, those that follow each other by a round trip
  /// Packets of one frame overtake each other by little.
  static constexpr uint32_t kReorderMs = 10;
  /// Later than this a receiver has gone on without it.
  static constexpr uint32_t kAgeMaxMs = 1000;
  static constexpr uint32_t kRetryMinMs = 20;

  /// Any authenticated packet of the stream, or one that RTX brought back.
  void onPacket(uint16_t sequence, uint64_t now_ns) {
    if (!started_) {
      started_ = true;
      newest_ = sequence;
      return;
    }
    const int32_t ahead = serialDifference(sequence, newest_);
    if (ahead <= 0) return found(sequence);
    if (ahead > kMissingMax) {
      given_up_ += count_;
      count_ = 0;
    } else {
      miss(static_cast<uint16_t>(ahead - 1), static_cast<uint32_t>(now_ns / kNsPerMs));
    }
    newest_ = sequence;
  }

  /// Sequence numbers to ask for now, in order, at most as many as `out` has room for. `rtt_ns` to the sender and back.
  size_t collect(uint64_t now_ns, uint64_t rtt_ns, std::span<uint16_t> out) {
    const auto now_ms = static_cast<uint32_t>(now_ns / kNsPerMs);
    // Senders leave out what they repeated less than a round trip ago, by their own measure of it: an eighth more.
    const auto rtt_ms = static_cast<uint32_t>(rtt_ns / kNsPerMs);
    const uint32_t retry_ms = std::max(rtt_ms + rtt_ms / 8 + 2, kRetryMinMs);
    size_t asked = 0, kept = 0;
    for (size_t i = 0; i < count_; ++i) {
      Missing missing = missing_[i];
      const bool due = serialDifference(now_ms, missing.due_ms) >= 0;
      if (now_ms - missing.since_ms > kAgeMaxMs || (due && missing.tries >= kTriesMax)) {
        ++given_up_;
        if (!last_given_up_ || isNewer(missing.sequence, *last_given_up_)) last_given_up_ = missing.sequence;
        continue;
      }
      if (due && asked < out.size()) {
        out[asked++] = missing.sequence;
        ++missing.tries;
        // Answers were lost again and again: the path is bad, so each next one waits half a round trip longer.
        const uint32_t late_tries = missing.tries - std::min(missing.tries, kPromptTries);
        missing.due_ms = now_ms + retry_ms + retry_ms * late_tries / 2;
      }
      missing_[kept++] = missing;
    }
    count_ = static_cast<uint16_t>(kept);
    return asked;
  }

  /// Whether collect() has to be called again.
  bool waiting() const { return count_ > 0; }
  /// Whether the packet is still awaited: what RTX brings back otherwise is of no use.
  bool isMissing(uint16_t sequence) const { return find(sequence) < count_; }
  /// Packets that never came.
  uint64_t givenUp() const { return given_up_; }
  /// The last of those that collect() gave up since this was asked before.
  std::optional<uint16_t> takeGivenUp() { return std::exchange(last_given_up_, std::nullopt); }
  /// The stream goes on elsewhere (another SSRC, a pause): nothing of it is missing.
  void reset() {
    count_ = 0;
    started_ = false;
  }

 private:
  static constexpr uint64_t kNsPerMs = 1'000'000;
  struct Missing {
    uint32_t since_ms;
    uint32_t due_ms;
    uint16_t sequence;
    uint8_t tries;
  };

  void miss(uint16_t gap, uint32_t now_ms) {
    const auto room = static_cast<uint16_t>(kMissingMax - count_);
    if (gap > room) {  // the oldest have waited longest, and are of the least use
      const auto forgotten = static_cast<uint16_t>(gap - room);
      std::copy(missing_.begin() + forgotten, missing_.begin() + count_, missing_.begin());
      count_ = static_cast<uint16_t>(count_ - forgotten);
      given_up_ += forgotten;
    }
    for (uint16_t i = 1; i <= gap; ++i) {
      missing_[count_++] = {now_ms, now_ms + kReorderMs, static_cast<uint16_t>(newest_ + i), 0};
    }
  }
  size_t find(uint16_t sequence) const {
    size_t i = 0;
    while (i < count_ && missing_[i].sequence != sequence) ++i;
    return i;
  }
  void found(uint16_t sequence) {
    const size_t i = find(sequence);
    if (i == count_) return;
    std::copy(missing_.begin() + static_cast<std::ptrdiff_t>(i) + 1, missing_.begin() + count_,
              missing_.begin() + static_cast<std::ptrdiff_t>(i));
    --count_;
  }

  std::array<Missing, kMissingMax> missing_;  // in order of sequence; the first count_
  uint64_t given_up_ = 0;
  std::optional<uint16_t> last_given_up_;
  uint16_t count_ = 0;
  uint16_t newest_ = 0;
  bool started_ = false;
};

}  // namespace penstock::stream
