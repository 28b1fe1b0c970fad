// How much a sender may send, estimated where it is received: for senders that know REMB and not transport-wide
// feedback (draft-ietf-rmcat-gcc-02; send times by the abs-send-time header extension).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/congestion/delay_trend.h"

namespace penstock::congestion {

/// Bits a second over the last half second.
class RateMeter {
 public:
  void add(uint32_t bytes, uint64_t now_ns) {
    advance(now_ns);
    parts_[part_ % kParts] += bytes;
  }
  /// Nothing: too short a time to say.
  std::optional<double> bitsPerSecond(uint64_t now_ns);

 private:
  static constexpr uint64_t kPartNs = 50'000'000, kParts = 11;  // one that grows, ten that count
  void advance(uint64_t now_ns);

  std::array<uint32_t, kParts> parts_{};
  uint64_t part_ = 0, first_part_ = 0;
};

/// 700 bytes, one per transport that publishes.
class ReceiveEstimator {
 public:
  static constexpr double kBeginBps = 300'000, kMinBps = 30'000;

  /// A packet came. `send_time`: abs-send-time, 24 bits in 1/2^18 s. `maximum_bps`: what it may send at the most.
  /// Returns true if the estimate has just fallen, which the sender should know at once.
  bool onPacket(uint32_t send_time, uint32_t bytes, uint64_t now_ns, double maximum_bps);

  /// 0: nothing came yet.
  uint64_t estimateBps() const { return static_cast<uint64_t>(estimate_bps_); }

 private:
  struct Group {
    uint32_t first_send, last_send;  // 24 bits
    uint64_t arrived_ns;             // its last packet
  };
  bool onGroup(const Group& group, uint64_t now_ns, double maximum_bps);
  bool decrease(double received_bps);
  void increase(double received_bps, double elapsed_s);

  RateMeter received_;
  DelayTrend trend_;
  std::optional<Group> group_, before_;
  double estimate_bps_ = 0;
  double capacity_kbps_ = 0, capacity_variance_ = 0.4;  // of the link, as seen when it was full; 0 = not known
  uint64_t changed_ns_ = 0, decreased_ns_ = 0;
};

}  // namespace penstock::congestion
