// Sequence numbers and timestamps of a subscriber: numbered cases, and a plain model that must agree.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dataplane/stream/index_reservation.h"
#include "dataplane/stream/sequence_rewriter.h"
#include "dataplane/stream/timestamp_rewriter.h"

namespace penstock::stream {
namespace {

uint64_t indexOf(SequenceRewriter& rewriter, uint16_t sequence) {
  const auto numbers = rewriter.map(sequence);
  return numbers ? numbers->index : UINT64_MAX;
}

TEST(SequenceRewriter, numbered_cases_in_order) {
  enum Step { kMap, kLeaveOut, kSwitch, kSkip };
  constexpr uint64_t kNothing = ~uint64_t{0};
  struct Case {
    int number;
    Step step;
    uint64_t sequence;
    uint64_t expected;
  };
  const Case cases[] = {
      {1, kMap, 65534, 1000},     {2, kMap, 65535, 1001},
      {3, kMap, 0, 1002},                                   // wrapped
      {4, kMap, 65535, 1001},                               // again: the same index
      {5, kMap, 65533, kNothing},                           // older than the beginning
      {6, kMap, 3, 1005},                                   // 1 and 2 are missing
      {7, kMap, 1, 1003},                                   // late
      {8, kLeaveOut, 4, 0},       {9, kMap, 5, 1006},       // closed up
      {10, kMap, 2, 1004},        {11, kMap, 4, kNothing},  // was left out
      {12, kLeaveOut, 7, 0},                                // 6 is missing and keeps its number
      {13, kLeaveOut, 8, 0},      {14, kMap, 9, 1008},
      {15, kMap, 6, 1007},        {16, kLeaveOut, 6, 0},  // too late to leave out
      {17, kMap, 10, 1009},       {18, kSwitch, 1, 0},
      {19, kLeaveOut, 30'000, 0},  // before the first packet of the new source
      {20, kMap, 30'001, 1010},   {21, kMap, 30'000, kNothing},
      {22, kMap, 30'002, 1011},   {23, kSkip, 2000, 0},
      {24, kMap, 30'003, 2000},   {25, kSkip, 1500, 0},  // never back
      {26, kMap, 30'004, 2001},
  };
  SequenceRewriter rewriter(1000);
  for (const Case& c : cases) {
    if (c.step == kMap) {
      EXPECT_EQ(indexOf(rewriter, static_cast<uint16_t>(c.sequence)), c.expected) << "case " << c.number;
    }
    if (c.step == kLeaveOut) rewriter.leaveOut(static_cast<uint16_t>(c.sequence));
    if (c.step == kSwitch) rewriter.switchSource(static_cast<uint8_t>(c.sequence));
    if (c.step == kSkip) rewriter.skipTo(c.sequence);
  }
  struct Back {
    int number;
    uint16_t outgoing;
    int source;  // -1: nothing
    uint16_t sequence;
  };
  const Back backs[] = {
      {1, 1000, 0, 65534}, {2, 1002, 0, 0},     {3, 1004, 0, 2},       {4, 1005, 0, 3},       {5, 1006, 0, 5},
      {6, 1007, 0, 6},     {7, 1008, 0, 9},     {8, 1009, 0, 10},      {9, 1010, 1, 30'001},  {10, 1011, 1, 30'002},
      {11, 1012, -1, 0},   {12, 1999, -1, 0},   {13, 2000, 1, 30'003}, {14, 2001, 1, 30'004}, {15, 2002, -1, 0},
      {16, 999, -1, 0},    {17, 40'000, -1, 0},
  };
  for (const Back& back : backs) {
    const auto source = rewriter.sourceOf(back.outgoing);
    EXPECT_EQ(source ? source->source : -1, back.source) << "case " << back.number;
    if (source && back.source >= 0) {
      EXPECT_EQ(source->sequence, back.sequence) << "case " << back.number;
    }
  }
}

TEST(SequenceRewriter, offsets_that_change_are_of_the_packets_from_there_on) {
  SequenceRewriter rewriter(1000);
  const auto pictureOf = [&](uint16_t sequence) { return rewriter.map(sequence)->offsets.picture_id; };
  EXPECT_EQ(pictureOf(10), 0);
  rewriter.setOffsets({.picture_id = 1});
  EXPECT_EQ(pictureOf(11), 0) << "not yet";
  rewriter.applyOffsets(14);
  EXPECT_EQ(pictureOf(14), 1);
  EXPECT_EQ(pictureOf(12), 0) << "late";
  EXPECT_EQ(indexOf(rewriter, 14), 1004u);
  EXPECT_EQ(indexOf(rewriter, 13), 1003u);
  rewriter.setOffsets({.picture_id = 2});
  rewriter.applyOffsets(13);
  EXPECT_EQ(pictureOf(15), 1) << "it was late";
  rewriter.applyOffsets(16);
  rewriter.setOffsets({.picture_id = 3});
  rewriter.applyOffsets(16);  // nothing went out under the ones before
  EXPECT_EQ(pictureOf(16), 3);
  EXPECT_EQ(rewriter.sourceOf(1006 & 0xffff)->offsets.picture_id, 3);
  EXPECT_EQ(rewriter.sourceOf(1003 & 0xffff)->offsets.picture_id, 0);
}

TEST(SequenceRewriter, stream_that_went_on_unseen_begins_anew) {
  struct Case {
    int number;
    uint16_t jump;  // from the highest
    uint64_t expected;
  };
  const Case cases[] = {
      {1, 1, 1001},
      {2, 2000, 3000},
      {3, 0x4001, 1000 + 0x4001},  // loss, as far as it can be told
      {4, 0x4002, 1001},
      {5, 0x7fff, 1001},
      {6, 0x8000, 1001},  // muted for minutes: no gap, and no index too far
      {7, 0xc000, 1001},
      {8, static_cast<uint16_t>(-1024), 1001},
  };
  for (const Case& c : cases) {
    SequenceRewriter rewriter(1000);
    rewriter.map(50'000);
    EXPECT_EQ(indexOf(rewriter, static_cast<uint16_t>(50'000 + c.jump)), c.expected) << "case " << c.number;
  }
  SequenceRewriter rewriter(1000);
  rewriter.map(50'000);
  EXPECT_FALSE(rewriter.map(static_cast<uint16_t>(50'000 - 1023))) << "late";
}

TEST(SequenceRewriter, nothing_was_sent_before_the_first_packet) {
  const SequenceRewriter rewriter(0);
  EXPECT_FALSE(rewriter.sourceOf(0));
  EXPECT_FALSE(rewriter.sourceOf(65535));
  EXPECT_EQ(rewriter.nextIndex(), 0u);
}

TEST(SequenceRewriter, indices_are_given_once_and_without_holes_of_our_own_making) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    const uint64_t first = random() % 0x1'0000;
    SequenceRewriter rewriter(first);
    std::map<uint64_t, std::pair<uint8_t, uint16_t>> sent;  // index -> where it came from
    uint8_t source = 0;
    for (int part = 0; part < 6; ++part) {
      // A stretch of one source: packets in nearly any order, some lost, some left out when they arrive in order.
      const uint16_t begin = static_cast<uint16_t>(random());
      const uint64_t before = rewriter.nextIndex();
      std::vector<uint32_t> order;
      const uint32_t count = 100 + static_cast<uint32_t>(random() % 2000);
      const bool lossy = random() % 2 == 0;
      for (uint32_t i = 0; i < count; ++i) {
        if (i == 0 || !lossy || random() % 10 != 0) order.push_back(i);
      }
      if (random() % 2 == 0) {
        for (size_t i = 1; i + 8 < order.size(); i += 8)
          std::shuffle(order.begin() + static_cast<ptrdiff_t>(i), order.begin() + static_cast<ptrdiff_t>(i + 8),
                       random);
      }
      uint32_t highest = 0;
      uint32_t left_out = 0;
      for (const uint32_t i : order) {
        const auto sequence = static_cast<uint16_t>(begin + i);
        if (i > highest && random() % 50 == 0) {
          rewriter.leaveOut(sequence);
          ++left_out;
          highest = i;
          continue;
        }
        const auto numbers = rewriter.map(sequence);
        // Only a late packet may come too late to be remembered.
        if (!numbers) {
          ASSERT_LT(i, highest);
          continue;
        }
        highest = std::max(highest, i);
        ASSERT_TRUE(sent.emplace(numbers->index, std::pair(source, sequence)).second)
            << "index " << numbers->index << " given twice";
        ASSERT_EQ(rewriter.map(sequence)->index, numbers->index);
      }
      // What is between is exactly what was not left out.
      ASSERT_EQ(rewriter.nextIndex() - before, highest + 1 - left_out);
      for (auto at = sent.lower_bound(rewriter.nextIndex() - std::min<uint64_t>(rewriter.nextIndex() - before, 30));
           at != sent.end(); ++at) {
        const auto back = rewriter.sourceOf(static_cast<uint16_t>(at->first));
        if (!back) continue;  // more than kPieces ago
        ASSERT_EQ(back->source, at->second.first);
        ASSERT_EQ(back->sequence, at->second.second);
      }
      const auto newest = rewriter.sourceOf(static_cast<uint16_t>(rewriter.nextIndex() - 1));
      ASSERT_TRUE(newest || left_out > 0);
      rewriter.switchSource(++source);
    }
  }
}

TEST(IndexReservation, is_always_ahead_of_use) {
  IndexReservation reservation(5000, 1024);
  for (uint64_t index = 4000; index < 5000; ++index) ASSERT_FALSE(reservation.reserve(index));
  int changes = 0;
  for (uint64_t index = 5000; index < 15'000; ++index) {
    changes += reservation.reserve(index) ? 1 : 0;
    ASSERT_GT(reservation.reserved(), index);
  }
  EXPECT_EQ(changes, 10);
  EXPECT_TRUE(reservation.reserve(40'000));
  EXPECT_EQ(reservation.reserved(), 41'024u);
}

TEST(IndexReservation, restarts_stay_where_a_receiver_guesses_the_roll_over_counter_right) {
  uint64_t reserved = 0;
  for (int restart = 0; restart < 31; ++restart) {
    IndexReservation reservation(reserved);
    reservation.reserve(reserved);  // one packet, which never arrives
    reserved = reservation.reserved();
  }
  EXPECT_LT(reserved, 0x8000u);
}

TEST(TimestampRewriter, keeps_the_distance_of_one_source) {
  TimestampRewriter rewriter(1'000'000, 90'000);
  EXPECT_EQ(rewriter.map(0xffff'fff0, 0), 0xffff'fff0u + 1'000'000u);
  EXPECT_EQ(rewriter.map(0x10, 1'000), 0x10u + 1'000'000u);
  EXPECT_EQ(rewriter.offset(), 1'000'000u);
}

TEST(TimestampRewriter, time_goes_on_when_the_source_changes) {
  constexpr uint64_t kMs = 1'000'000;
  TimestampRewriter rewriter(0, 90'000);
  rewriter.map(9000, 100 * kMs);
  rewriter.switchSource();
  EXPECT_EQ(rewriter.map(777, 140 * kMs), 9000u + 40 * 90);
  EXPECT_EQ(rewriter.map(777 + 3000, 173 * kMs), 9000u + 40 * 90 + 3000);
  rewriter.switchSource();
  EXPECT_EQ(rewriter.map(5, 173 * kMs), 9000u + 40 * 90 + 3001) << "at least one tick";
}

TEST(TimestampRewriter, an_offset_that_is_known_is_taken_if_time_goes_on_with_it) {
  constexpr uint64_t kMs = 1'000'000;
  struct Case {
    int number;
    uint32_t offset, expected;
  };
  // The last one was 9000 at 100 ms; the next is 777, 40 ms later.
  const Case cases[] = {
      {1, 9000 + 3590 - 777, 9000 + 3590},             // a little less than the time that passed
      {2, 9000 + 1 - 777, 9000 + 1},                   // as little as can be
      {3, 9000 - 777, 9000 + 3600},                    // the same time again
      {4, 8000 - 777, 9000 + 3600},                    // back
      {5, 9000 + 3600 + 90'000 - 777, 9000 + 93'600},  // a second too much
      {6, 9000 + 3601 + 90'000 - 777, 9000 + 3600},    // more
  };
  for (const Case& c : cases) {
    TimestampRewriter rewriter(0, 90'000);
    rewriter.map(9000, 100 * kMs);
    rewriter.switchSource(c.offset);
    EXPECT_EQ(rewriter.map(777, 140 * kMs), c.expected) << "case " << c.number;
  }
}

TEST(TimestampRewriter, switch_before_the_first_packet_keeps_the_offset) {
  TimestampRewriter rewriter(42, 48'000);
  rewriter.switchSource();
  EXPECT_EQ(rewriter.map(100, 5), 142u);
}

TEST(TimestampRewriter, late_packet_does_not_move_the_end) {
  TimestampRewriter rewriter(0, 1000);
  rewriter.map(5000, 1'000'000'000);
  rewriter.map(4000, 9'000'000'000);  // late
  rewriter.switchSource();
  EXPECT_EQ(rewriter.map(1, 2'000'000'000), 6000u);
}

TEST(TimestampRewriter, ticks_do_not_overflow) {
  EXPECT_EQ(TimestampRewriter::ticks(1'000'000'000, 90'000), 90'000u);
  EXPECT_EQ(TimestampRewriter::ticks(999'999'999, 90'000), 89'999u);
  EXPECT_EQ(TimestampRewriter::ticks(31'536'000'000'000'000 * 10, 90'000), 28'382'400'000'000u);  // ten years
}

}  // namespace
}  // namespace penstock::stream
