// A publisher's clock as seen from ours, learned from its sender reports. All its streams use the one mapping, so that
// audio and video stay as far apart as they were when captured.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/stream/ntp_time.h"
#include "dataplane/stream/timestamp_rewriter.h"

namespace penstock::stream {

/// One per publisher transport: our clock = the publisher's NTP clock + an offset. A report can only be late, so the
/// smallest difference of the last minute or so is nearest to the truth; two periods are kept so that drift is
/// followed.
class ClockMapping {
 public:
  void onSenderReport(uint64_t ntp, uint64_t now_ns) {
    const int64_t offset = static_cast<int64_t>(now_ns - nsFromNtp(ntp));
    // A difference no network makes: the publisher's clock was set.
    const bool stepped = valid_ && (offset - offset_ns() > kStepNs || offset_ns() - offset > kStepNs);
    if (!valid_ || stepped) {
      valid_ = true;
      present_ = previous_ = offset;
      period_begin_ns_ = now_ns;
    } else if (now_ns - period_begin_ns_ >= kPeriodNs) {
      previous_ = present_;
      present_ = offset;
      period_begin_ns_ = now_ns;
    } else if (offset < present_) {
      present_ = offset;
    }
  }

  bool valid() const { return valid_; }
  /// Our time of a moment that the publisher calls `ntp`.
  uint64_t ourNs(uint64_t ntp) const { return nsFromNtp(ntp) + static_cast<uint64_t>(offset_ns()); }
  /// The publisher's time, in nanoseconds since its NTP zero, of a moment that is `now_ns` here.
  uint64_t publisherNs(uint64_t now_ns) const { return now_ns - static_cast<uint64_t>(offset_ns()); }

 private:
  static constexpr uint64_t kPeriodNs = 30 * kNsPerSecond;
  static constexpr int64_t kStepNs = 5 * static_cast<int64_t>(kNsPerSecond);
  int64_t offset_ns() const { return present_ < previous_ ? present_ : previous_; }

  int64_t present_ = 0;
  int64_t previous_ = 0;
  uint64_t period_begin_ns_ = 0;
  bool valid_ = false;
};

/// One per encoding: which RTP timestamp its publisher gives to a moment.
class RtpClock {
 public:
  explicit RtpClock(uint32_t clock_rate_hz) : clock_rate_hz_(clock_rate_hz) {}
  void setClockRate(uint32_t clock_rate_hz) { clock_rate_hz_ = clock_rate_hz; }
  /// Its timestamps are others from now on.
  void reset() { valid_ = false; }

  void onSenderReport(uint64_t ntp, uint32_t rtp_timestamp) {
    ntp_ns_ = nsFromNtp(ntp);
    rtp_timestamp_ = rtp_timestamp;
    valid_ = true;
  }

  /// RFC 3550 section 6.4.1: the RTP timestamp that "corresponds to the same time as the NTP timestamp" of a report
  /// made now. Nothing before the publisher's first sender report: better none than a wrong one.
  std::optional<uint32_t> timestampAt(uint64_t now_ns, const ClockMapping& mapping) const {
    if (!valid_ || !mapping.valid()) return std::nullopt;
    const uint64_t then_ns = mapping.publisherNs(now_ns);
    if (then_ns >= ntp_ns_) {
      return rtp_timestamp_ + static_cast<uint32_t>(TimestampRewriter::ticks(then_ns - ntp_ns_, clock_rate_hz_));
    }
    return rtp_timestamp_ - static_cast<uint32_t>(TimestampRewriter::ticks(ntp_ns_ - then_ns, clock_rate_hz_));
  }

 private:
  uint32_t clock_rate_hz_;
  uint64_t ntp_ns_ = 0;
  uint32_t rtp_timestamp_ = 0;
  bool valid_ = false;
};

}  // namespace penstock::stream
