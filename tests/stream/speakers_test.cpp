// Who speaks: levels as microphones give them, in virtual time, through speech activity into a room's order.
#include <gtest/gtest.h>

#include <algorithm>
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

TEST(SpeechActivity, packets_of_any_length_say_the_same) {
  struct Case {
    int number;
    uint32_t packet_ms, clock_rate_hz;
  };
  for (const Case c : {Case{1, 20, 48'000},
                       {2, 10, 48'000},
                       {3, 40, 48'000},
                       {4, 60, 48'000},
                       {5, 20, 8'000},
                       {6, 30, 8'000},
                       {7, 20, 90'000}}) {
    SpeechActivity activity;
    uint32_t timestamp = UINT32_MAX - c.clock_rate_hz;  // wraps after a second
    uint64_t now_ms = 1000;
    const auto send = [&](uint8_t dbov, uint32_t ms) {
      for (uint32_t passed = 0; passed < ms; passed += c.packet_ms) {
        activity.onPacket(dbov, timestamp, c.clock_rate_hz, now_ms * kMs);
        timestamp += c.clock_rate_hz / 1000 * c.packet_ms;
        now_ms += c.packet_ms;
      }
    };
    send(70, 480);
    EXPECT_EQ(activity.at(now_ms * kMs).lasting, 0) << "case " << c.number;
    send(10, 1200);
    const contract::Speech speech = activity.at(now_ms * kMs);
    EXPECT_EQ(speech.immediate, 9) << "case " << c.number;
    EXPECT_EQ(speech.medium, 5) << "case " << c.number;
    EXPECT_EQ(speech.lasting, 10) << "case " << c.number;
    EXPECT_GT(speech.loudness, 110) << "case " << c.number;
    now_ms += 500;
    EXPECT_LT(activity.at(now_ms * kMs).lasting, 6) << "case " << c.number << ": no packets are silence";
    now_ms += 5000;
    EXPECT_EQ(activity.at(now_ms * kMs), contract::Speech{}) << "case " << c.number;
  }
}

TEST(SpeechActivity, packets_that_come_in_heaps_are_no_silence) {
  SpeechActivity activity;
  activity.onPacket(70, 0, kClock, 0);
  for (uint32_t frame = 1; frame <= 60; ++frame) {
    activity.onPacket(10, frame * 960, kClock, (frame + 4) / 5 * 100 * kMs);
  }
  EXPECT_EQ(activity.at(1210 * kMs).lasting, 10);
}

TEST(SpeechActivity, discontinuous_transmission_is_silence) {
  SpeechActivity activity;
  uint32_t timestamp = 0;
  uint64_t now_ns = 0;
  const auto send = [&](uint8_t dbov, uint32_t frames) {
    timestamp += frames * 960;
    now_ns += frames * 20 * kMs;
    activity.onPacket(dbov, timestamp, kClock, now_ns);
  };
  send(70, 1);
  for (int i = 0; i < 50; ++i) send(12, 1);
  EXPECT_EQ(activity.at(now_ns).lasting, 10);
  send(12, 20);  // a packet every 400 ms
  EXPECT_EQ(activity.at(now_ns).medium, 1);
  EXPECT_LE(activity.at(now_ns).lasting, 7);
  send(127, 20);
  EXPECT_EQ(activity.at(now_ns).immediate, 0);
}

TEST(SilenceWatch, by_table) {
  struct Case {
    int number;
    uint8_t dbov;
    bool voice;
    bool silent;
  };
  for (const Case c : {Case{1, 127, false, true},
                       {2, 127, true, true},
                       {3, 80, false, true},
                       {4, 80, true, false},
                       {5, 69, false, false},
                       {6, 70, false, true},
                       {7, 20, true, false}}) {
    SilenceWatch watch;
    const auto octet = static_cast<uint8_t>((c.voice ? 0x80 : 0) | c.dbov);
    EXPECT_FALSE(watch.isSilent(octet, 1'000 * kMs)) << "case " << c.number << ": not at once";
    EXPECT_FALSE(watch.isSilent(octet, 1'990 * kMs)) << "case " << c.number;
    EXPECT_EQ(watch.isSilent(octet, 2'010 * kMs), c.silent) << "case " << c.number;
    EXPECT_FALSE(watch.isSilent(30, 2'030 * kMs)) << "case " << c.number << ": louder again";
    EXPECT_FALSE(watch.isSilent(octet, 2'050 * kMs)) << "case " << c.number;
  }
}

TEST(Loudest, by_table) {
  struct Case {
    int number;
    size_t count;
    std::vector<Loudness> all;
    std::vector<uint32_t> chosen;
  };
  const std::vector<Case> cases = {
      {1, 2, {{1, 10, false, false}, {2, 90, false, false}, {3, 50, false, false}}, {2, 3}},
      {2, 2, {{1, 10, false, false}, {2, 90, false, false}, {3, 50, true, false}}, {2, 3}},
      {3, 1, {{1, 10, true, false}, {2, 90, false, true}}, {1}},                         // the dominant one always
      {4, 1, {{1, 90, false, true}, {2, 95, false, false}}, {1}},                        // not clearly louder
      {5, 1, {{1, 90, false, true}, {2, 97, false, false}}, {2}},                        // clearly
      {6, 2, {{1, 0, false, true}, {2, 0, false, true}, {3, 0, false, false}}, {1, 2}},  // silence changes nothing
      {7, 3, {{1, 0, false, false}, {2, 0, false, false}}, {1, 2}},                      // room for all
      {8, 2, {}, {}},
      {9, 1, {{1, 0, false, false}, {2, 0, false, false}}, {1}},  // who came first
  };
  for (Case c : cases) {
    const bool before_differs = [&] {
      for (const Loudness& each : c.all) {
        if (each.chosen != (std::ranges::find(c.chosen, each.id) != c.chosen.end())) return true;
      }
      return false;
    }();
    EXPECT_EQ(chooseLoudest(c.all, c.count), before_differs) << "case " << c.number;
    std::vector<uint32_t> chosen;
    for (const Loudness& each : c.all) {
      if (each.chosen) chosen.push_back(each.id);
    }
    EXPECT_EQ(chosen, c.chosen) << "case " << c.number;
  }
}

}  // namespace
}  // namespace penstock::stream
