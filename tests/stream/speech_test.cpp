// Speech activity of one track by itself; silence; and who is loudest.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dataplane/stream/speaker_order.h"
#include "dataplane/stream/speech_activity.h"

namespace penstock::stream {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint32_t kClock = 48'000;

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
