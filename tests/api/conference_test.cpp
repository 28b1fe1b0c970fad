// A client that tells more than the relay looks at: what tells a state is not lost, and costs no more than its rate.
#include "control/api/conference.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/api/fake_service.h"

namespace penstock::test {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

struct FakeChannel : MessageChannel {
  std::vector<json::object> messages;
  void send(std::string text) override { messages.push_back(json::parse(text).as_object()); }
  void close(uint16_t, std::string) override {}
  size_t refusals() const {
    size_t n = 0;
    for (const json::object& each : messages) n += each.contains("code") && each.at("code") == "overloaded";
    return n;
  }
};

struct Flood : testing::Test {
  FakeService service;
  std::chrono::steady_clock::time_point now{};
  std::shared_ptr<FakeChannel> channel = std::make_shared<FakeChannel>();
  std::shared_ptr<Conference> client =
      std::make_shared<Conference>(service, "x", Token{.room = unlimitedGrant()}, [this] { return now; });
  std::string track, other;

  Flood() {
    client->onOpen(channel);
    say({{"type", "join"}});
    say({{"type", "publish"}, {"id", 1}, {"sdp", "v=0"}});
    say({{"type", "publish"}, {"id", 2}, {"sdp", "v=0"}});
    track = tracks().at(0).id;
    other = tracks().at(1).id;
    now += 100s;  // the whole budget again
  }
  const std::vector<Track>& tracks() const { return service.rooms().at("x").participants.at("p1").tracks; }
  void say(const json::object& message) { client->onText(json::serialize(message)); }
  void mute(const std::string& of, bool muted) { say({{"type", "mute"}, {"track", of}, {"muted", muted}}); }
  void wish(const std::string& of, int width) { say({{"type", "wish"}, {"track", of}, {"width", width}}); }
  void spendAll() {
    for (int i = 0; i < 80; ++i) mute(track, i % 2 == 0);  // the rest is for other messages
    service.mutes.clear();
  }
};

TEST_F(Flood, of_mutes_is_carried_out_at_the_rate_and_the_last_state_stands) {
  for (int i = 0; i < 10'001; ++i) mute(track, i % 2 == 0);
  EXPECT_EQ(service.mutes.size(), 80u) << "at once";
  EXPECT_FALSE(tracks().at(0).muted());
  for (int second = 0; second < 10; ++second) {
    now += 1s;
    client->onTick();
  }
  EXPECT_EQ(service.mutes.size(), 81u) << "what came between is nobody's concern any more";
  EXPECT_TRUE(tracks().at(0).muted());
  EXPECT_EQ(channel->refusals(), 0u);
}

TEST_F(Flood, that_goes_on_costs_no_more_than_the_rate) {
  spendAll();
  for (int i = 0; i < 10'000; ++i) {
    now += 1ms;
    mute(track, i % 2 == 0);
  }
  EXPECT_GE(service.mutes.size(), 299u);
  EXPECT_LE(service.mutes.size(), 300u) << "30 a second";
}

TEST_F(Flood, each_track_and_type_has_its_own_last_state) {
  spendAll();
  for (int width = 1; width <= 50; ++width) {
    wish(track, width);
    wish(other, 1000 + width);
    mute(other, width % 2 == 0);
  }
  now += 1s;
  client->onTick();
  EXPECT_EQ(service.mutes, (std::vector<std::pair<std::string, bool>>{{other, true}}));
  EXPECT_EQ(service.wishes,
            (std::vector<std::pair<std::string, Wish>>{{track, {.width_max = 50}}, {other, {.width_max = 1050}}}));
}

TEST_F(Flood, of_wishes_holds_up_nothing_else) {
  for (int i = 0; i < 400; ++i) wish("t_" + std::to_string(i), 1);
  for (int i = 0; i < 20; ++i) say({{"type", "publish"}, {"id", 10 + i}, {"sdp", "v=0"}});
  EXPECT_EQ(channel->refusals(), 0u);
  EXPECT_EQ(tracks().size(), 22u);
  EXPECT_EQ(service.wishes.size(), 400u);
  say({{"type", "publish"}, {"id", 30}, {"sdp", "v=0"}});
  EXPECT_EQ(channel->refusals(), 1u) << "a flood of its own";
}

TEST_F(Flood, what_was_asked_before_a_publish_never_comes_after_it) {
  spendAll();
  mute(track, true);
  EXPECT_TRUE(service.mutes.empty());
  say({{"type", "publish"}, {"id", 3}, {"sdp", "v=0"}});
  EXPECT_EQ(service.mutes.size(), 1u);
  EXPECT_EQ(tracks().size(), 3u);
  now += 10s;
  client->onTick();
  EXPECT_EQ(service.mutes.size(), 1u);
}

TEST_F(Flood, what_is_kept_is_carried_out_when_the_socket_ends) {
  spendAll();
  mute(track, true);
  client->onClosed();
  EXPECT_EQ(service.mutes, (std::vector<std::pair<std::string, bool>>{{track, true}}));
  EXPECT_EQ(service.detached.size(), 1u);
}

TEST_F(Flood, of_who_left_or_was_removed_is_forgotten) {
  spendAll();
  mute(track, true);
  ASSERT_TRUE(service.leave("x", "p1", "kicked"));
  now += 10s;
  client->onTick();
  client->onClosed();
  EXPECT_TRUE(service.mutes.empty());
}

TEST_F(Flood, is_kept_within_bounds) {
  spendAll();
  for (int i = 0; i < 2000; ++i) wish("t_" + std::to_string(i), 1);
  EXPECT_EQ(channel->refusals(), 2000u - 640u);
  say({{"type", "wish"}, {"track", track}, {"filler", std::string(1000, ' ')}});
  EXPECT_EQ(channel->refusals(), 2000u - 640u);
  EXPECT_EQ(service.wishes.size(), 641u) << "a long one is not kept: it has its turn, after those before it";
  EXPECT_EQ(service.wishes.front().first, "t_0") << "first come, first served";
  EXPECT_EQ(service.wishes.back().first, track);
}

}  // namespace
}  // namespace penstock::test
