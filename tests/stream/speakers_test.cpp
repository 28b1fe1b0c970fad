// Who speaks: levels as microphones give them, in virtual time, through speech activity into a room's order.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "dataplane/stream/speaker_order.h"
#include "dataplane/stream/speech_activity.h"

namespace penstock::stream {
namespace {

constexpr uint64_t kMs = 1'000'000, kFrameMs = 20;
constexpr uint32_t kClock = 48'000;

/// What somebody does with a microphone.
enum class Act { kAway, kQuiet, kSpeaks, kMurmurs, kNoise, kFan };

/// A room of microphones, a packet of each every 20 ms, and a decision every 300 ms.
class Room {
 public:
  explicit Room(uint32_t people) {
    for (uint32_t id = 1; id <= people; ++id) join(id);
  }
  void join(uint32_t id) {
    order.add(id);
    people_[id].timestamp = id * 77'777;
  }
  void leave(uint32_t id) {
    order.remove(id);
    people_.erase(id);
  }
  void does(uint32_t id, Act act) { people_.at(id).act = act; }
  void click(uint32_t id, uint64_t ms) { people_.at(id).click_until_ms = now_ms + ms; }

  void pass(uint64_t ms) {
    for (const uint64_t until = now_ms + ms; now_ms < until;) {
      for (auto& [id, person] : people_) packet(person);
      now_ms += kFrameMs;
      if (now_ms % 300 < kFrameMs) decide();
    }
  }
  /// How long until this one is dominant; 0 = is not within the limit.
  uint64_t until(uint32_t id, uint64_t limit_ms) {
    for (uint64_t passed = 0; passed < limit_ms; passed += kFrameMs) {
      if (order.dominant() == id) return passed + 1;
      pass(kFrameMs);
    }
    return 0;
  }

  SpeakerOrder order;
  uint64_t now_ms = 10'000;
  int changes = 0;

 private:
  struct Person {
    Act act = Act::kQuiet;
    uint32_t timestamp = 0;
    uint64_t click_until_ms = 0;
    SpeechActivity activity;
  };

  int uniform(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  /// dBov, as RFC 6464 has it: 127 is silence.
  int levelOf(const Person& person) {
    if (now_ms < person.click_until_ms) return uniform(3, 8);
    switch (person.act) {
      case Act::kSpeaks:  // syllables, four a second, and a pause between words
        return now_ms % 2000 >= 1850 ? uniform(50, 60) : now_ms % 250 < 200 ? uniform(12, 20) : uniform(26, 34);
      case Act::kMurmurs:
        return uniform(30, 45);
      case Act::kNoise:
        return uniform(20, 24);
      case Act::kFan:
        return uniform(40, 44);
      default:
        return uniform(66, 75);
    }
  }
  void packet(Person& person) {
    person.timestamp += kClock * kFrameMs / 1000;
    if (person.act == Act::kAway && now_ms >= person.click_until_ms) return;
    person.activity.onPacket(static_cast<uint8_t>(levelOf(person)), person.timestamp, kClock, now_ms * kMs);
  }
  void decide() {
    std::vector<contract::Speech> speech;
    for (const uint32_t id : order.order()) speech.push_back(people_.at(id).activity.at(now_ms * kMs));
    changes += order.decide(speech);
  }

  std::map<uint32_t, Person> people_;
  std::mt19937 random_{7};
};

std::vector<uint32_t> orderOf(const Room& room) {
  return {room.order.order().begin(), room.order.order().end()};
}

TEST(Speakers, nobody_is_dominant_before_somebody_speaks) {
  Room room(3);
  room.pass(5000);
  EXPECT_FALSE(room.order.dominant());
  EXPECT_EQ(orderOf(room), (std::vector<uint32_t>{1, 2, 3})) << "in the order of coming";
}

TEST(Speakers, who_speaks_is_dominant_within_a_second) {
  for (const uint32_t who : {1u, 2u, 3u}) {
    Room room(3);
    room.pass(2000);
    room.does(who, Act::kSpeaks);
    const uint64_t took_ms = room.until(who, 3000);
    EXPECT_GT(took_ms, 0u);
    EXPECT_LE(took_ms, 1000u);
  }
}

TEST(Speakers, silence_keeps_the_last_one) {
  Room room(3);
  room.pass(1000);
  room.does(2, Act::kSpeaks);
  room.pass(3000);
  room.does(2, Act::kQuiet);
  room.pass(60'000);
  EXPECT_EQ(room.order.dominant(), 2u);
  room.does(2, Act::kAway);  // no packets at all
  room.pass(10'000);
  EXPECT_EQ(room.order.dominant(), 2u);
  EXPECT_EQ(room.changes, 1);
}

TEST(Speakers, clicks_and_coughs_do_not_take_over) {
  struct Case {
    int number;
    uint64_t click_ms;
  };
  for (const Case c : {Case{1, 20}, {2, 60}, {3, 100}, {4, 200}, {5, 300}}) {
    Room room(3);
    room.pass(1000);
    room.does(1, Act::kSpeaks);
    room.pass(3000);
    for (int i = 0; i < 30; ++i) {
      room.click(2, c.click_ms);
      room.pass(1730);
    }
    EXPECT_EQ(room.order.dominant(), 1u) << "case " << c.number;
    EXPECT_EQ(room.changes, 1) << "case " << c.number;
  }
}

TEST(Speakers, a_click_in_silence_does_not_take_over) {
  Room room(3);
  room.pass(1000);
  room.does(1, Act::kSpeaks);
  room.pass(3000);
  room.does(1, Act::kQuiet);
  room.pass(5000);
  for (int i = 0; i < 30; ++i) {
    room.click(2, 60);
    room.pass(1730);
  }
  EXPECT_EQ(room.order.dominant(), 1u);
}

TEST(Speakers, background_noise_never_wins) {
  struct Case {
    int number;
    Act act;
  };
  for (const Case c : {Case{1, Act::kNoise}, {2, Act::kFan}, {3, Act::kMurmurs}}) {
    Room room(3);
    room.does(3, c.act);  // from the beginning on
    room.pass(30'000);
    EXPECT_NE(room.order.dominant(), 3u) << "case " << c.number;
    room.does(1, Act::kSpeaks);
    EXPECT_GT(room.until(1, 1500), 0u) << "case " << c.number;
    room.does(1, Act::kQuiet);
    room.pass(30'000);
    EXPECT_EQ(room.order.dominant(), 1u) << "case " << c.number;
  }
}

TEST(Speakers, noise_that_begins_later_is_background_in_the_end) {
  Room room(2);
  room.pass(2000);
  room.does(1, Act::kNoise);
  room.pass(120'000);
  room.does(2, Act::kSpeaks);
  EXPECT_GT(room.until(2, 2000), 0u);
}

TEST(Speakers, two_in_a_dialogue_alternate) {
  Room room(4);
  room.pass(1000);
  for (int turn = 0; turn < 10; ++turn) {
    const uint32_t speaks = turn % 2 == 0 ? 2 : 4, listens = turn % 2 == 0 ? 4 : 2;
    room.does(listens, Act::kQuiet);
    room.does(speaks, Act::kSpeaks);
    const uint64_t took_ms = room.until(speaks, 4000);
    EXPECT_GT(took_ms, 0u) << "turn " << turn;
    EXPECT_LE(took_ms, 1500u) << "turn " << turn;
    room.pass(4000 - took_ms / kFrameMs * kFrameMs);
    EXPECT_EQ(room.order.dominant(), speaks) << "turn " << turn;
  }
  EXPECT_EQ(room.changes, 10);
  EXPECT_EQ(orderOf(room), (std::vector<uint32_t>{4, 2, 1, 3}));
}

TEST(Speakers, whoever_is_interrupted_stays_while_speaking) {
  Room room(2);
  room.pass(1000);
  room.does(1, Act::kSpeaks);
  room.pass(3000);
  room.does(2, Act::kMurmurs);
  room.pass(10'000);
  EXPECT_EQ(room.order.dominant(), 1u);
}

TEST(Speakers, who_leaves_is_gone) {
  Room room(3);
  room.pass(1000);
  room.does(3, Act::kSpeaks);
  room.pass(2000);
  room.leave(3);
  EXPECT_FALSE(room.order.dominant());
  EXPECT_EQ(orderOf(room), (std::vector<uint32_t>{1, 2}));
  room.pass(3000);
  EXPECT_FALSE(room.order.dominant());
  room.does(2, Act::kSpeaks);
  EXPECT_GT(room.until(2, 1500), 0u);
  room.leave(1);
  EXPECT_EQ(room.order.dominant(), 2u) << "the others leave the dominant one alone";
}

}  // namespace
}  // namespace penstock::stream
