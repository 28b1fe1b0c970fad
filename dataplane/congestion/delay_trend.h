// Whether a queue grows between a sender and us: by how the time between groups of packets is longer here than it was
// there (draft-ietf-rmcat-gcc-02 section 5, with a least-squares line in the place of the Kalman filter).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock::congestion {

enum class Usage : uint8_t { kNormal, kOver, kUnder };

/// 400 bytes; some hundred cycles a group.
class DelayTrend {
 public:
  /// A group of packets that were sent together came: so much later than the one before it was sent, and arrived.
  /// Times in ms.
  Usage onGroup(double sent_ms, double arrived_ms, double now_ms);
  Usage usage() const { return usage_; }

 private:
  static constexpr size_t kPoints = 20;
  struct Point {
    double at_ms, delay_ms;
  };
  double slope() const;
  void detect(double trend, double sent_ms, double now_ms);
  void adapt(double trend, double now_ms);

  std::array<Point, kPoints> points_{};
  uint32_t groups_ = 0;
  double first_ms_ = 0, accumulated_ms_ = 0, smoothed_ms_ = 0;
  double threshold_ms_ = 12.5;  // draft, table 1: del_var_th(0)
  double adapted_ms_ = -1, before_ = 0, over_ms_ = -1;
  uint32_t over_count_ = 0;
  Usage usage_ = Usage::kNormal;
};

}  // namespace penstock::congestion
