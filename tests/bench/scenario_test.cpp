// Workloads as rooms, tracks and subscriptions, and the order in which tracks send.
#include "bench/load/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "bench/load/identity.h"
#include "bench/suite/mix.h"

namespace penstock::bench {
namespace {

Scenario scenarioOf(const WorkloadRequest& request) {
  return makeScenario(shapesOf(request));
}

TEST(Scenario, workloads_have_as_many_streams_as_their_names_say) {
  struct Case {
    WorkloadRequest request;
    uint32_t participants;
    size_t tracks, subscriptions;
    uint32_t receivers;
  };
  const Case cases[] = {
      {{.name = "webinar", .size = 50}, 51, 1, 50, 50},
      {{.name = "webinar", .size = 50, .rooms = 3}, 153, 3, 150, 150},
      {{.name = "webinar", .size = 50, .keys = 1000}, 20 * 51, 20, 1000, 1000},
      {{.name = "webinar", .size = 50, .keys = 1001}, 21 * 51, 21, 1050, 1050},
      {{.name = "meeting", .size = 10}, 10, 20, 180, 10},
      {{.name = "calls", .rooms = 7}, 14, 28, 28, 14},
      {{.name = "audio", .size = 4}, 4, 4, 12, 4},
      {{.name = "recorder", .size = 30}, 31, 30, 30, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.request.name);
    const Scenario scenario = scenarioOf(c.request);
    EXPECT_EQ(scenario.participants, c.participants);
    EXPECT_EQ(scenario.tracks.size(), c.tracks);
    EXPECT_EQ(scenario.subscriptions.size(), c.subscriptions);
    EXPECT_EQ(scenario.receivers(), c.receivers);
  }
}

TEST(Scenario, subscriptions_of_a_track_lie_together_and_nobody_hears_himself) {
  const Scenario scenario = scenarioOf({.name = "meeting", .size = 5, .rooms = 2});
  uint32_t next = 0;
  for (uint32_t t = 0; t < scenario.tracks.size(); ++t) {
    const TrackPlan& track = scenario.tracks[t];
    EXPECT_EQ(track.first_subscription, next);
    for (uint32_t i = 0; i < track.subscription_count; ++i, ++next) {
      EXPECT_EQ(scenario.subscriptions[next].track, t);
      EXPECT_NE(scenario.subscriptions[next].participant, track.publisher);
      EXPECT_EQ(scenario.subscriptions[next].participant / 5, track.publisher / 5) << "the same room";
    }
  }
  EXPECT_EQ(next, scenario.subscriptions.size());
}

TEST(Scenario, rates_and_fan_out_follow_from_the_tracks) {
  const Scenario scenario = scenarioOf({.name = "webinar", .size = 50, .payload_bytes = 1000});
  EXPECT_DOUBLE_EQ(scenario.packetsIn(), 250);
  EXPECT_DOUBLE_EQ(scenario.packetsOut(), 12'500);
  EXPECT_DOUBLE_EQ(scenario.fanOut(), 50);
  EXPECT_DOUBLE_EQ(scenario.bytesOut(), 12'500'000);
}

TEST(Scenario, what_cannot_be_is_refused) {
  EXPECT_THROW(scenarioOf({.name = "seminar"}), std::invalid_argument);
  EXPECT_THROW(scenarioOf({.size = 0}), std::invalid_argument);
  EXPECT_THROW(scenarioOf({.name = "meeting", .size = 1}), std::invalid_argument);
  EXPECT_THROW(scenarioOf({.size = 50, .keys = 20'000}), std::invalid_argument) << "more than a relay holds";
  EXPECT_THROW(scenarioOf({.payload_bytes = 1400}), std::invalid_argument);
  EXPECT_THROW(makeScenario({{.participants = 2, .publishers = 1}}), std::invalid_argument) << "nobody sends anything";
}

TEST(Scenario, tracks_send_in_turn_and_as_often_as_their_rates_ask) {
  const Scenario scenario = scenarioOf({.name = "meeting", .size = 3});  // audio at 50, video at 250
  const std::vector<uint32_t> order = sendOrder(scenario);
  EXPECT_EQ(order.size(), 3u * (1 + 5));
  for (uint32_t track = 0; track < scenario.tracks.size(); ++track) {
    const bool audio = scenario.tracks[track].kind == contract::MediaKind::kAudio;
    EXPECT_EQ(std::ranges::count(order, track), audio ? 1 : 5);
  }
  EXPECT_EQ(std::ranges::adjacent_find(order), order.end()) << "no track sends twice in a row";
}

TEST(Scenario, a_mix_is_read_from_json) {
  const auto shapes = readMix(R"([{"rooms": 2, "participants": 3, "publishers": 1, "one_way": true,
                                   "video": {"bytes": 1000, "per_second": 100}},
                                  {"audio": {"bytes": 80, "per_second": 50}}])");
  ASSERT_EQ(shapes.size(), 2u);
  EXPECT_EQ(shapes[0].rooms, 2u);
  EXPECT_TRUE(shapes[0].one_way);
  EXPECT_EQ(shapes[0].video.payload_bytes, 1000);
  EXPECT_EQ(shapes[1].participants, 2u);
  EXPECT_DOUBLE_EQ(shapes[1].audio.packets_per_second, 50);
  const Scenario scenario = makeScenario(shapes);
  EXPECT_EQ(scenario.participants, 8u);
  EXPECT_EQ(scenario.subscriptions.size(), 2u * 2 + 1);
  EXPECT_THROW(readMix("{}"), std::invalid_argument);
  EXPECT_THROW(readMix("[1]"), std::invalid_argument);
  EXPECT_THROW(readMix("nonsense"), std::invalid_argument);
}

TEST(Identity, everybody_has_an_address_and_keys_of_his_own) {
  std::set<std::string> addresses, keys;
  for (uint32_t i = 0; i < contract::kTransportMax; ++i) {
    addresses.insert(formatEndpoint(addressOf(i)));
    for (const bool to_relay : {false, true}) {
      const contract::SrtpKey key = keyOf(i, to_relay);
      keys.insert(std::string(reinterpret_cast<const char*>(&key), sizeof(key)));
    }
  }
  EXPECT_EQ(addresses.size(), contract::kTransportMax);
  EXPECT_EQ(keys.size(), 2u * contract::kTransportMax);
  EXPECT_EQ(ufragOf(16'383).size(), ufragOf(0).size());
}

}  // namespace
}  // namespace penstock::bench
