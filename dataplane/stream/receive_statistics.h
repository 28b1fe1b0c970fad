// What a receiver knows of one RTP stream, and the report block that says so (RFC 3550 appendices A.1, A.3, A.8).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/packet/serial.h"
#include "dataplane/stream/ntp_time.h"

namespace penstock::stream {

/// Fed with authenticated packets of a signalled SSRC only, hence without the probation of A.1.
class ReceiveStatistics {
 public:
  explicit ReceiveStatistics(uint32_t clock_rate_hz) : clock_rate_hz_(clock_rate_hz) {}

  void setClockRate(uint32_t clock_rate_hz) { clock_rate_hz_ = clock_rate_hz; }

  void onPacket(uint16_t sequence, uint32_t timestamp, uint64_t now_ns) {
    if (count(sequence)) updateJitter(timestamp, now_ns);
  }
  /// It came, but its timestamp may be of any clock.
  void onUnusable(uint16_t sequence) { count(sequence); }
  /// Another SSRC.
  void reset() { *this = ReceiveStatistics(clock_rate_hz_); }

  /// `ntp` as in the report.
  void onSenderReport(uint64_t ntp, uint64_t now_ns) {
    last_sr_ = ntpMiddle(ntp);
    last_sr_ns_ = now_ns;
  }

  bool started() const { return received_ > 0; }
  uint64_t received() const { return received_; }
  uint32_t extendedHighestSequence() const { return static_cast<uint32_t>(highest_ - kBias); }
  uint64_t expected() const { return received_ == 0 ? 0 : highest_ - base_ + 1; }
  /// Negative if duplicates arrived. RFC 3550 A.3.
  int64_t lost() const { return static_cast<int64_t>(expected()) - static_cast<int64_t>(received_) + lost_before_; }
  uint32_t jitter() const { return static_cast<uint32_t>(jitter_q4_ >> 4); }
  uint32_t jitterUs() const {
    return clock_rate_hz_ == 0 ? 0 : static_cast<uint32_t>(uint64_t{jitter()} * 1'000'000 / clock_rate_hz_);
  }

  /// Also begins the next interval of fraction lost.
  ReportBlock reportBlock(uint32_t ssrc, uint64_t now_ns) {
    // RFC 3550 A.3
    const int64_t expected_interval = static_cast<int64_t>(expected() - expected_prior_);
    const int64_t lost_interval = expected_interval - static_cast<int64_t>(received_ - received_prior_);
    expected_prior_ = expected();
    received_prior_ = received_;
    const bool some = expected_interval > 0 && lost_interval > 0;
    return {
        .ssrc = ssrc,
        .fraction_lost_q8 =
            some ? static_cast<uint8_t>(std::min<int64_t>(lost_interval * 256 / expected_interval, 255)) : uint8_t{0},
        .packets_lost = static_cast<int32_t>(std::clamp<int64_t>(lost(), -0x80'0000, 0x7f'ffff)),
        .highest_sequence = extendedHighestSequence(),
        .jitter = jitter(),
        .last_sr = last_sr_,
        .delay_since_last_sr = last_sr_ == 0 ? 0 : shortNtpFromNs(now_ns - last_sr_ns_),
    };
  }

 private:
  static constexpr uint64_t kBias = uint64_t{1} << 32;

  /// False: not counted (yet).
  bool count(uint16_t sequence) {
    if (received_ == 0) {
      base_ = highest_ = kBias | sequence;
    } else if (!advance(sequence)) {
      return false;
    }
    ++received_;
    return true;
  }

  bool advance(uint16_t sequence) {
    const int32_t ahead = serialDifference(sequence, static_cast<uint16_t>(highest_));
    if (!isJump(ahead)) {
      highest_ += static_cast<uint64_t>(std::max(ahead, 0));  // else duplicate or reordered
      return true;
    }
    // "the sequence number made a very large jump": believed at the second packet in a row.
    if (!jumped_ || sequence != jump_next_) {
      jumped_ = true;
      jump_next_ = static_cast<uint16_t>(sequence + 1);
      return false;
    }
    jumped_ = false;
    lost_before_ = lost();
    base_ = highest_ = kBias | sequence;
    received_ = received_prior_ = expected_prior_ = 0;
    have_transit_ = false;
    return true;
  }

  void updateJitter(uint32_t timestamp, uint64_t now_ns) {
    const uint64_t arrival =
        now_ns / kNsPerSecond * clock_rate_hz_ + now_ns % kNsPerSecond * clock_rate_hz_ / kNsPerSecond;
    const uint32_t transit = static_cast<uint32_t>(arrival) - timestamp;
    if (have_transit_) {
      // RFC 3550 A.8: "s->jitter += d - ((s->jitter + 8) >> 4)"
      const int64_t change = std::abs(int64_t{serialDifference(transit, transit_)});
      jitter_q4_ += change - ((jitter_q4_ + 8) >> 4);
    }
    transit_ = transit;
    have_transit_ = true;
  }

  uint32_t clock_rate_hz_;
  uint64_t base_ = 0;
  uint64_t highest_ = 0;
  uint64_t received_ = 0;
  uint64_t expected_prior_ = 0;
  uint64_t received_prior_ = 0;
  int64_t lost_before_ = 0;
  int64_t jitter_q4_ = 0;
  uint32_t transit_ = 0;
  uint32_t last_sr_ = 0;
  uint64_t last_sr_ns_ = 0;
  uint16_t jump_next_ = 0;
  bool have_transit_ = false;
  bool jumped_ = false;
};

}  // namespace penstock::stream
