// Publisher's RTP timestamps to a subscriber's: one offset, which changes only with the source, so that time goes on.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/packet/serial.h"

namespace penstock::stream {

class TimestampRewriter {
 public:
  TimestampRewriter(uint32_t offset, uint32_t clock_rate_hz) : offset_(offset), clock_rate_hz_(clock_rate_hz) {}

  /// Another encoding follows. Its offset is chosen at its first packet: the one given, for example from sender reports
  /// of both, if time goes on with it and by no more than a second too much; otherwise from the time that passed.
  void switchSource(std::optional<uint32_t> offset = std::nullopt) {
    switching_ = started_;
    proposed_ = offset;
    if (!started_ && offset) offset_ = *offset;
  }

  uint32_t map(uint32_t timestamp, uint64_t now_ns) {
    if (switching_) {
      switching_ = false;
      // At least one tick, or the decoder would take two frames for one.
      const uint64_t elapsed_ns = now_ns > last_ns_ ? now_ns - last_ns_ : 0;
      const uint64_t elapsed = ticks(elapsed_ns, clock_rate_hz_);
      offset_ = last_ + static_cast<uint32_t>(elapsed > 0 ? elapsed : 1) - timestamp;
      const auto ahead = proposed_ ? static_cast<int32_t>(timestamp + *proposed_ - last_) : 0;
      if (ahead > 0 && static_cast<uint64_t>(ahead) <= elapsed + clock_rate_hz_) offset_ = *proposed_;
    }
    const uint32_t outgoing = timestamp + offset_;
    if (!started_ || isNewer(outgoing, last_)) {
      started_ = true;
      last_ = outgoing;
      last_ns_ = now_ns;
    }
    return outgoing;
  }

  /// Subscriber's timestamp = publisher's + this, modulo 2^32.
  uint32_t offset() const { return offset_; }
  void setClockRate(uint32_t clock_rate_hz) { clock_rate_hz_ = clock_rate_hz; }

  /// Exact for any time since boot: no overflow, no rounding error that grows.
  static constexpr uint64_t ticks(uint64_t ns, uint32_t clock_rate_hz) {
    return ns / 1'000'000'000 * clock_rate_hz + ns % 1'000'000'000 * clock_rate_hz / 1'000'000'000;
  }

 private:
  uint32_t offset_;
  uint32_t clock_rate_hz_;
  uint32_t last_ = 0;
  uint64_t last_ns_ = 0;
  std::optional<uint32_t> proposed_;
  bool started_ = false;
  bool switching_ = false;
};

}  // namespace penstock::stream
