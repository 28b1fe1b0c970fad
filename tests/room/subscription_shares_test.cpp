// Shares of the subscription table: nobody, and no few, keep others from it.
#include "control/room/subscription_shares.h"

#include <gtest/gtest.h>

#include "control/room/rooms.h"

namespace penstock {
namespace {

/// Takes row after row until it is refused; how many it got.
size_t takeAll(SubscriptionShares& shares, const std::string& room, const std::string& subject) {
  size_t taken = 0;
  while (shares.check(room, subject, taken, taken + 1)) {
    shares.change(room, subject, taken, taken + 1);
    ++taken;
  }
  return taken;
}

TEST(SubscriptionShares, a_room_alone_has_half_and_a_subject_a_quarter) {
  SubscriptionShares shares(1200);
  EXPECT_EQ(takeAll(shares, "a", ""), 600u);
  SubscriptionShares others(1200);
  EXPECT_EQ(takeAll(others, "a", "eve"), 300u);
  EXPECT_EQ(takeAll(others, "b", "eve"), 0u) << "in whatever room";
  EXPECT_GT(takeAll(others, "b", "bob"), 100u);
  EXPECT_GT(takeAll(others, "a", "ada"), 0u) << "others of the room are not to blame";
}

TEST(SubscriptionShares, greedy_rooms_always_leave_something) {
  SubscriptionShares shares(1200);
  size_t last = 1200;
  for (const char* room : {"a", "b", "c", "d", "e"}) {
    const size_t taken = takeAll(shares, room, "");
    EXPECT_GT(taken, 1200u / 40) << room;
    EXPECT_LT(taken, last);
    last = taken;
  }
}

TEST(SubscriptionShares, what_is_given_back_is_free_for_all) {
  SubscriptionShares shares(1200);
  ASSERT_EQ(takeAll(shares, "a", ""), 600u);
  ASSERT_EQ(takeAll(shares, "b", ""), 300u);
  EXPECT_FALSE(shares.check("b", "", 300, 301));
  EXPECT_EQ(shares.check("b", "", 300, 301).error().code, "share_full");
  EXPECT_EQ(shares.check("b", "", 300, 301).error().status, 503);
  EXPECT_TRUE(shares.check("b", "", 300, 300)) << "only growth is refused";
  shares.change("a", "", 600, 0);
  EXPECT_TRUE(shares.check("b", "", 300, 600));
  EXPECT_EQ(shares.used(), 300u);
}

/// One publisher of two tracks, and players with a subject each.
struct Full : testing::Test {
  Rooms rooms{{.subscriptions_max = 16}};
  int transports = 0;

  Transport transport(Purpose purpose) {
    Transport made;
    made.id = "x" + std::to_string(++transports);
    made.purpose = purpose;
    return made;
  }
  void open(const std::string& room) {
    ASSERT_TRUE(rooms.apply(RoomOpened{room, {}, true, 1}));
    ASSERT_TRUE(rooms.apply(ParticipantJoined{room, Participant{.id = "publisher"}}));
    Published event{room, "publisher", transport(Purpose::publish), {}, {}};
    for (const char* name : {" 1", " 2"})
      event.tracks.push_back(
          {.id = room + name, .mid = name, .codecs = {{.name = "opus"}}, .encodings = {{.ssrc = 0}}});
    ASSERT_TRUE(rooms.apply(event));
  }
  std::string play(const std::string& room, const std::string& id, const std::string& subject) {
    if (!rooms.participant(room, id))
      (void)rooms.apply(ParticipantJoined{room, Participant{.id = id, .identity = subject}});
    Subscribed event{room, id, transport(Purpose::subscribe), {}, {}};
    for (const char* name : {" 1", " 2"})
      event.subscriptions.push_back({.track = room + name,
                                     .ssrc = static_cast<uint32_t>(event.subscriptions.size() + 1),
                                     .codecs = {{.name = "opus"}},
                                     .active = true});
    const auto done = rooms.apply(event);
    return done ? "" : done.error().code;
  }
};

TEST_F(Full, three_rooms_do_not_fill_the_table_for_a_fourth) {
  rooms = Rooms{{.subscriptions_max = 64}};
  for (const char* room : {"a", "b", "c", "d"}) open(room);
  for (const char* room : {"a", "b", "c"})
    for (int i = 0; i < 32; ++i) (void)play(room, "p" + std::to_string(i), "");
  EXPECT_EQ(rooms.activeSubscriptions(), 32u + 16 + 8);
  EXPECT_EQ(play("a", "another", ""), "share_full");
  EXPECT_EQ(play("d", "p", ""), "");
}

TEST_F(Full, a_subject_is_counted_in_all_rooms_and_counts_go_with_what_ends) {
  open("a");
  open("b");
  EXPECT_EQ(play("a", "p1", "eve"), "");
  EXPECT_EQ(play("b", "p1", "eve"), "");
  EXPECT_EQ(play("b", "p2", "eve"), "share_full") << "a quarter of 16";
  EXPECT_EQ(play("b", "p3", "bob"), "");
  // What ends, in each way that there is, is free again.
  std::vector<Room> stored;
  for (const auto& [name, room] : rooms.all()) stored.push_back(room);
  for (const RoomEvent& end :
       {RoomEvent(ParticipantLeft{"a", "p1", "left"}), RoomEvent(RoomClosed{"a"}),
        RoomEvent(RightsSet{"a", "p1", {.subscribe = false}, {}}), RoomEvent(Unpublished{"a", "publisher", "a 1"}),
        RoomEvent(ParticipantLeft{"a", "publisher", "left"})}) {
    rooms.restore(stored);
    EXPECT_EQ(play("b", "p2", "eve"), "share_full") << "after a restart, too";
    ASSERT_TRUE(rooms.apply(ParticipantLeft{"b", "p3", "left"}));
    ASSERT_TRUE(rooms.apply(end));
    size_t active = 0;
    for (const auto& [name, room] : rooms.all())
      for (const auto& [id, who] : room.participants) active += activeOf(who.subscriptions);
    EXPECT_EQ(rooms.activeSubscriptions(), active);
    EXPECT_EQ(play("b", "p2", "eve"), active == 3 ? "share_full" : "") << "event " << end.index();
  }
}

TEST_F(Full, a_wish_for_a_track_beyond_the_share_is_refused) {
  open("a");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(play("a", "p" + std::to_string(i), ""), "");
  ASSERT_TRUE(rooms.apply(ParticipantJoined{"a", Participant{.id = "late", .auto_subscribe = false}}));
  const auto refused = rooms.apply(SubscriptionWanted{"a", "late", "a 1"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "share_full");
  ASSERT_TRUE(rooms.apply(SubscriptionDropped{"a", "p0", "a 1"}));
  EXPECT_TRUE(rooms.apply(SubscriptionWanted{"a", "late", "a 1"}));
}

}  // namespace
}  // namespace penstock
