// A full table, or a full share of one: refused by name, and nothing of it is done.
#include "tests/signalling/serving.h"

namespace penstock {
namespace {

using test::FakeLink;
using test::readSdp;
using test::Serving;

TEST_F(Serving, a_full_table_of_tracks_refuses_to_publish_and_leaves_nothing_half_made) {
  restart({.tracks_max = 2});
  const Member alice = join("Alice"), bob = join("Bob");
  const auto refused = publish(alice);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "overloaded");
  EXPECT_EQ(refused.error().status, 503);
  EXPECT_TRUE(rows.transports.empty() && rows.tracks.empty() && dtls.started.empty());
  EXPECT_FALSE(at(alice).publish_transport);
  EXPECT_FALSE(store.rooms.at("room").participants.at(alice.id).publish_transport);
  EXPECT_EQ(bob.link->count("track_published") + bob.link->count("offer"), 0u);
  ASSERT_TRUE(publish(alice, "aiortc")) << "two tracks fit";
}

TEST_F(Serving, a_full_share_of_subscriptions_refuses_the_answer_and_the_next_offer_may_be_smaller) {
  restart({.subscriptions_max = 4});
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  EXPECT_EQ(code(answer(bob)), "share_full");
  EXPECT_TRUE(rows.subscriptions.empty());
  EXPECT_EQ(dtls.started.size(), 1u) << "alice's";
  EXPECT_TRUE(at(bob).subscribe_transport->remote_fingerprint.empty());
  ASSERT_TRUE(service->unsubscribe("room", bob.id, at(alice).tracks[2].id));
  EXPECT_EQ(bob.link->count("offer"), 2u);
  EXPECT_EQ(code(answer(bob)), "");
  EXPECT_EQ(rows.subscriptions.size(), 2u);
  EXPECT_EQ(dtls.started.size(), 2u);
}

TEST_F(Serving, a_full_table_of_transports_refuses_at_the_door_and_offers_wait_for_a_free_one) {
  restart({.transports_max = 2});
  const Member alice = join("Alice"), bob = join("Bob"), carol = join("Carol");
  ASSERT_TRUE(publish(alice, "aiortc"));
  const Member& offered = bob.link->count("offer") ? bob : carol;
  const Member& waiting = &offered == &bob ? carol : bob;
  EXPECT_EQ(waiting.link->count("offer"), 0u);
  EXPECT_EQ(waiting.link->last("error").at("code").as_string(), "overloaded");
  EXPECT_FALSE(at(waiting).subscribe_transport);
  EXPECT_EQ(rows.transports.size(), 2u);
  auto link = std::make_shared<FakeLink>();
  EXPECT_EQ(service->join({.room = "room", .name = "Dave", .protocol = "websocket"}, link).error().code, "overloaded");
  EXPECT_EQ(service->join({.room = "other", .name = "Dave", .protocol = "whip"}, nullptr).error().code, "overloaded");
  EXPECT_EQ(service->rooms().size(), 1u) << "the room that was opened for the join is gone";

  ASSERT_TRUE(publish(alice, "aiortc"));
  EXPECT_EQ(waiting.link->count("error"), 1u) << "it is told once";
  ASSERT_TRUE(service->leave("room", offered.id, "left"));
  EXPECT_EQ(waiting.link->count("offer"), 1u);
  EXPECT_EQ(code(answer(waiting)), "");
  EXPECT_EQ(rows.subscriptions.size(), 2u);
}

TEST_F(Serving, whoever_waits_for_a_transport_gets_one_of_a_room_that_is_closed) {
  restart({.transports_max = 3});
  const Member dave = join("Dave", "other"), alice = join("Alice"), bob = join("Bob"), carol = join("Carol");
  ASSERT_TRUE(service->publish("other", dave.id, readSdp("aiortc_publish_offer"), {}));
  ASSERT_TRUE(publish(alice, "aiortc"));
  EXPECT_EQ(bob.link->count("offer") + carol.link->count("offer"), 1u);
  ASSERT_TRUE(service->closeRoom("other"));
  EXPECT_EQ(bob.link->count("offer") + carol.link->count("offer"), 2u);
  EXPECT_FALSE(service->closeRoom("other"));
}

TEST_F(Serving, a_player_that_gets_no_row_is_refused_and_one_that_plays_keeps_what_it_has) {
  restart({.subscriptions_max = 4});
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice, "aiortc"));
  const auto first = service->join({.room = "room", .name = "P", .protocol = "whep"}, nullptr);
  ASSERT_TRUE(service->play("room", *first, readSdp("aiortc_play_offer"), ""));
  const auto second = service->join({.room = "room", .name = "Q", .protocol = "whep"}, nullptr);
  const auto refused = service->play("room", *second, readSdp("aiortc_play_offer"), "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "share_full");
  EXPECT_EQ(refused.error().status, 503);
  ASSERT_TRUE(service->leave("room", *second, "left"));
  EXPECT_EQ(rows.transports.size(), 2u);
  EXPECT_EQ(rows.subscriptions.size(), 2u);
}

}  // namespace
}  // namespace penstock
