// Budgets, in virtual time.
#include "dataplane/stream/request_limiter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace penstock::stream {
namespace {

constexpr uint64_t kMs = 1'000'000;

TEST(KeyFrameLimiter, numbered_cases_in_order) {
  enum Step { kRequest, kPoll, kKeyFrame };
  struct Case {
    int number;
    Step step;
    uint64_t now_ms;
    bool expected;
  };
  const Case cases[] = {
      {1, kPoll, 0, false},        {2, kRequest, 0, true},   {3, kRequest, 1, false},    {4, kPoll, 499, false},
      {5, kPoll, 500, true},       {6, kPoll, 5000, false},  {7, kRequest, 5000, true},  {8, kRequest, 5100, false},
      {9, kKeyFrame, 5200, false}, {10, kPoll, 6000, false}, {11, kRequest, 6000, true},
  };
  KeyFrameLimiter limiter;
  for (const Case& c : cases) {
    bool ask = false;
    if (c.step == kRequest) ask = limiter.request(c.now_ms * kMs);
    if (c.step == kPoll) ask = limiter.poll(c.now_ms * kMs);
    if (c.step == kKeyFrame) limiter.onKeyFrame();
    EXPECT_EQ(ask, c.expected) << "case " << c.number;
  }
}

TEST(KeyFrameLimiter, flood_of_requests_costs_the_publisher_two_per_second) {
  KeyFrameLimiter limiter;
  int asked = 0;
  for (uint64_t now_ns = 0; now_ns < 10'000 * kMs; now_ns += kMs) asked += limiter.request(now_ns) ? 1 : 0;
  EXPECT_EQ(asked, 20);
}

TEST(RequesterLimiter, takes_as_many_as_there_are) {
  RequesterLimiter limiter(100, kMs);
  EXPECT_EQ(limiter.take(60, 1000 * kMs), 60u);
  EXPECT_EQ(limiter.take(60, 1000 * kMs), 40u);
  EXPECT_FALSE(limiter.allows(1000 * kMs));
  EXPECT_EQ(limiter.take(60, 1000 * kMs), 0u);
  EXPECT_TRUE(limiter.allows(1010 * kMs));
  EXPECT_EQ(limiter.take(60, 1010 * kMs), 10u);
  EXPECT_EQ(limiter.take(1000, 9000 * kMs), 100u);
}

TEST(RequesterLimiter, allows_a_burst_and_then_one_per_interval) {
  RequesterLimiter limiter(3, 1000 * kMs);
  int allowed = 0;
  for (uint64_t now_ns = 5000 * kMs; now_ns < 15'000 * kMs; now_ns += kMs) allowed += limiter.allow(now_ns) ? 1 : 0;
  EXPECT_EQ(allowed, 3 + 9);
  EXPECT_TRUE(limiter.allow(30'000 * kMs));
  EXPECT_TRUE(limiter.allow(30'000 * kMs));
  EXPECT_TRUE(limiter.allow(30'000 * kMs));
  EXPECT_FALSE(limiter.allow(30'000 * kMs));
}

TEST(RetransmissionBudget, is_a_quarter_of_what_was_sent_and_a_little_to_begin_with) {
  RetransmissionBudget budget;
  int64_t spent = 0;
  while (budget.spend(1200)) spent += 1200;
  EXPECT_LE(spent, RetransmissionBudget::kFirstBytes);
  EXPECT_GT(spent, RetransmissionBudget::kFirstBytes - 1200);
  const int64_t before = spent;
  int64_t sent = 0;
  std::mt19937_64 random(5);
  for (int i = 0; i < 10'000; ++i) {
    const size_t bytes = 100 + random() % 1100;
    budget.onSent(bytes);
    sent += static_cast<int64_t>(bytes);
    while (budget.spend(1200)) spent += 1200;
    ASSERT_LE(spent - before, sent / 4 + 1200);
  }
  EXPECT_GT(spent - before, sent / 4 - 2400);
  for (int i = 0; i < 100'000; ++i) budget.onSent(1200);
  spent = 0;
  while (budget.spend(1200)) spent += 1200;
  EXPECT_LE(spent, RetransmissionBudget::kBurstBytes) << "what is saved is bounded";
}

TEST(AnswerLimiter, answers_a_packet_not_too_soon_and_three_times) {
  struct Case {
    int number;
    uint16_t sequence;
    uint64_t now_ms;
    bool expected;
  };
  const Case cases[] = {
      {1, 7, 1000, true},  {2, 7, 1050, false},   {3, 8, 1050, true},  {4, 7, 1100, true},
      {5, 7, 1199, false}, {6, 7, 1200, true},    {7, 7, 1300, false}, {8, 7, 9000, false},
      {9, 8, 1150, true},  {10, 7, 12'000, true},  // the number came round again
  };
  AnswerLimiter limiter;
  for (const Case& c : cases)
    EXPECT_EQ(limiter.allow(c.sequence, c.now_ms * kMs, 0), c.expected) << "case " << c.number;
}

TEST(AnswerLimiter, who_asks_again_a_round_trip_after_an_answer_has_more) {
  struct Case {
    uint64_t round_trip_ms, every_ms;
    int answers;
  };
  for (const Case& c : {Case{0, 100, 3}, Case{1, 20, 8}, Case{1, 100, 3}, Case{30, 100, 3}, Case{80, 100, 8},
                        Case{200, 200, 8}, Case{200, 100, 5}, Case{200, 500, 3}}) {
    AnswerLimiter limiter;
    int answers = 0;
    for (uint64_t now_ms = 5000; now_ms < 6000; now_ms += c.every_ms) {
      answers += limiter.allow(20, now_ms * kMs, c.round_trip_ms * kMs);
    }
    EXPECT_EQ(answers, std::min<int>(c.answers, static_cast<int>(1000 / c.every_ms)))
        << c.round_trip_ms << " ms, asked every " << c.every_ms;
  }
}

TEST(AnswerLimiter, spaces_by_the_round_trip_within_reason) {
  EXPECT_EQ(AnswerLimiter::spacingNs(0), 100 * kMs) << "not known";
  EXPECT_EQ(AnswerLimiter::spacingNs(1 * kMs), 20 * kMs);
  EXPECT_EQ(AnswerLimiter::spacingNs(80 * kMs), 60 * kMs) << "a receiver may have measured less";
  EXPECT_EQ(AnswerLimiter::spacingNs(5000 * kMs), 200 * kMs) << "a report was held up";
}

TEST(KeyFrameBudget, who_never_stops_asking_waits_ever_longer) {
  KeyFrameBudget budget;
  std::vector<uint64_t> granted_ms;
  for (uint64_t now_ms = 0; now_ms < 300'000; ++now_ms) {  // a thousand a second, for five minutes
    if (budget.allow(now_ms * kMs)) granted_ms.push_back(now_ms);
  }
  const std::vector<uint64_t> expected = {0, 1, 2, 1002, 3002, 7002, 15'002, 31'002, 63'002, 123'002, 183'002, 243'002};
  EXPECT_EQ(granted_ms, expected);
}

TEST(KeyFrameBudget, who_loses_packets_and_has_no_other_repair_gets_one_every_few_seconds) {
  struct Case {
    uint64_t every_ms;
    size_t granted;  // in a minute
  };
  for (const Case& c : {Case{3000, 20}, Case{1000, 32}, Case{200, 33}}) {
    KeyFrameBudget budget;
    size_t granted = 0;
    for (uint64_t now_ms = 0; now_ms < 60'000; now_ms += c.every_ms) granted += budget.allow(now_ms * kMs);
    EXPECT_EQ(granted, c.granted) << "asked every " << c.every_ms << " ms";
  }
}

TEST(KeyFrameBudget, who_is_content_in_between_gets_what_it_needs) {
  constexpr uint64_t kSecond = 1'000'000'000;
  KeyFrameBudget budget;
  for (uint64_t at = 0; at < 600; at += 6) {
    EXPECT_TRUE(budget.allow(at * kSecond));
    EXPECT_TRUE(budget.allow(at * kSecond + kSecond / 2)) << "it was lost, and is asked for again";
  }
}

}  // namespace
}  // namespace penstock::stream
