// The bisection against relays whose capacity is known.
#include "bench/suite/search.h"

#include <gtest/gtest.h>

#include <functional>

#include "bench/suite/statistics.h"
#include "bench/suite/steady.h"

namespace penstock::bench {
namespace {

using Relay = std::function<Outcome(double rate, int trial)>;

int run(RateSearch& search, double loss_max, const Relay& relay) {
  int trials = 0;
  while (const auto rate = search.next(loss_max)) {
    search.add(relay(*rate, trials));
    if (++trials > 200) ADD_FAILURE() << "it does not end";
    if (trials > 200) break;
  }
  return trials;
}

/// Loses what exceeds its capacity.
Relay ideal(double capacity) {
  return [=](double rate, int) { return Outcome{rate, rate > capacity ? 1 - capacity / rate : 0}; };
}

TEST(RateSearch, finds_the_capacity_from_below_and_from_above) {
  for (const double first : {10.0, 999.0, 50'000.0, 1e9}) {
    SCOPED_TRACE(first);
    RateSearch search({.first = first, .max = 1e7, .precision = 0.01});
    EXPECT_LT(run(search, 0, ideal(123'456)), 45);
    EXPECT_LE(search.found(0), 123'456);
    EXPECT_GE(search.found(0), 123'456 * 0.99);
    EXPECT_FALSE(search.limited(0));
  }
}

TEST(RateSearch, trials_for_no_loss_count_for_partial_loss_too) {
  RateSearch search({.first = 1000});
  run(search, 0, ideal(10'000));
  const int more = run(search, 0.005, ideal(10'000));
  EXPECT_LE(more, 9);
  EXPECT_GE(search.found(0.005), search.found(0));
  EXPECT_NEAR(search.found(0.005), 10'000 / 0.995, 110);
}

TEST(RateSearch, one_bad_trial_does_not_decide) {
  RateSearch search({.first = 1000});
  bool disturbed = false;
  run(search, 0, [&](double rate, int trial) {
    if (trial == 2) {
      disturbed = true;
      return Outcome{rate, 0.001};
    }
    return ideal(10'000)(rate, trial);
  });
  EXPECT_TRUE(disturbed);
  EXPECT_GE(search.found(0), 9900);
}

TEST(RateSearch, a_rate_that_fails_two_of_three_times_is_too_high) {
  RateSearch search({.first = 1000});
  int at_4000 = 0;
  run(search, 0, [&](double rate, int trial) {
    if (rate == 4000) return Outcome{rate, at_4000++ == 1 ? 0.0 : 0.01};
    return ideal(100'000)(rate, trial);
  });
  EXPECT_EQ(at_4000, 3);
  EXPECT_LT(search.found(0), 4000);
  EXPECT_GE(search.found(0), 3950);
}

TEST(RateSearch, says_when_the_generator_was_the_limit) {
  RateSearch search({.first = 1000});
  run(search, 0, [](double rate, int) { return Outcome{.rate = rate, .loss_ratio = 0, .limited = rate > 7000}; });
  EXPECT_NEAR(search.found(0), 7000, 80);
  EXPECT_TRUE(search.limited(0));
}

TEST(RateSearch, stops_at_the_highest_rate_allowed) {
  RateSearch search({.first = 1000, .max = 5000});
  run(search, 0, ideal(1e9));
  EXPECT_DOUBLE_EQ(search.found(0), 5000);
  EXPECT_TRUE(search.limited(0));
}

TEST(RateSearch, wrong_packets_fail_a_trial_as_loss_does) {
  RateSearch search({.first = 1000});
  run(search, 0.005, [](double rate, int) { return Outcome{.rate = rate, .loss_ratio = 0, .sound = false}; });
  EXPECT_EQ(search.found(0.005), 0);
}

TEST(Spread, of_repeats) {
  EXPECT_DOUBLE_EQ(spreadOf({3, 1, 2}).median, 2);
  EXPECT_DOUBLE_EQ(spreadOf({4, 1, 2, 3}).median, 2.5);
  EXPECT_DOUBLE_EQ(spreadOf({4, 1, 2, 3}).min, 1);
  EXPECT_DOUBLE_EQ(spreadOf({4, 1, 2, 3}).max, 4);
  EXPECT_DOUBLE_EQ(spreadOf({}).median, 0);
}

TEST(SteadyFrom, is_where_the_last_disturbance_ends) {
  std::vector<double> values(60, 1.0);
  EXPECT_EQ(steadyFrom(values, 0.1, 5), 0u);
  for (size_t i = 0; i < 10; ++i) values[i] = 0.2;
  EXPECT_EQ(steadyFrom(values, 0.1, 5), 10u);
  values[20] = 0.9;  // one slice a little lower: within the window's mean
  EXPECT_EQ(steadyFrom(values, 0.1, 5), 10u);
  values[20] = 0;
  EXPECT_EQ(steadyFrom(values, 0.1, 5), 21u);
  EXPECT_EQ(steadyFrom(std::vector<double>(4, 1.0), 0.1, 5), std::nullopt) << "too few to say";
}

TEST(SteadyFrom, never_if_the_end_is_restless) {
  std::vector<double> values;
  for (int i = 0; i < 60; ++i) values.push_back(i / 5 % 2);
  EXPECT_EQ(steadyFrom(values, 0.1, 5), std::nullopt);
}

TEST(RateSearch, a_rate_that_only_fills_queues_does_not_pass) {
  RateSearch search({.first = 1000, .max = 1e6, .precision = 0.01});
  run(search, 0, [](double rate, int) { return Outcome{.rate = rate, .loss_ratio = 0, .kept_up = rate <= 7000}; });
  EXPECT_NEAR(search.found(0), 7000, 80);
}

}  // namespace
}  // namespace penstock::bench
