// The cache returns every reference exactly once, and finds exactly what a plain model would.
#include "dataplane/stream/packet_cache.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace penstock::stream {
namespace {

constexpr uint64_t kMs = 1'000'000;

TEST(PacketCache, numbered_cases_in_order) {
  struct Case {
    int number;
    uint16_t sequence;
    uint64_t now_ms;
    int handle;
    int returned;  // 0: none
  };
  const Case cases[] = {
      {1, 10, 0, 1, 0},    {2, 10, 1, 2, 2},  // the very packet is there
      {3, 14, 2, 3, 1},                       // overwrites 10 (capacity 4)
      {4, 10, 3, 4, 4},                       // a newer packet holds the place
      {5, 65535, 4, 5, 0}, {6, 3, 5, 6, 5},   // newer by wrap-around
  };
  PacketCache<int> cache(4, 1000 * kMs);
  for (const Case& c : cases) {
    EXPECT_EQ(cache.put(c.sequence, c.handle, c.now_ms * kMs).value_or(0), c.returned) << "case " << c.number;
  }
  EXPECT_EQ(cache.count(), 2u);
  ASSERT_NE(cache.find(14, 1002 * kMs), nullptr);
  EXPECT_EQ(*cache.find(14, 1002 * kMs), 3);
  EXPECT_EQ(cache.find(14, 1003 * kMs), nullptr) << "too old";
  EXPECT_EQ(cache.find(10, 10 * kMs), nullptr) << "overwritten";
  EXPECT_EQ(cache.find(6, 10 * kMs), nullptr) << "never there";
  // What is too old gives way even to a lower number.
  EXPECT_EQ(cache.put(2, 7, 2000 * kMs).value_or(0), 3);
}

TEST(PacketCache, expire_looks_at_no_more_than_its_budget) {
  PacketCache<int> cache(8, 10 * kMs);
  for (uint16_t sequence = 0; sequence < 8; ++sequence) EXPECT_FALSE(cache.put(sequence, sequence + 1, 0));
  std::vector<int> released;
  const auto release = [&](int handle) { released.push_back(handle); };
  cache.expire(10 * kMs, 100, release);
  EXPECT_TRUE(released.empty());
  cache.expire(11 * kMs, 3, release);
  EXPECT_EQ(released.size(), 3u);
  cache.expire(11 * kMs, 100, release);
  EXPECT_EQ(released.size(), 8u);
  EXPECT_EQ(cache.count(), 0u);
}

TEST(PacketCache, hands_back_the_oldest_first) {
  PacketCache<int> cache(8, 500 * kMs);
  EXPECT_FALSE(cache.oldestNs());
  // Over a wrap of numbers and of places; then a gap.
  for (int i = 0; i < 12; ++i) (void)cache.put(static_cast<uint16_t>(65'530 + i), i, static_cast<uint64_t>(i) * kMs);
  for (int i = 4; i < 7; ++i) {
    EXPECT_EQ(cache.oldestNs(), static_cast<uint64_t>(i) * kMs);
    EXPECT_EQ(cache.takeOldest(), i);
  }
  EXPECT_EQ(cache.put(9, 15, 15 * kMs), 7) << "its place";
  for (const int i : {8, 9, 10, 11, 15}) {
    ASSERT_GT(cache.count(), 0u);
    EXPECT_EQ(cache.takeOldest(), i);
  }
  EXPECT_EQ(cache.count(), 0u);
  EXPECT_FALSE(cache.oldestNs());
  (void)cache.put(40'000, 1, 20 * kMs);
  EXPECT_EQ(cache.takeOldest(), 1);
}

TEST(PacketCache, knows_what_was_there) {
  PacketCache<int> cache(8, 500 * kMs);
  EXPECT_FALSE(cache.isGone(3, 1 * kMs)) << "nothing was";
  EXPECT_FALSE(cache.put(3, 30, 1 * kMs));
  EXPECT_FALSE(cache.isGone(3, 500 * kMs)) << "it is there";
  EXPECT_FALSE(cache.isGone(4, 500 * kMs)) << "it did not come yet";
  EXPECT_FALSE(cache.isGone(11, 500 * kMs)) << "nor did that";
  EXPECT_TRUE(cache.isGone(3, 600 * kMs)) << "too old";
  cache.expire(600 * kMs, 8, [](int) {});
  EXPECT_TRUE(cache.isGone(3, 601 * kMs)) << "and released";
  EXPECT_FALSE(cache.put(11, 110, 602 * kMs));
  EXPECT_TRUE(cache.isGone(3, 603 * kMs)) << "and its place taken";
  EXPECT_FALSE(cache.isGone(11, 603 * kMs));
}

TEST(PacketCache, capacity_is_a_bounded_power_of_two) {
  EXPECT_EQ(PacketCache<int>(0, 1).capacity(), 1u);
  EXPECT_EQ(PacketCache<int>(5, 1).capacity(), 8u);
  EXPECT_EQ(PacketCache<int>(1 << 20, 1).capacity(), 0x8000u);
}

TEST(PacketCache, every_reference_comes_back_exactly_once) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  PacketCache<int> cache(64, 500 * kMs);
  std::set<int> held;
  const auto release = [&](int handle) { ASSERT_EQ(held.erase(handle), 1u) << handle; };
  uint64_t now_ns = 0;
  uint16_t sequence = static_cast<uint16_t>(random());
  for (int handle = 1; handle < 100'000; ++handle) {
    now_ns += random() % (10 * kMs);
    const auto jittered = static_cast<uint16_t>(sequence++ - random() % 100);
    held.insert(handle);
    if (const auto returned = cache.put(jittered, handle, now_ns)) release(*returned);
    if (random() % 100 == 0) cache.expire(now_ns, 64, release);
    if (random() % 5000 == 0) now_ns += 1000 * kMs;
    ASSERT_EQ(held.size(), cache.count());
    if (const int* found = cache.find(jittered, now_ns)) {
      ASSERT_TRUE(held.contains(*found));
    }
  }
  cache.clear(release);
  EXPECT_TRUE(held.empty());
}

}  // namespace
}  // namespace penstock::stream
