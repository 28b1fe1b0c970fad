// Index guess and replay window: numbered cases, and a plain model that must agree.
#include "dataplane/srtp/packet_index.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace penstock::srtp {
namespace {

TEST(PacketIndex, is_guessed_as_rfc_3711_appendix_a_does) {
  struct Case {
    int number;
    uint64_t highest;
    uint16_t sequence;
    uint64_t expected;
  };
  const Case cases[] = {
      {1, 0, 1, 1},
      {2, 0, 0x8000, 0x8000},
      {3, 0, 0xffff, 0xffff},  // no roll-over counter below zero
      {4, 5, 4, 4},
      {5, 5, 0xfffe, 0xfffe},
      {6, 0xffff, 0, 0x1'0000},
      {7, 0xffff, 0xfffe, 0xfffe},
      {8, 0xffff, 0x7fff, 0xffffull & 0x7fff},  // exactly 32768 behind stays behind
      {9, 0xffff, 0x7ffe, 0x1'7ffe},
      {10, 0x8000, 0, 0},
      {11, 0x8001, 0, 0x1'0000},
      {12, 0x1'0000, 0xffff, 0xffff},
      {13, 0x1'0000, 0x8001, 0x8001},
      {14, 0x1'0000, 0x8000, 0x1'8000},
      {15, 0x1'7fff, 0xffff, 0x1'ffff},
      {16, 0x1'7ffe, 0xffff, 0xffff},
      {17, 0x5'1234, 0x1235, 0x5'1235},
      {18, 0xffff'ffff'ffff, 0, 0xffff'ffff'0000},  // no roll-over counter beyond 32 bits
      {19, 0xffff'ffff'0000, 0xffff, 0xffff'fffe'ffff},
  };
  for (const Case& c : cases) EXPECT_EQ(guessIndex(c.highest, c.sequence), c.expected) << "case " << c.number;
}

TEST(PacketIndex, guess_is_right_for_every_step_below_two_to_the_fifteen) {
  for (uint64_t highest = 0x1'0000; highest < 0x3'0000; highest += 977) {
    for (int64_t step = -0x7fff; step < 0x8000; step += 61) {
      const uint64_t index = highest + static_cast<uint64_t>(step);
      ASSERT_EQ(guessIndex(highest, static_cast<uint16_t>(index)), index) << highest << " " << step;
    }
  }
}

TEST(ReplayWindow, numbered_cases_in_order) {
  constexpr auto kNew = ReplayVerdict::kNew, kReplayed = ReplayVerdict::kReplayed, kOld = ReplayVerdict::kOld;
  struct Case {
    int number;
    uint64_t index;
    ReplayVerdict expected;  // and if new, it is added
  };
  const Case cases[] = {
      {1, 0, kNew},
      {2, 0, kReplayed},
      {3, 1, kNew},
      {4, 1, kReplayed},
      {5, 9, kNew},
      {6, 8, kNew},
      {7, 7, kNew},
      {8, 7, kReplayed},
      {9, 127, kNew},
      {10, 2, kNew},
      {11, 0, kReplayed},
      {12, 128, kNew},
      {13, 0, kOld},
      {14, 1, kReplayed},
      {15, 3, kNew},
      {16, 0xffff, kNew},
      {17, 0xff7f, kOld},
      {18, 0xff80, kNew},
      {19, 0xff80, kReplayed},
      {20, 0x1'0000, kNew},
      {21, 0xffff, kReplayed},
      {22, 0xff80, kOld},
      {23, 0x1'ffff'ffff, kNew},
      {24, 0x1'0000, kOld},
      {25, 0x1'ffff'ff80, kNew},
      {26, 0x1'ffff'ff7f, kOld},
  };
  ReplayWindow window(128);
  for (const Case& c : cases) {
    EXPECT_EQ(window.check(c.index), c.expected) << "case " << c.number;
    if (window.check(c.index) == kNew) window.add(c.index);
  }
}

TEST(ReplayWindow, restored_window_calls_everything_up_to_the_highest_seen_and_nothing_above) {
  for (const uint64_t highest : {uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{0xffff}, uint64_t{0x12'3456}}) {
    ReplayWindow window(kReplayWindowVideo);
    window.restore(highest);
    for (uint64_t back = 0; back <= std::min<uint64_t>(highest, 3000); ++back) {
      ASSERT_NE(window.check(highest - back), ReplayVerdict::kNew) << highest << " - " << back;
    }
    window.add(highest + 200);
    for (uint64_t ahead = 1; ahead < 200; ++ahead) {
      ASSERT_EQ(window.check(highest + ahead), ReplayVerdict::kNew) << highest << " + " << ahead;
    }
  }
}

TEST(ReplayWindow, agrees_with_a_set_of_everything_seen) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const uint32_t size : {64u, 100u, kReplayWindowAudio, 500u, kReplayWindowVideo}) {
    ReplayWindow window(size);
    std::set<uint64_t> seen;
    uint64_t highest = random() % 0x2'0000;
    bool started = false;
    for (int i = 0; i < 20'000; ++i) {
      uint64_t index = highest + random() % 40;
      if (random() % 3 != 0) index -= std::min(index, random() % (size + 40));
      if (random() % 2000 == 0) index += random() % 0x4000;
      const ReplayVerdict expected = !started || index > highest ? ReplayVerdict::kNew
                                     : highest - index >= size   ? ReplayVerdict::kOld
                                     : seen.contains(index)      ? ReplayVerdict::kReplayed
                                                                 : ReplayVerdict::kNew;
      ASSERT_EQ(window.check(index), expected) << "size " << size << " step " << i << " index " << index;
      if (expected != ReplayVerdict::kNew) continue;
      window.add(index);
      seen.insert(index);
      highest = started ? std::max(highest, index) : index;
      started = true;
      ASSERT_EQ(window.highest(), highest);
    }
  }
}

}  // namespace
}  // namespace penstock::srtp
