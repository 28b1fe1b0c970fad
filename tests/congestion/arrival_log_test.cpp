// What a sender is told of arrivals, in virtual time.
#include "dataplane/congestion/arrival_log.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace penstock::congestion {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kTickNs = 250'000;

struct Told {
  uint16_t sequence;
  std::optional<int64_t> ticks;
};

std::vector<Told> tell(ArrivalLog& log, uint64_t now_ns, int messages_max = 1) {
  std::vector<Told> told;
  for (int i = 0; i < messages_max && log.pending(); ++i) {
    std::vector<uint8_t> out(1000);
    const size_t length = log.write(now_ns, out);
    EXPECT_GT(length, 0u);
    auto reader = TransportFeedbackReader::parse(Feedback{0, 0, std::span(out).first(length)});
    EXPECT_TRUE(reader);
    while (const auto packet = reader->next()) told.push_back({packet->sequence, packet->ticks});
    EXPECT_FALSE(reader->malformed());
  }
  EXPECT_FALSE(log.pending());
  return told;
}

TEST(ArrivalLog, tells_each_packet_once_and_what_is_missing_between) {
  ArrivalLog log;
  EXPECT_FALSE(log.due(0));
  log.onPacket(65'534, 1000 * kMs);
  log.onPacket(65'535, 1001 * kMs);
  log.onPacket(2, 1002 * kMs);
  EXPECT_FALSE(log.due(1074 * kMs));
  ASSERT_TRUE(log.due(1075 * kMs));
  const auto told = tell(log, 1075 * kMs);
  ASSERT_EQ(told.size(), 5u);
  EXPECT_EQ(told[0].sequence, 65'534);
  EXPECT_EQ(told[0].ticks, 4000);
  EXPECT_EQ(told[1].ticks, 4004);
  EXPECT_FALSE(told[2].ticks || told[3].ticks);
  EXPECT_EQ(told[4].ticks, 4008);
  EXPECT_FALSE(log.due(5000 * kMs)) << "nothing new";
  log.onPacket(3, 1076 * kMs);
  EXPECT_FALSE(log.due(1149 * kMs));
  EXPECT_TRUE(log.due(1150 * kMs));
  EXPECT_EQ(tell(log, 1150 * kMs).size(), 1u);
}

TEST(ArrivalLog, tells_of_a_late_packet_that_was_said_to_be_missing) {
  ArrivalLog log;
  log.onPacket(10, 0);
  log.onPacket(12, 1 * kMs);
  tell(log, 100 * kMs);
  log.onPacket(11, 101 * kMs);
  log.onPacket(11, 120 * kMs);
  const auto told = tell(log, 200 * kMs);
  ASSERT_EQ(told.size(), 2u) << "11, and 12 once more";
  EXPECT_EQ(told[0].sequence, 11);
  EXPECT_EQ(told[0].ticks, 404) << "when it came first";
}

TEST(ArrivalLog, survives_jumps) {
  ArrivalLog log;
  log.onPacket(0, 1);
  log.onPacket(30'000, 2 * kMs);
  auto told = tell(log, 100 * kMs);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].sequence, 30'000);
  log.onPacket(10, 110 * kMs);  // far behind
  EXPECT_FALSE(log.pending());
  log.onPacket(30'001, 20'000 * kMs);
  EXPECT_EQ(tell(log, 20'001 * kMs).size(), 1u);
}

/// Random loss and reordering: every arrival is told with its time, to a tick; nothing else is.
TEST(ArrivalLog, tells_the_truth) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  ArrivalLog log;
  std::multimap<uint64_t, uint16_t> under_way;
  std::map<uint16_t, int64_t> arrived, told;
  for (uint64_t i = 0; i < 20'000; ++i) {
    if (random() % 10 != 0) under_way.emplace(i * kMs / 2 + random() % (20 * kMs), static_cast<uint16_t>(50'000 + i));
  }
  uint64_t now_ns = 0;
  for (const auto& [at_ns, sequence] : under_way) {
    now_ns = at_ns;
    log.onPacket(sequence, now_ns);
    arrived[sequence] = static_cast<int64_t>(now_ns / kTickNs);
    if (!log.due(now_ns)) continue;
    for (const Told& t : tell(log, now_ns, 3)) {
      if (!t.ticks) continue;
      ASSERT_TRUE(arrived.contains(t.sequence)) << "seed " << seed;
      ASSERT_LE(std::abs(*t.ticks - arrived[t.sequence]), 1) << "seed " << seed;
      told[t.sequence] = *t.ticks;
    }
  }
  for (const Told& t : tell(log, now_ns + 100 * kMs, 3)) told[t.sequence] = t.ticks.value_or(0);
  for (const auto& [sequence, ticks] : arrived) ASSERT_TRUE(told.contains(sequence)) << sequence << ", seed " << seed;
}

}  // namespace
}  // namespace penstock::congestion
