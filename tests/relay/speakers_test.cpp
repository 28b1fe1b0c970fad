// Who speaks decides whose picture is sent and who is heard, over one and several workers, in virtual time.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/support/meeting.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

using Set = std::set<uint32_t>;

class SpeakersTest : public testing::TestWithParam<uint32_t> {
 protected:
  Meeting room{GetParam()};

  /// Only this one speaks, until it is dominant.
  void letSpeak(uint32_t who, uint32_t ms = 2400) {
    for (uint32_t i = 0; i < kPeople; ++i) room[i].speaks = i == who;
    room.pass(ms);
    ASSERT_EQ(room.speaker(who).dominant, 1) << who;
    ASSERT_EQ(room.speaker(who).order, 0) << who;
  }
};

TEST_P(SpeakersTest, without_limits_everything_is_sent) {
  EXPECT_EQ(room.seen(0), (Set{1, 2, 3, 4}));
  EXPECT_EQ(room.heard(0), (Set{1, 2, 3, 4}));
  for (uint32_t i = 1; i < kPeople; ++i) EXPECT_FALSE(room.held(0, i));
  EXPECT_TRUE(room.crew.conserved()) << room.crew.counters();
}

TEST_P(SpeakersTest, the_last_who_spoke_are_seen) {
  for (uint32_t i = 0; i < kPeople; ++i) room.lastN(i, 2);
  room.pass(200);
  EXPECT_EQ(room.seen(4), (Set{0, 1})) << "who came first";
  EXPECT_EQ(room.seen(0), (Set{1, 2})) << "oneself does not count";
  letSpeak(3);
  EXPECT_EQ(room.seen(4), (Set{3, 0}));
  EXPECT_EQ(room.seen(3), (Set{0, 1}));
  EXPECT_TRUE(room.held(4, 1));
  EXPECT_FALSE(room.held(4, 3));
  letSpeak(2);
  EXPECT_EQ(room.seen(4), (Set{2, 3}));
  EXPECT_EQ(room.seen(2), (Set{3, 0}));
  EXPECT_EQ(room.heard(4), (Set{0, 1, 2, 3})) << "audio is not counted";
  room.lastN(4, 0);
  EXPECT_EQ(room.seen(4), Set{});
  room.lastN(4, std::nullopt);
  EXPECT_EQ(room.seen(4), (Set{0, 1, 2, 3}));
  EXPECT_TRUE(room.crew.conserved()) << room.crew.counters();
}

TEST_P(SpeakersTest, pins_are_sent_besides_and_pauses_stay) {
  room.lastN(4, 1);
  room.wish(4, 1, contract::kSubscriptionPinned);
  letSpeak(3);
  EXPECT_EQ(room.seen(4), (Set{1, 3}));
  room.wish(4, 3, contract::kSubscriptionPaused);
  EXPECT_EQ(room.seen(4), Set{1});
  letSpeak(0);
  EXPECT_EQ(room.seen(4), (Set{0, 1}));
  room.wish(4, 3, 0);
  EXPECT_EQ(room.seen(4), (Set{0, 1})) << "held now";
  room.wish(4, 1, 0);
  EXPECT_EQ(room.seen(4), Set{0});
}

TEST_P(SpeakersTest, who_shows_no_picture_takes_no_place) {
  room.lastN(4, 2);
  letSpeak(2);
  EXPECT_EQ(room.seen(4), (Set{2, 0}));
  room.mute(2, Meeting::kVideo, true);
  room.pass(100);
  EXPECT_EQ(room.seen(4), (Set{0, 1}));
  room.mute(2, Meeting::kVideo, false);
  room.pass(100);
  EXPECT_EQ(room.seen(4), (Set{2, 0}));
}

TEST_P(SpeakersTest, one_is_heard_of_one_loudest) {
  room.forAllPublishers([](contract::TransportRow& row) { row.loudest = 1; });
  letSpeak(3);
  EXPECT_EQ(room.heard(0), Set{3});
  EXPECT_EQ(room.heard(4), Set{3});
  letSpeak(1);
  EXPECT_EQ(room.heard(0), Set{1});
  EXPECT_EQ(room.speaker(1).loud, 1);
  EXPECT_EQ(room.speaker(3).loud, 0);
  EXPECT_GT(room.crew.count(Counter::rtp_not_loudest), 0u);
  EXPECT_EQ(room.seen(0), (Set{1, 2, 3, 4})) << "pictures are another matter";
  room.forAllPublishers([](contract::TransportRow& row) { row.loudest = 0; });
  room.pass(100);
  EXPECT_EQ(room.heard(0), (Set{1, 2, 3, 4}));
  EXPECT_TRUE(room.crew.conserved()) << room.crew.counters();
}

TEST_P(SpeakersTest, a_second_voice_is_heard_at_once) {
  room.forAllPublishers([](contract::TransportRow& row) { row.loudest = 2; });
  letSpeak(3);
  room[1].speaks = true;
  room.pass(60);
  EXPECT_EQ(room.heard(0, 100), (Set{1, 3}));
  room[2].speaks = true;  // a third has no place while both speak
  room.pass(100);
  EXPECT_EQ(room.heard(0, 100).size(), 2u);
}

TEST_P(SpeakersTest, who_does_not_say_how_loud_is_always_heard) {
  room.forAllPublishers(
      [](contract::TransportRow& row) { row.loudest = 1, row.flags = contract::kTransportDropSilence; });
  room[2].level = kNoLevel;
  letSpeak(3);
  EXPECT_EQ(room.heard(0), (Set{2, 3}));
}

TEST_P(SpeakersTest, silence_is_not_forwarded_where_the_room_says_so) {
  room.forAllPublishers([](contract::TransportRow& row) { row.flags = contract::kTransportDropSilence; });
  letSpeak(3);
  EXPECT_EQ(room.heard(0), Set{3});
  const uint64_t before = room.crew.count(Counter::rtp_silence);
  EXPECT_GT(before, 0u);
  room[1].level = 55;  // a noise in a room that is quiet otherwise
  EXPECT_EQ(room.heard(0), (Set{1, 3}));
  room[1].level = 90;
  room.pass(1100);
  EXPECT_EQ(room.heard(0), Set{3});
  room[1].level = 0x80 | 90;  // somebody who whispers
  EXPECT_EQ(room.heard(0), (Set{1, 3}));
  EXPECT_GE((room[0].received[{1, Meeting::kAudio}].resumed), 2u);
}

TEST_P(SpeakersTest, whatever_changes_numbers_go_on) {
  std::mt19937 random{GetParam()};
  for (int step = 0; step < 80; ++step) {
    const uint32_t who = random() % kPeople, other = (who + 1 + random() % (kPeople - 1)) % kPeople;
    switch (random() % 8) {
      case 0:
        room.lastN(who, random() % 4 == 0 ? std::nullopt : std::optional<uint16_t>(random() % kPeople));
        break;
      case 1: {
        const auto count = static_cast<uint8_t>(random() % 4);
        room.forAllPublishers([&](contract::TransportRow& row) { row.loudest = count; });
        break;
      }
      case 2: {
        const uint8_t flags = random() % 2 ? contract::kTransportDropSilence : 0;
        room.forAllPublishers([&](contract::TransportRow& row) { row.flags = flags; });
        break;
      }
      case 3:
        room.wish(who, other, static_cast<uint8_t>(random() % 4));
        break;
      case 4:
        room.mute(who, random() % 2 ? Meeting::kAudio : Meeting::kVideo, random() % 3 == 0);
        break;
      default:
        room[who].speaks = !room[who].speaks;
        break;
    }
    room.pass(20 * (1 + random() % 60));
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
  }
  size_t resumed = 0;
  for (uint32_t i = 0; i < kPeople; ++i) {
    for (const auto& [key, got] : room[i].received) resumed += got.resumed;
  }
  EXPECT_GT(resumed, 30u);
  EXPECT_TRUE(room.crew.conserved()) << room.crew.counters();
}

/// A change of all ranks must not keep packets waiting.
TEST(Ranks, of_many_are_looked_at_a_part_at_a_time) {
  constexpr uint32_t kMany = 700;
  World world;
  Client& receiver = world.addConnected(0, "198.18.0.9:4000");
  receiver.row.flags = contract::kTransportLastN;
  receiver.row.last_n = kMany;
  world.applyCommand(TransportCommand{.index = receiver.index, .row = receiver.row});
  RanksCommand ranks;
  for (uint32_t i = 0; i < kMany; ++i) {
    const std::string address = "198.18." + std::to_string(1 + i / 200) + "." + std::to_string(1 + i % 200) + ":5000";
    const Client& publisher = world.addClient(1 + i, address);
    world.addTrack(publisher, {.index = i, .ssrc = 1000 + i});
    world.addSubscription(receiver, {.index = i, .track = i, .ssrc = 500'000 + i, .rtx_ssrc = 0});
    ranks.ranks.push_back({.transport = publisher.index, .rank = static_cast<uint16_t>(i)});
  }
  const auto held = [&] {
    uint32_t count = 0;
    for (uint32_t i = 0; i < kMany; ++i) count += world.reports->subscription[i].held;
    return count;
  };
  EXPECT_EQ(held(), kMany) << "nobody has a rank yet";
  world.applyCommand(ranks);
  EXPECT_GT(held(), kMany / 3);
  for (int turn = 0; turn < 5; ++turn) world.advance(1'000'000);
  EXPECT_EQ(held(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Workers, SpeakersTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace penstock::test
