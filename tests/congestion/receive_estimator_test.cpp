// The estimate against a simulated link of known capacity: a queue of bytes that empties at that rate, and a delay. The
// sender sends what it is told, once a second or when the estimate falls, as with REMB.
#include "dataplane/congestion/receive_estimator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <utility>

namespace penstock::congestion {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr double kMaximumBps = 2'500'000;

struct Link {
  double capacity_bps;
  double jitter_ms = 0;  // of each packet, at most, order kept
  uint64_t queue_max_ns = 400 * kMs;
};

class Simulation {
 public:
  explicit Simulation(Link link) : link_(link) {}

  void setCapacity(double bps) { link_.capacity_bps = bps; }
  /// A sender that cannot or need not send more than that.
  void setAppetite(double bps) { appetite_bps_ = bps; }

  /// Returns the mean of the estimate.
  double run(double seconds) {
    double sum = 0;
    int count = 0;
    const auto end = now_ns_ + static_cast<uint64_t>(seconds * 1e9);
    for (; now_ns_ < end; now_ns_ += kMs) {
      send();
      receive();
      if (now_ns_ - told_ns_ >= 1000 * kMs) tell();
      sum += static_cast<double>(estimator_.estimateBps());
      ++count;
      queue_worst_ns_ = std::max(queue_worst_ns_, free_at_ns_ > now_ns_ ? free_at_ns_ - now_ns_ : 0);
    }
    return sum / count;
  }
  uint64_t estimate() const { return estimator_.estimateBps(); }
  double takeWorstQueueMs() { return static_cast<double>(std::exchange(queue_worst_ns_, 0)) / 1e6; }

 private:
  struct Flying {
    uint32_t send_time, bytes;
    uint64_t arrives_ns;
  };

  /// Frames of 30 a second, in packets of up to 1,200 bytes, paced over the frame's time.
  void send() {
    credit_bits_ += std::min(rate_bps_, appetite_bps_) / 1000;
    while (credit_bits_ >= 1200 * 8) {
      credit_bits_ -= 1200 * 8;
      const uint64_t begins = std::max(free_at_ns_, now_ns_);
      if (begins - now_ns_ > link_.queue_max_ns) continue;  // lost
      free_at_ns_ = begins + static_cast<uint64_t>(1200 * 8 * 1e9 / link_.capacity_bps);
      const double jitter_ms = link_.jitter_ms * std::uniform_real_distribution<>(0, 1)(random_);
      uint64_t arrives = free_at_ns_ + 25 * kMs + static_cast<uint64_t>(jitter_ms * 1e6);
      if (!flying_.empty()) arrives = std::max(arrives, flying_.back().arrives_ns);
      flying_.push_back({sendTime(now_ns_), 1200, arrives});
    }
  }
  void receive() {
    while (!flying_.empty() && flying_.front().arrives_ns <= now_ns_) {
      const Flying packet = flying_.front();
      flying_.pop_front();
      if (estimator_.onPacket(packet.send_time, packet.bytes, packet.arrives_ns, kMaximumBps)) tell();
    }
  }
  void tell() {
    told_ns_ = now_ns_;
    rate_bps_ = static_cast<double>(std::max<uint64_t>(estimator_.estimateBps(), 30'000));
  }
  static uint32_t sendTime(uint64_t now_ns) {
    return static_cast<uint32_t>((now_ns / 1000 * (1 << 18) / 1'000'000) & 0xff'ffff);
  }

  Link link_;
  ReceiveEstimator estimator_;
  std::mt19937 random_{7};
  std::deque<Flying> flying_;
  uint64_t now_ns_ = 5'000 * kMs, told_ns_ = 0, free_at_ns_ = 0, queue_worst_ns_ = 0;
  double rate_bps_ = 300'000, appetite_bps_ = 1e9, credit_bits_ = 0;
};

TEST(ReceiveEstimator, finds_the_capacity_of_a_link_and_keeps_its_queue_short) {
  struct Case {
    double capacity_bps, jitter_ms;
  };
  for (const Case& c : {Case{500'000, 0}, Case{1'000'000, 0}, Case{1'500'000, 2}, Case{800'000, 5}}) {
    SCOPED_TRACE(testing::Message() << c.capacity_bps << " bit/s, jitter " << c.jitter_ms << " ms");
    Simulation simulation({.capacity_bps = c.capacity_bps, .jitter_ms = c.jitter_ms});
    simulation.run(30);
    simulation.takeWorstQueueMs();
    const double mean = simulation.run(60);
    EXPECT_GT(mean, 0.7 * c.capacity_bps);
    EXPECT_LT(mean, 1.05 * c.capacity_bps);
    EXPECT_LT(simulation.takeWorstQueueMs(), 200);
  }
}

TEST(ReceiveEstimator, falls_within_seconds_when_the_link_narrows_and_rises_again) {
  Simulation simulation({.capacity_bps = 1'500'000});
  simulation.run(40);
  EXPECT_GT(simulation.estimate(), 1'000'000u);
  simulation.setCapacity(400'000);
  simulation.run(4);
  EXPECT_LT(simulation.estimate(), 480'000u);
  EXPECT_GT(simulation.run(30), 0.65 * 400'000);
  simulation.setCapacity(1'500'000);
  simulation.run(40);
  EXPECT_GT(simulation.estimate(), 1'000'000u);
}

TEST(ReceiveEstimator, what_is_wide_enough_is_used_up_to_the_maximum_whatever_the_jitter) {
  for (const double jitter_ms : {0.0, 3.0, 10.0}) {
    Simulation simulation({.capacity_bps = 100'000'000, .jitter_ms = jitter_ms});
    simulation.run(60);
    EXPECT_GE(simulation.estimate(), static_cast<uint64_t>(0.9 * kMaximumBps)) << jitter_ms;
    EXPECT_LE(simulation.estimate(), static_cast<uint64_t>(kMaximumBps)) << jitter_ms;
  }
}

TEST(ReceiveEstimator, who_sends_little_is_not_said_to_have_much) {
  Simulation simulation({.capacity_bps = 100'000'000});
  simulation.setAppetite(200'000);
  simulation.run(30);
  EXPECT_LE(simulation.estimate(), 1.7 * 200'000);
  EXPECT_GE(simulation.estimate(), 200'000u);
}

TEST(ReceiveEstimator, knows_nothing_before_the_first_packet_and_bears_any_send_times) {
  ReceiveEstimator estimator;
  EXPECT_EQ(estimator.estimateBps(), 0u);
  std::mt19937_64 random(3);
  uint64_t now_ns = 1;
  for (int i = 0; i < 200'000; ++i) {
    now_ns += random() % (i % 100 == 0 ? 5'000 * kMs : 2 * kMs);
    estimator.onPacket(random() & 0xff'ffff, static_cast<uint32_t>(random() % 1500), now_ns, kMaximumBps);
    ASSERT_GE(estimator.estimateBps(), 30'000u);
    ASSERT_LE(estimator.estimateBps(), static_cast<uint64_t>(kMaximumBps));
  }
}

}  // namespace
}  // namespace penstock::congestion
