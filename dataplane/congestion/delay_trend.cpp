#include "dataplane/congestion/delay_trend.h"

#include <algorithm>
#include <cmath>

namespace penstock::congestion {

namespace {

// Draft, table 1, and the values that senders in browsers have been tuned with since.
constexpr double kSmoothing = 0.9;
constexpr double kGain = 4;
constexpr uint32_t kGroupsMax = 60;  // after so many the trend weighs as much as it ever will
constexpr double kUp = 0.0087, kDown = 0.039;
constexpr double kThresholdMinMs = 6, kThresholdMaxMs = 600, kOutlierMs = 15;
constexpr double kOverMs = 10;  // for so long before it is believed

}  // namespace

Usage DelayTrend::onGroup(double sent_ms, double arrived_ms, double now_ms) {
  if (groups_ == 0) first_ms_ = now_ms;
  accumulated_ms_ += arrived_ms - sent_ms;
  smoothed_ms_ = kSmoothing * smoothed_ms_ + (1 - kSmoothing) * accumulated_ms_;
  points_[groups_ % kPoints] = {now_ms - first_ms_, smoothed_ms_};
  ++groups_;
  if (groups_ < kPoints) return usage_;
  detect(slope() * std::min(groups_, kGroupsMax) * kGain, sent_ms, now_ms);
  return usage_;
}

/// Of the line through the points, by least squares: ms of delay for each ms.
double DelayTrend::slope() const {
  double at = 0, delay = 0;
  for (const Point& point : points_) at += point.at_ms, delay += point.delay_ms;
  at /= kPoints;
  delay /= kPoints;
  double numerator = 0, denominator = 0;
  for (const Point& point : points_) {
    numerator += (point.at_ms - at) * (point.delay_ms - delay);
    denominator += (point.at_ms - at) * (point.at_ms - at);
  }
  return denominator == 0 ? 0 : numerator / denominator;
}

void DelayTrend::detect(double trend, double sent_ms, double now_ms) {
  if (trend > threshold_ms_) {
    over_ms_ = over_ms_ < 0 ? sent_ms / 2 : over_ms_ + sent_ms;
    ++over_count_;
    // One late group is no queue, nor is one that shrinks already.
    if (over_ms_ > kOverMs && over_count_ > 1 && trend >= before_) {
      over_ms_ = 0;
      over_count_ = 0;
      usage_ = Usage::kOver;
    }
  } else {
    over_ms_ = -1;
    over_count_ = 0;
    usage_ = trend < -threshold_ms_ ? Usage::kUnder : Usage::kNormal;
  }
  before_ = trend;
  adapt(trend, now_ms);
}

/// Draft, section 5.4: the threshold follows, so that flows which fill queues by themselves do not starve this one.
void DelayTrend::adapt(double trend, double now_ms) {
  if (adapted_ms_ < 0) adapted_ms_ = now_ms;
  const double magnitude = std::abs(trend);
  if (magnitude <= threshold_ms_ + kOutlierMs) {
    const double elapsed_ms = std::min(now_ms - adapted_ms_, 100.0);
    threshold_ms_ += (magnitude < threshold_ms_ ? kDown : kUp) * (magnitude - threshold_ms_) * elapsed_ms;
    threshold_ms_ = std::clamp(threshold_ms_, kThresholdMinMs, kThresholdMaxMs);
  }
  adapted_ms_ = now_ms;
}

}  // namespace penstock::congestion
