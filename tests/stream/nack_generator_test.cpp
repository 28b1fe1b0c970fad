// What is asked for again, when and how often, in virtual time.
#include "dataplane/stream/nack_generator.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace penstock::stream {
namespace {

constexpr uint64_t kMs = 1'000'000;
using Sequences = std::vector<uint16_t>;

struct Asker {
  NackGenerator nacks;
  Sequences ask(uint64_t now_ms, uint64_t rtt_ms = 50, size_t room = 300) {
    Sequences out(room);
    out.resize(nacks.collect(now_ms * kMs, rtt_ms * kMs, out));
    return out;
  }
  void receive(std::initializer_list<uint16_t> sequences, uint64_t now_ms) {
    for (const uint16_t sequence : sequences) nacks.onPacket(sequence, now_ms * kMs);
  }
};

TEST(NackGenerator, asks_for_a_gap_after_the_time_of_reordering_and_again_after_the_round_trip) {
  Asker a;
  a.receive({100, 101, 104}, 1000);
  EXPECT_TRUE(a.nacks.waiting());
  struct Case {
    int number;
    uint64_t now_ms;
    Sequences expected;
  };
  const Case cases[] = {
      {1, 1000, {}}, {2, 1009, {}},          {3, 1010, {102, 103}}, {4, 1011, {}},
      {5, 1067, {}}, {6, 1068, {102, 103}},  {7, 1125, {}},         {8, 1126, {102, 103}},
      {9, 1183, {}}, {10, 1184, {102, 103}}, {11, 1270, {}},        {12, 1271, {102, 103}},
  };
  for (const Case& c : cases) EXPECT_EQ(a.ask(c.now_ms), c.expected) << "case " << c.number;
}

TEST(NackGenerator, what_came_late_is_not_asked_for) {
  Asker a;
  a.receive({65'534, 1, 65'535}, 0);
  EXPECT_EQ(a.ask(10), Sequences{0});
  EXPECT_TRUE(a.nacks.isMissing(0));
  EXPECT_FALSE(a.nacks.isMissing(65'535));
  a.receive({0}, 20);
  EXPECT_FALSE(a.nacks.waiting());
  EXPECT_TRUE(a.ask(500).empty());
  EXPECT_EQ(a.nacks.givenUp(), 0u);
}

TEST(NackGenerator, gives_up_after_its_tries_and_after_a_second) {
  Asker near, far;
  near.receive({10, 12}, 0);
  far.receive({10, 12}, 0);
  size_t near_asked = 0, far_asked = 0;
  for (uint64_t now_ms = 0; now_ms < 5000; ++now_ms) {
    near_asked += near.ask(now_ms, 1).size();
    far_asked += far.ask(now_ms, 400).size();
  }
  EXPECT_EQ(near_asked, NackGenerator::kTriesMax);
  EXPECT_EQ(far_asked, 3u) << "at 10, 462 and 914 ms";
  EXPECT_FALSE(near.nacks.waiting() || far.nacks.waiting());
  EXPECT_EQ(near.nacks.givenUp() + far.nacks.givenUp(), 2u);
}

TEST(NackGenerator, a_break_is_not_loss_and_a_storm_of_loss_keeps_the_newest) {
  Asker a;
  a.receive({0, 300}, 0);
  EXPECT_FALSE(a.nacks.waiting());
  uint16_t sequence = 300;
  for (int burst = 0; burst < 10; ++burst) a.receive({sequence = static_cast<uint16_t>(sequence + 100)}, 1);
  const Sequences asked = a.ask(20);
  EXPECT_EQ(asked.size(), size_t{NackGenerator::kMissingMax});
  EXPECT_EQ(asked.back(), 1299);
  EXPECT_EQ(a.nacks.givenUp(), 990u - NackGenerator::kMissingMax);
}

TEST(NackGenerator, what_has_no_room_in_a_message_is_asked_for_in_the_next) {
  Asker a;
  a.receive({0, 10}, 0);
  EXPECT_EQ(a.ask(10, 50, 4), (Sequences{1, 2, 3, 4}));
  EXPECT_EQ(a.ask(10, 50, 4), (Sequences{5, 6, 7, 8}));
  EXPECT_EQ(a.ask(10, 50, 4), Sequences{9});
  EXPECT_TRUE(a.ask(10, 50, 4).empty());
}

/// A sender that answers each request, over a lossy path with delay: in the end nothing is missing, nothing that had
/// arrived was asked for, and requests are spaced by a round trip.
TEST(NackGenerator, repairs_random_loss) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  for (const uint32_t loss_percent : {2u, 10u, 30u}) {
    constexpr uint64_t kRttMs = 40;
    Asker a;
    std::multimap<uint64_t, uint16_t> under_way;
    std::map<uint16_t, uint64_t> asked_ms;
    std::vector<bool> arrived(4000);
    const auto lost = [&] { return random() % 100 < loss_percent; };
    for (uint64_t now_ms = 0; now_ms < 10'000; ++now_ms) {
      if (now_ms < 4000 && (now_ms == 0 || now_ms == 3999 || !lost())) {
        under_way.emplace(now_ms + kRttMs / 2 + random() % 5, now_ms);
      }
      for (; !under_way.empty() && under_way.begin()->first <= now_ms; under_way.erase(under_way.begin())) {
        a.nacks.onPacket(under_way.begin()->second, now_ms * kMs);
        arrived[under_way.begin()->second] = true;
      }
      for (const uint16_t sequence : a.ask(now_ms, kRttMs)) {
        ASSERT_FALSE(arrived[sequence]) << "seed " << seed;
        if (asked_ms.contains(sequence)) {
          ASSERT_GT(now_ms - asked_ms[sequence], kRttMs) << "seed " << seed;
        }
        asked_ms[sequence] = now_ms;
        if (!lost()) under_way.emplace(now_ms + kRttMs, sequence);
      }
    }
    EXPECT_EQ(std::count(arrived.begin() + 10, arrived.end(), false), static_cast<long>(a.nacks.givenUp()));
    EXPECT_LE(a.nacks.givenUp(), loss_percent == 30 ? 8u : 0u) << loss_percent << " %, seed " << seed;
    EXPECT_FALSE(a.nacks.waiting());
  }
}

}  // namespace
}  // namespace penstock::stream
