// Histogram, progress bar, and the numbers of Google Benchmark.
#include <gtest/gtest.h>

#include <cmath>

#include <boost/json/parse.hpp>

#include "bench/load/histogram.h"
#include "bench/suite/micro_result.h"
#include "bench/suite/progress.h"
#include "bench/suite/result.h"

namespace penstock::bench {
namespace {

TEST(Histogram, buckets_cover_all_numbers_without_gap_or_overlap) {
  size_t last = 0;
  for (uint64_t value = 0; value < 100'000; ++value) {
    const size_t bucket = Histogram::bucketOf(value);
    ASSERT_TRUE(bucket == last || bucket == last + 1) << value;
    ASSERT_GE(Histogram::upperEnd(bucket), value);
    if (bucket == last + 1) {
      ASSERT_EQ(Histogram::upperEnd(last), value - 1);
    }
    last = bucket;
  }
  for (unsigned bit = 8; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    EXPECT_EQ(Histogram::bucketOf(power), Histogram::bucketOf(power - 1) + 1) << bit;
    EXPECT_EQ(Histogram::upperEnd(Histogram::bucketOf(power - 1)), power - 1) << bit;
  }
}

TEST(Histogram, is_right_to_one_per_cent) {
  for (uint64_t value = 1; value < uint64_t{1} << 62; value += value / 4 + 1) {
    const uint64_t upper = Histogram::upperEnd(Histogram::bucketOf(value));
    EXPECT_LE(static_cast<double>(upper - value), 0.01 * static_cast<double>(value)) << value;
  }
}

TEST(Histogram, percentiles_of_known_values) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(50), 0u) << "empty";
  for (uint64_t value = 1; value <= 1000; ++value) histogram.record(value * 1000);
  EXPECT_EQ(histogram.count(), 1000u);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(50)), 500'000, 5'000);
  EXPECT_NEAR(static_cast<double>(histogram.percentile(99)), 990'000, 9'900);
  EXPECT_EQ(histogram.percentile(100), 1'000'000u) << "the maximum is exact";
  EXPECT_EQ(histogram.min(), 1000u);
  EXPECT_NEAR(histogram.mean(), 500'500, 1);
}

TEST(Histogram, merged_is_as_if_recorded_together) {
  Histogram a, b, both;
  for (uint64_t i = 0; i < 500; ++i) {
    (i % 3 == 0 ? a : b).record(i * i);
    both.record(i * i);
  }
  a.merge(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.max(), both.max());
  for (const double percent : {1.0, 50.0, 99.9}) EXPECT_EQ(a.percentile(percent), both.percentile(percent));
}

TEST(Figures, are_grouped_for_people) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999.4), "999");
  EXPECT_EQ(grouped(1234567.8), "1,234,568");
  EXPECT_EQ(grouped(-12345), "-12,345");
}

TEST(Progress, the_bar_fills) {
  EXPECT_EQ(Progress::bar(0, 4), "[----]");
  EXPECT_EQ(Progress::bar(0.5, 4), "[##--]");
  EXPECT_EQ(Progress::bar(1, 4), "[####]");
  EXPECT_EQ(Progress::bar(7, 4), "[####]");
}

TEST(MicroResult, takes_names_apart_and_the_median_of_repeats) {
  const auto google = boost::json::parse(R"({"benchmarks": [
    {"run_name": "forward/profile:7/bytes:1200/iterations:64", "run_type": "iteration", "cycles/packet": 30.0,
     "items_per_second": 10},
    {"run_name": "forward/profile:7/bytes:1200/iterations:64", "run_type": "iteration", "cycles/packet": 10.0,
     "items_per_second": 30},
    {"run_name": "forward/profile:7/bytes:1200/iterations:64", "run_type": "iteration", "cycles/packet": 20.0,
     "items_per_second": 20},
    {"run_name": "forward/profile:7/bytes:1200/iterations:64", "run_type": "aggregate", "cycles/packet": 99.0},
    {"run_name": "parse_frame", "run_type": "iteration", "cycles/packet": 5.0}]})");
  const auto results = microResults(google.as_object());
  ASSERT_EQ(results.size(), 2u);
  const auto& first = results[0].as_object();
  EXPECT_EQ(textAt(first, "family"), "forward");
  EXPECT_EQ(numberAt(objectAt(first, "parameters"), "bytes"), 1200);
  EXPECT_FALSE(objectAt(first, "parameters").contains("iterations"));
  EXPECT_DOUBLE_EQ(numberAt(first, "cycles_per_packet"), 20);
  EXPECT_DOUBLE_EQ(numberAt(first, "cycles_min"), 10);
  EXPECT_DOUBLE_EQ(numberAt(first, "packets_per_second"), 20);
  EXPECT_EQ(textAt(results[1].as_object(), "family"), "parse_frame");
}

}  // namespace
}  // namespace penstock::bench
