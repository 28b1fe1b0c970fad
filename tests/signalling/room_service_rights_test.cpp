// Rights are those of the token that was shown last, and end with it.
#include "tests/signalling/serving.h"

namespace penstock {
namespace {

using test::FakeLink;
using test::readSdp;
using test::Serving;

struct Rights : Serving {
  uint64_t in(uint64_t ms) const { return clock.unixMs() + ms; }
  void pass(uint64_t ms) {
    clock.now_ms += ms;
    service->tick();
  }
  bool isThere(const std::string& id) const {
    const auto room = service->rooms().find("room");
    return room != service->rooms().end() && room->second.participants.contains(id);
  }
  static JoinRequest request(const std::string& subject, std::optional<uint64_t> expires_unix_ms) {
    return {.room = "room",
            .name = subject,
            .identity = subject,
            .protocol = "websocket",
            .permissions = {.moderate = true},
            .expires_unix_ms = expires_unix_ms};
  }
  Member enter(const JoinRequest& request) {
    auto link = std::make_shared<FakeLink>();
    const auto id = service->join(request, link);
    EXPECT_TRUE(id) << id.error().message;
    return {id.value_or(""), link};
  }
  static std::string resumeToken(const Member& who) {
    return std::string(who.link->last("joined").at("resume").as_string());
  }
};

TEST_F(Rights, end_with_the_token_and_so_does_the_media) {
  const Member bob = join("Bob"), alice = enter(request("alice", in(60'000)));
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  pass(59'999);
  EXPECT_TRUE(isThere(alice.id));
  pass(1);
  EXPECT_FALSE(isThere(alice.id));
  EXPECT_EQ(alice.link->last("left").at("reason").as_string(), "token_expired");
  EXPECT_EQ(alice.link->closed, "token_expired");
  EXPECT_EQ(bob.link->last("participant_left").at("reason").as_string(), "token_expired");
  EXPECT_TRUE(rows.tracks.empty() && rows.subscriptions.empty());
  EXPECT_FALSE(store.rooms.at("room").participants.contains(alice.id));
  EXPECT_TRUE(isThere(bob.id)) << "who came without a token stays";
}

TEST_F(Rights, a_session_of_whip_ends_unless_a_newer_token_extends_it) {
  const auto session = [&](uint64_t ms) {
    const auto id = service->join({.room = "room",
                                   .name = "W",
                                   .identity = "w",
                                   .protocol = "whip",
                                   .permissions = {.subscribe = false},
                                   .expires_unix_ms = in(ms)},
                                  nullptr);
    EXPECT_TRUE(service->publish("room", *id, readSdp("chromium_publish_offer"), {}));
    const std::string transport = service->rooms().at("room").participants.at(*id).publish_transport->id;
    service->onSecured(transport, {.profile = 7});
    reports.consents[transport] = Consent::kGiven;
    return *id;
  };
  const std::string first = session(60'000), second = session(60'000);
  ASSERT_TRUE(service->extend("room", second, in(120'000)));
  ASSERT_TRUE(service->extend("room", second, in(30'000))) << "changes nothing";
  EXPECT_FALSE(service->extend("room", "p_nobody", in(1)));
  EXPECT_EQ(store.rooms.at("room").participants.at(second).expires_unix_ms, in(120'000));
  pass(60'000);
  EXPECT_FALSE(isThere(first));
  ASSERT_TRUE(isThere(second));
  EXPECT_EQ(rows.transports.size(), 1u);
  EXPECT_EQ(dtls.started.size(), 1u) << "the other was told goodbye";
  EXPECT_FALSE(service->rooms().at("room").participants.at(second).tracks.empty()) << "its media goes on";
  pass(60'000);
  EXPECT_FALSE(isThere(second));
  EXPECT_TRUE(rows.transports.empty());
}

TEST_F(Rights, end_after_a_restart_too) {
  config.resume_timeout_s = 3600;
  restart();
  const Member alice = enter(request("alice", in(60'000)));
  const auto stored = store.rooms.at("room");
  restart();
  service->restore({stored});
  pass(59'999);
  EXPECT_TRUE(isThere(alice.id));
  pass(1);
  EXPECT_FALSE(isThere(alice.id));
}

TEST_F(Rights, are_those_of_the_token_that_a_resume_presents) {
  const Member bob = join("Bob"), alice = enter(request("alice", in(60'000)));
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  JoinRequest lesser = request("alice", in(120'000));
  lesser.resume_token = resumeToken(alice);
  lesser.permissions = {.publish = false};
  const Member again = enter(lesser);
  EXPECT_EQ(again.id, alice.id);
  const auto joined = again.link->last("joined");
  EXPECT_FALSE(joined.at("permissions").at("moderate").as_bool());
  EXPECT_FALSE(joined.at("permissions").at("publish").as_bool());
  EXPECT_FALSE(at(again).permissions.moderate);
  EXPECT_TRUE(at(again).tracks.empty());
  EXPECT_TRUE(rows.tracks.empty() && rows.subscriptions.empty()) << "what it may not publish ends";
  EXPECT_EQ(bob.link->count("track_unpublished"), 3u);
  EXPECT_FALSE(store.rooms.at("room").participants.at(alice.id).permissions.moderate);
  pass(60'000);
  EXPECT_TRUE(isThere(alice.id)) << "the newer token is good longer";
  pass(60'000);
  EXPECT_FALSE(isThere(alice.id));
}

TEST_F(Rights, nobody_comes_back_as_somebody_else) {
  const Member alice = enter(request("alice", in(60'000)));
  const auto refused = [&](const std::string& subject, const std::string& room) {
    JoinRequest back = request(subject, in(60'000));
    back.room = room;
    back.resume_token = resumeToken(alice);
    const auto id = service->join(back, std::make_shared<FakeLink>());
    return id ? std::string() : id.error().code;
  };
  EXPECT_EQ(refused("mallory", "room"), "resume_unknown");
  EXPECT_EQ(refused("", "room"), "resume_unknown");
  EXPECT_EQ(refused("alice", "other"), "resume_unknown");
  EXPECT_EQ(alice.link->closed, "") << "she notices nothing";
  EXPECT_EQ(refused("alice", "room"), "");
}

}  // namespace
}  // namespace penstock
