#include "dataplane/congestion/receive_estimator.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace penstock::congestion {

namespace {

constexpr double kUnitMs = 1000.0 / (1 << 18);  // of abs-send-time
constexpr double kGroupMs = 5;                  // draft, section 5.2: burst_time
constexpr double kPauseMs = 3000;               // longer than that is no queue
constexpr double kDecrease = 0.85;              // draft, table 1: beta
constexpr double kIncreasePerSecond = 1.08;     // eta
constexpr double kResponseS = 0.2;              // a round trip and 100 ms
constexpr double kAveragePacketBits = 1200 * 8;
constexpr uint64_t kDecreaseAgainNs = 300'000'000;  // what was sent before the sender knew still comes
constexpr double kSmoothing = 0.05;

/// Of 24-bit times that wrap: positive if `a` is later.
double differenceMs(uint32_t a, uint32_t b) {
  return static_cast<double>(static_cast<int32_t>((a - b) << 8) >> 8) * kUnitMs;
}

}  // namespace

void RateMeter::advance(uint64_t now_ns) {
  const uint64_t part = now_ns / kPartNs;
  if (part <= part_) return;
  if (part_ == 0 || part - part_ >= 2 * kParts) {
    parts_ = {};
    first_part_ = part;
  } else {
    for (uint64_t each = part_ + 1; each <= part; ++each) parts_[each % kParts] = 0;
  }
  part_ = part;
}

std::optional<double> RateMeter::bitsPerSecond(uint64_t now_ns) {
  advance(now_ns);
  const uint64_t whole = std::min(part_ - first_part_, kParts - 1);
  if (whole < 4) return std::nullopt;
  uint64_t bytes = 0;
  for (uint64_t each = part_ - whole; each < part_; ++each) bytes += parts_[each % kParts];
  return static_cast<double>(bytes) * 8 * 1e9 / static_cast<double>(whole * kPartNs);
}

bool ReceiveEstimator::onPacket(uint32_t send_time, uint32_t bytes, uint64_t now_ns, double maximum_bps) {
  received_.add(bytes, now_ns);
  if (estimate_bps_ == 0) estimate_bps_ = std::min(kBeginBps, maximum_bps);
  if (!group_) {
    group_ = Group{send_time, send_time, now_ns};
    return false;
  }
  const double since_first_ms = differenceMs(send_time, group_->first_send);
  if (since_first_ms < 0) return false;  // overtaken on its way
  if (since_first_ms <= kGroupMs) {
    group_->last_send = std::max(differenceMs(send_time, group_->last_send), 0.0) > 0 ? send_time : group_->last_send;
    group_->arrived_ns = now_ns;
    return false;
  }
  const Group whole = *group_;
  group_ = Group{send_time, send_time, now_ns};
  return onGroup(whole, now_ns, maximum_bps);
}

bool ReceiveEstimator::onGroup(const Group& group, uint64_t now_ns, double maximum_bps) {
  const std::optional<Group> before = std::exchange(before_, group);
  if (!before) return false;
  const double sent_ms = differenceMs(group.last_send, before->last_send);
  const double arrived_ms = static_cast<double>(group.arrived_ns - before->arrived_ns) / 1e6;
  if (sent_ms <= 0 || sent_ms > kPauseMs || arrived_ms > kPauseMs) {
    trend_ = {};
    return false;
  }
  const Usage usage = trend_.onGroup(sent_ms, arrived_ms, static_cast<double>(group.arrived_ns) / 1e6);
  const auto received_bps = received_.bitsPerSecond(now_ns);
  if (!received_bps) return false;
  const double elapsed_s = std::min(static_cast<double>(now_ns - std::exchange(changed_ns_, now_ns)) / 1e9, 1.0);
  bool fell = false;
  if (usage == Usage::kOver) {
    if (now_ns - decreased_ns_ >= kDecreaseAgainNs) {
      fell = decrease(*received_bps);
      decreased_ns_ = now_ns;
    }
  } else if (usage == Usage::kNormal && now_ns - decreased_ns_ >= kDecreaseAgainNs) {
    increase(*received_bps, elapsed_s);  // while a queue empties (kUnder), and until it is told, it holds
  }
  estimate_bps_ = std::clamp(estimate_bps_, std::min(kMinBps, maximum_bps), maximum_bps);
  return fell;
}

/// Draft, section 6. What gets through while a queue grows is what the link has.
bool ReceiveEstimator::decrease(double received_bps) {
  const double kbps = received_bps / 1000;
  if (capacity_kbps_ != 0 && std::abs(kbps - capacity_kbps_) > 3 * std::sqrt(capacity_variance_ * capacity_kbps_)) {
    capacity_kbps_ = 0;  // another link, or another share of it
  }
  if (capacity_kbps_ == 0) {
    capacity_kbps_ = kbps;
  } else {
    const double error = kbps - capacity_kbps_;
    capacity_kbps_ += kSmoothing * error;
    capacity_variance_ += kSmoothing * (error * error / capacity_kbps_ - capacity_variance_);
    capacity_variance_ = std::clamp(capacity_variance_, 0.4, 2.5);
  }
  const double lower = kDecrease * received_bps;
  if (lower >= estimate_bps_) return false;
  estimate_bps_ = lower;
  return true;
}

void ReceiveEstimator::increase(double received_bps, double elapsed_s) {
  const double deviation_kbps = 3 * std::sqrt(capacity_variance_ * capacity_kbps_);
  if (capacity_kbps_ != 0 && received_bps / 1000 > capacity_kbps_ + deviation_kbps) capacity_kbps_ = 0;
  const bool near = capacity_kbps_ != 0 && received_bps / 1000 > capacity_kbps_ - deviation_kbps;
  const double raised = near ? estimate_bps_ + kAveragePacketBits / 2 * std::min(elapsed_s / kResponseS, 1.0)
                             : estimate_bps_ * std::pow(kIncreasePerSecond, elapsed_s) + 1000 * elapsed_s;
  // Who does not send as much shows nothing about more.
  const double limit = 1.5 * received_bps + 10'000;
  if (raised <= limit) {
    estimate_bps_ = raised;
  } else if (estimate_bps_ < limit) {
    estimate_bps_ = limit;
  }
  // What came before any queue was seen is no more than the link has.
  if (decreased_ns_ == 0) estimate_bps_ = std::max(estimate_bps_, received_bps);
}

}  // namespace penstock::congestion
