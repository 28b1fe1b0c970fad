// Publishers that die and come back: players go on with who is heard, on the streams that they know.
#include "tests/signalling/serving.h"

namespace penstock {
namespace {

using test::readSdp;
using test::Serving;

class Silence : public Serving {
 protected:
  std::string publishBy(const std::string& identity, const std::string& room = "room") {
    const auto id = service->join({.room = room, .name = "W", .identity = identity, .protocol = "whip"}, nullptr);
    EXPECT_TRUE(id && service->publish(room, *id, readSdp("aiortc_publish_offer"), {}));
    return *id;
  }
  std::string play(const std::string& from = "") {
    const auto id = service->join({.room = "room", .name = "P", .protocol = "whep"}, nullptr);
    EXPECT_TRUE(id && service->play("room", *id, readSdp("aiortc_play_offer"), from));
    return *id;
  }
  const Participant& of(const std::string& id) { return service->rooms().at("room").participants.at(id); }
  bool isThere(const std::string& id) { return service->rooms().at("room").participants.contains(id); }
  /// The participant whose tracks it plays; both, or it is nobody's.
  std::string plays(const std::string& player) {
    std::set<std::string> whom;
    for (const auto& each : of(player).subscriptions)
      for (const auto& [id, who] : service->rooms().at("room").participants)
        if (findTrack(who, each.track)) whom.insert(id);
    return whom.size() == 1 && of(player).subscriptions.size() == 2 ? *whom.begin() : "";
  }
  std::vector<uint32_t> ssrcs(const std::string& player) {
    std::vector<uint32_t> all;
    for (const auto& [key, each] : rows.subscriptions)
      if (key.first == of(player).subscribe_transport->id) all.insert(all.end(), {each.ssrc, each.rtx_ssrc});
    std::ranges::sort(all);
    return all;
  }
  void hear(const std::string& id, uint64_t ago_ms, uint64_t checked_ago_ms = 0) {
    reports.consents[of(id).publish_transport->id] = Consent::kGiven;
    reports.check_ms[of(id).publish_transport->id] = checked_ago_ms == 0 ? ago_ms : checked_ago_ms;
    for (const Track& track : of(id).tracks) reports.heard_ms[track.id] = ago_ms;
  }
  void tick(uint64_t ms = 200) {
    clock.now_ms += ms;
    service->tick();
  }
};

TEST_F(Silence, a_player_keeps_its_streams_from_publisher_to_publisher) {
  const std::string first = publishBy("");
  const std::string player = play();
  EXPECT_EQ(plays(player), first);
  const auto told = ssrcs(player);
  ASSERT_EQ(told.size(), 4u);
  std::string publisher = first;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(service->leave("room", publisher, "left"));
    EXPECT_TRUE(rows.subscriptions.empty());
    EXPECT_EQ(rows.parked.size(), 2u) << "their indices are not forgotten";
    publisher = publishBy("");
    EXPECT_EQ(plays(player), publisher);
    EXPECT_EQ(ssrcs(player), told);
  }
  ASSERT_TRUE(service->leave("room", player, "left"));
  EXPECT_TRUE(rows.subscriptions.empty() && rows.parked.empty());
}

TEST_F(Silence, a_track_that_a_player_drops_leaves_its_stream_to_another) {
  const std::string first = publishBy("");
  const std::string player = play();
  const auto told = ssrcs(player);
  const std::string track = of(player).subscriptions[0].track;
  ASSERT_TRUE(service->unsubscribe("room", player, track));
  EXPECT_EQ(ssrcs(player), told) << "it is the only one that fits, and comes again";
}

TEST_F(Silence, streams_without_a_track_outlive_penstockd) {
  const std::string first = publishBy("");
  const std::string player = play();
  const auto told = ssrcs(player);
  ASSERT_TRUE(service->leave("room", first, "left"));
  std::vector<Room> stored;
  for (const auto& [name, room] : store.rooms) stored.push_back(room);
  const auto parked = std::exchange(rows.parked, {});
  restart();
  service->restore(stored);
  EXPECT_EQ(rows.parked, parked);
  const std::string next = publishBy("");
  EXPECT_EQ(plays(player), next);
  EXPECT_EQ(ssrcs(player), told);
}

TEST_F(Silence, players_go_from_who_is_silent_to_who_is_heard) {
  const std::string dead = publishBy(""), player = play();
  const auto told = ssrcs(player);
  hear(dead, 2'000);
  const std::string other = publishBy("");
  tick();
  hear(dead, 2'600);
  tick();
  EXPECT_EQ(plays(player), dead) << "nothing came of the other yet";
  hear(other, 10);
  EXPECT_EQ(plays(play()), other) << "who comes now is not given a dead one";
  tick();
  EXPECT_EQ(plays(player), other);
  EXPECT_EQ(ssrcs(player), told);
  EXPECT_TRUE(isThere(dead)) << "it may come back";
  hear(dead, 0);
  tick();
  EXPECT_EQ(plays(player), other) << "and what plays stays";
}

TEST_F(Silence, nobody_is_silent_while_the_dataplane_is_away) {
  const std::string one = publishBy(""), player = play(), other = publishBy("");
  hear(one, 0);
  hear(other, 0);
  tick();
  reports.consents.clear();
  reports.heard_ms.clear();
  for (int i = 0; i < 20; ++i) tick();
  hear(other, 0);
  reports.consents[of(one).publish_transport->id] = Consent::kNever;
  tick();
  EXPECT_EQ(plays(player), one) << "the other's packet came first after the restart";
  for (int i = 0; i < 13; ++i) tick();
  EXPECT_EQ(plays(player), other) << "nothing comes of it";
}

TEST_F(Silence, who_comes_back_under_its_identity_takes_its_own_place) {
  const std::string dead = publishBy("ada"), player = play(dead);
  const auto told = ssrcs(player);
  hear(dead, 2'001);
  const std::string back = publishBy("ada");
  EXPECT_FALSE(isThere(dead));
  EXPECT_EQ(plays(player), back) << "though it asked for one participant: this is the same";
  EXPECT_EQ(ssrcs(player), told);
}

TEST_F(Silence, who_comes_back_at_once_waits_until_the_other_is_known_to_be_dead) {
  const std::string dead = publishBy("ada"), player = play();
  hear(dead, 1'000);
  const std::string back = publishBy("ada");
  EXPECT_TRUE(isThere(dead));
  hear(dead, 1'900);
  tick();
  EXPECT_TRUE(isThere(dead));
  hear(dead, 2'100);
  tick();
  EXPECT_FALSE(isThere(dead));
  EXPECT_EQ(plays(player), back);
}

TEST_F(Silence, two_devices_of_one_user_stay_while_both_live) {
  const std::string one = publishBy("ada"), two = publishBy("ada"), stranger = publishBy("bob"), nobody = publishBy("");
  for (const auto& id : {one, two}) hear(id, 0);
  for (const auto& id : {stranger, nobody}) hear(id, 60'000);
  tick();
  EXPECT_TRUE(isThere(one) && isThere(two));
  hear(one, 60'000, 900);
  tick();
  EXPECT_TRUE(isThere(one)) << "it pauses, and its consent is new";
  ASSERT_TRUE(service->leave("room", two, "left"));
  hear(one, 60'000);
  tick();
  EXPECT_TRUE(isThere(one)) << "there is no other any more: consent decides";
  publishBy("");
  EXPECT_TRUE(isThere(nobody) && isThere(stranger)) << "another has its place only under the same name";
}

TEST_F(Silence, what_was_muted_or_never_sent_is_given_the_time_of_a_consent_check) {
  const std::string one = publishBy("ada");
  hear(one, 3'000);
  for (const Track& track : std::vector<Track>(of(one).tracks))
    ASSERT_TRUE(service->mute("room", track.id, false, true));
  const std::string two = publishBy("ada");
  EXPECT_TRUE(isThere(one));
  hear(one, 7'000);
  tick();
  EXPECT_FALSE(isThere(one));
  reports.consents[of(two).publish_transport->id] = Consent::kNever;
  const std::string three = publishBy("ada");
  EXPECT_TRUE(isThere(two));
  tick(7'000);
  EXPECT_FALSE(isThere(two)) << "it never connected";
}

}  // namespace
}  // namespace penstock
