// All first bytes, all RTCP types, and numbers that wrap.
#include "dataplane/packet/classify.h"

#include <gtest/gtest.h>

#include "dataplane/packet/serial.h"

namespace penstock {
namespace {

TEST(Classify, every_first_byte_is_what_rfc_7983_says) {
  const struct {
    int first, last;
    DatagramKind kind;
  } ranges[] = {
      {0, 3, DatagramKind::kStun},       {4, 19, DatagramKind::kUnknown}, {20, 63, DatagramKind::kDtls},
      {64, 127, DatagramKind::kUnknown}, {128, 191, DatagramKind::kRtp},  {192, 255, DatagramKind::kUnknown},
  };
  int covered = 0;
  for (const auto& range : ranges) {
    for (int byte = range.first; byte <= range.last; ++byte, ++covered) {
      const uint8_t datagram[] = {static_cast<uint8_t>(byte), 0x60};
      EXPECT_EQ(classify(datagram), range.kind) << byte;
    }
  }
  EXPECT_EQ(covered, 256);
}

TEST(Classify, rtcp_is_told_by_its_type) {
  for (int byte = 0; byte < 256; ++byte) {
    const uint8_t datagram[] = {0x80, static_cast<uint8_t>(byte)};
    EXPECT_EQ(classify(datagram), byte >= 192 && byte <= 223 ? DatagramKind::kRtcp : DatagramKind::kRtp) << byte;
  }
}

TEST(Classify, less_than_two_bytes_are_nothing) {
  const uint8_t datagram[] = {0x80};
  EXPECT_EQ(classify(datagram), DatagramKind::kUnknown);
  EXPECT_EQ(classify({}), DatagramKind::kUnknown);
}

TEST(Serial, newer_is_the_shorter_way_round) {
  const struct {
    uint16_t a, b;
    bool newer;
  } cases[] = {
      {1, 0, true},      {0, 1, false},      {0, 0, false},      {0, 65'535, true}, {65'535, 0, false},
      {32'767, 0, true}, {32'768, 0, false}, {0, 32'768, false}, {0, 32'769, true}, {100, 65'500, true},
  };
  for (const auto& test_case : cases) {
    EXPECT_EQ(isNewer(test_case.a, test_case.b), test_case.newer) << test_case.a << " " << test_case.b;
  }
  EXPECT_TRUE(isNewer<uint32_t>(5, 0xffff'fff0));
}

TEST(Serial, packet_index_is_the_nearest) {
  const struct {
    int number;
    uint64_t highest;
    uint16_t sequence;
    uint64_t index;
  } cases[] = {
      {1, 0, 0, 0},
      {2, 0, 5, 5},
      {3, 10, 9, 9},
      {4, 0x1'0000, 0xffff, 0xffff},
      {5, 0xffff, 0, 0x1'0000},
      {6, 0x1'ffff, 3, 0x2'0003},
      {7, 0x2'0003, 0xfffe, 0x1'fffe},
      {8, 5, 0xfffe, 0xfffe},  // before the beginning: there is nothing, so it is ahead
      {9, 0x1'8000, 0x0000, 0x1'0000},
      {10, 0x1'8001, 0x0000, 0x2'0000},
      {11, 0xffff'ffff'ffff, 0, 0x1'0000'0000'0000},
  };
  for (const auto& test_case : cases) {
    EXPECT_EQ(packetIndex(test_case.highest, test_case.sequence), test_case.index) << test_case.number;
  }
}

TEST(Serial, unwrapper_follows_through_many_turns_and_disorder) {
  Unwrapper<uint16_t> unwrapper;
  uint64_t expected = 0x1'0000 + 65'000;
  EXPECT_EQ(unwrapper.next(65'000), expected);
  EXPECT_EQ(unwrapper.next(64'990), expected - 10);
  for (int i = 0; i < 300'000; ++i) {
    ++expected;
    ASSERT_EQ(unwrapper.next(static_cast<uint16_t>(expected)), expected);
    ASSERT_EQ(unwrapper.next(static_cast<uint16_t>(expected - 100)), expected - 100);
  }
  EXPECT_EQ(unwrapper.highest(), expected);
  Unwrapper<uint32_t> timestamps;
  EXPECT_EQ(timestamps.next(0xffff'ff00) + 0x200, timestamps.next(0x100));
}

}  // namespace
}  // namespace penstock
