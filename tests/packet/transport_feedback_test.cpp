// Transport-wide feedback, byte by byte and there and back.
#include "dataplane/packet/transport_feedback.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/packet_builder.h"

namespace penstock::test {
namespace {

Bytes write(uint16_t base, const std::vector<int64_t>& ticks, uint8_t count = 0) {
  Bytes out(1200);
  const auto written = writeTransportFeedback(base, ticks, count, out);
  EXPECT_EQ(written.packets, ticks.size());
  out.resize(written.length);
  return out;
}

std::optional<std::vector<int64_t>> read(std::span<const uint8_t> information) {
  auto reader = TransportFeedbackReader::parse(Feedback{1, 2, information});
  if (!reader) return std::nullopt;
  std::vector<int64_t> ticks;
  while (const auto packet = reader->next()) ticks.push_back(packet->ticks.value_or(kNotReceived));
  if (reader->malformed()) return std::nullopt;
  return ticks;
}

TEST(TransportFeedback, is_written_as_the_draft_draws_it) {
  constexpr int64_t kLost = kNotReceived;
  struct Case {
    int number;
    std::vector<int64_t> ticks;
    const char* expected;
  };
  const Case cases[] = {
      // Base 0x1234, count, reference time, feedback 7, chunks, deltas, padding.
      {1, {0x100 * 5 + 3}, "1234 0001 000005 07 2001 03 00"},
      {2, {0x500, 0x504, 0x504}, "1234 0003 000005 07 2003 00 04 00 000000"},
      {3, {0x500, kLost, 0x501}, "1234 0003 000005 07 a800 00 01"},
      {4, {0x500, 0x700, kLost, 0x6ff}, "1234 0004 000005 07 d880 00 0200 ffff 00"},
      {5, std::vector<int64_t>(1, 0xffffff00), "1234 0001 ffffff 07 2001 00 00"},
  };
  for (const Case& c : cases) EXPECT_EQ(write(0x1234, c.ticks, 7), fromHex(c.expected)) << "case " << c.number;
}

TEST(TransportFeedback, long_runs_are_one_chunk) {
  std::vector<int64_t> ticks(300, kNotReceived);
  ticks.front() = ticks.back() = 1000;
  EXPECT_EQ(write(0, ticks).size(), 16u) << "a vector, a run of 285, a run of one; two deltas";
}

TEST(TransportFeedback, what_was_written_is_read) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::vector<int64_t> ticks(1 + random() % kFeedbackPacketMax, kNotReceived);
    const uint32_t loss = random() % 101, far = random() % 10;
    int64_t last = static_cast<int64_t>(random() % 0xff'0000'00u);
    for (size_t i = 0; i < ticks.size(); ++i) {
      if (i > 0 && random() % 100 < loss) continue;
      last += random() % 10 < far ? static_cast<int64_t>(random() % 1001) - 300 : static_cast<int64_t>(random() % 20);
      last = std::max<int64_t>(last, 0);
      ticks[i] = last;
    }
    const Bytes information = write(static_cast<uint16_t>(random()), ticks);
    ASSERT_LE(information.size(), 1000u) << "seed " << seed;
    ASSERT_EQ(information.size() % 4, 0u);
    const auto back = read(information);
    ASSERT_TRUE(back) << "seed " << seed;
    ASSERT_EQ(*back, ticks) << "seed " << seed;
  }
}

TEST(TransportFeedback, stops_where_a_message_must_end) {
  Bytes out(1200);
  const std::vector<int64_t> apart = {0, 40'000, 40'001};
  EXPECT_EQ(writeTransportFeedback(0, apart, 0, out).packets, 1u) << "10 s do not fit 16 bits";
  const std::vector<int64_t> many(1000, 5);
  EXPECT_EQ(writeTransportFeedback(0, many, 0, out).packets, kFeedbackPacketMax);
  for (size_t room = 0; room < 200; ++room) {
    const auto written = writeTransportFeedback(0, many, 0, std::span(out).first(room));
    EXPECT_LE(written.length, room);
    EXPECT_EQ(written.packets == 0, written.length == 0);
  }
}

TEST(TransportFeedback, that_lies_is_refused) {
  struct Case {
    int number;
    const char* hex;
    bool parses;
  };
  const Case cases[] = {
      {1, "1234 0001 000005", false},               // no header
      {2, "1234 0001 000005 07", false},            // no chunk
      {3, "1234 0001 000005 07 0000", false},       // a run of nothing
      {4, "1234 0001 000005 07 2001", true},        // no delta
      {5, "1234 ffff 000005 07 3fff 2001", false},  // chunks for fewer packets than it says
      {6, "1234 0002 000005 07 4002 0100", true},   // half the deltas
  };
  for (const Case& c : cases) {
    const Bytes bytes = fromHex(c.hex);
    EXPECT_EQ(TransportFeedbackReader::parse(Feedback{1, 2, bytes}).has_value(), c.parses) << "case " << c.number;
    EXPECT_FALSE(read(bytes)) << "case " << c.number;
  }
}

}  // namespace
}  // namespace penstock::test
