// The room service from outside: requests in; rows, handshakes, stored state and messages out.
#include "tests/signalling/serving.h"

namespace penstock {
namespace {

using test::acceptAll;
using test::FakeLink;
using test::readSdp;
using test::Serving;

TEST_F(Serving, joined_tells_everything_and_the_others_hear_of_it) {
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice));
  const Member bob = join("Bob");
  const auto joined = bob.link->last("joined");
  EXPECT_EQ(joined.at("participant").as_string(), bob.id);
  EXPECT_EQ(joined.at("participants").as_array().size(), 2u);
  EXPECT_EQ(joined.at("room").at("participants_max").to_number<int>(), 200);
  EXPECT_FALSE(joined.at("resumed").as_bool());
  EXPECT_EQ(bob.link->messages.front().at("type").as_string(), "joined") << "before any offer";
  EXPECT_EQ(alice.link->last("participant_joined").at("participant").at("name").as_string(), "Bob");
  EXPECT_EQ(bob.link->count("participant_joined"), 0u);
  EXPECT_EQ(sink.notices.front().message.at("type").as_string(), "room_opened");
  EXPECT_EQ(sink.notices.front().message.at("room").as_string(), "room");
  EXPECT_EQ(std::string(sink.notices.front().message.at("time").as_string()).size(), 24u);
}

TEST_F(Serving, a_published_track_reaches_a_subscriber_as_rows) {
  const Member alice = join("Alice"), bob = join("Bob");
  const auto published = publish(alice);
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(rows.transports.size(), 2u) << "alice's and, with the offer, bob's";
  EXPECT_EQ(rows.tracks.size(), 3u);
  EXPECT_TRUE(rows.subscriptions.empty()) << "not before bob answered";
  EXPECT_EQ(bob.link->count("track_published"), 3u);
  EXPECT_EQ(alice.link->count("track_published"), 0u);
  EXPECT_EQ(bob.link->last("offer").at("tracks").as_array().size(), 3u);
  EXPECT_EQ(dtls.started.size(), 1u);
  ASSERT_TRUE(answer(bob));
  EXPECT_EQ(rows.subscriptions.size(), 3u);
  EXPECT_EQ(dtls.started.size(), 2u);
  EXPECT_EQ(dtls.started.at(at(bob).subscribe_transport->id).first, DtlsRole::server);

  service->onSecured(at(alice).publish_transport->id, {.profile = 7, .receive_key = "aa"});
  EXPECT_EQ(rows.transports.at(at(alice).publish_transport->id).keys->profile, 7);
  EXPECT_EQ(store.rooms.at("room").participants.at(alice.id).publish_transport->keys->receive_key, "aa");
}

TEST_F(Serving, one_offer_is_out_at_a_time_and_the_next_has_all_that_came_meanwhile) {
  const Member alice = join("Alice"), bob = join("Bob"), carol = join("Carol");
  ASSERT_TRUE(publish(alice));
  const auto first = bob.link->last("offer");
  ASSERT_TRUE(publish(carol, "aiortc"));
  EXPECT_EQ(bob.link->count("offer"), 1u);
  ASSERT_TRUE(answer(bob));
  EXPECT_EQ(bob.link->count("offer"), 2u);
  EXPECT_EQ(bob.link->last("offer").at("tracks").as_array().size(), 5u);
  EXPECT_EQ(
      code(service->answer("room", bob.id, static_cast<uint64_t>(first.at("id").to_number<int64_t>()), "v=0\r\n")),
      "offer_superseded");
  ASSERT_TRUE(answer(bob));
  EXPECT_EQ(code(answer(bob)), "offer_superseded") << "an answer counts once";
  EXPECT_EQ(bob.link->count("offer"), 2u) << "nothing changed: no offer";
  EXPECT_EQ(rows.subscriptions.size(), 5u);
}

TEST_F(Serving, a_wrong_answer_does_not_block_the_next_offer) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  const auto id = static_cast<uint64_t>(bob.link->last("offer").at("id").to_number<int64_t>());
  EXPECT_EQ(code(service->answer("room", bob.id, id, "nonsense")), "sdp_invalid");
  ASSERT_TRUE(service->restartIce("room", bob.id, Purpose::subscribe, ""));
  EXPECT_EQ(bob.link->count("offer"), 2u);
  EXPECT_TRUE(answer(bob));
}

TEST_F(Serving, unsubscribe_and_subscribe_move_rows_and_never_reuse_an_ssrc) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  const std::string track = at(alice).tracks[1].id;
  const uint32_t ssrc = findSubscription(at(bob), track)->ssrc;
  ASSERT_TRUE(service->unsubscribe("room", bob.id, track));
  EXPECT_EQ(rows.subscriptions.size(), 2u);
  ASSERT_TRUE(answer(bob));
  ASSERT_TRUE(service->subscribe("room", bob.id, track));
  ASSERT_TRUE(answer(bob));
  EXPECT_EQ(rows.subscriptions.size(), 3u);
  EXPECT_NE(findSubscription(at(bob), track)->ssrc, ssrc);
  EXPECT_EQ(code(service->subscribe("room", bob.id, "t_none")), "track_unknown");
}

TEST_F(Serving, wishes_reach_the_rows_and_the_largest_is_told_to_the_publisher) {
  const Member alice = join("Alice"), bob = join("Bob"), carol = join("Carol");
  ASSERT_TRUE(service->publish("room", alice.id, readSdp("chromium_simulcast_offer"), {}));
  const std::string track = at(alice).tracks.at(0).id;
  ASSERT_GT(at(alice).tracks.at(0).encodings.size(), 1u);
  ASSERT_TRUE(answer(bob));
  ASSERT_TRUE(answer(carol));
  const auto told = [&] {
    service->tick();
    const auto wanted = alice.link->last("wanted");
    EXPECT_EQ(wanted.at("track").as_string(), track);
    return std::tuple(wanted.at("paused").as_bool(), wanted.at("width").to_number<int>(), alice.link->count("wanted"));
  };
  EXPECT_EQ(told(), std::tuple(false, 0, 1u));
  ASSERT_TRUE(service->wish("room", bob.id, track, {.width_max = 320, .height_max = 240, .frame_rate_max = 15}));
  EXPECT_EQ(told(), std::tuple(false, 0, 1u)) << "carol wants it whole";
  const auto& row = rows.subscriptions.at({at(bob).subscribe_transport->id, track});
  EXPECT_EQ(row.wish, (Wish{.width_max = 320, .height_max = 240, .frame_rate_max = 15}));
  ASSERT_TRUE(service->wish("room", carol.id, track, {.width_max = 640, .height_max = 480}));
  EXPECT_EQ(told(), std::tuple(false, 640, 2u));
  ASSERT_TRUE(service->wish("room", carol.id, track, {.paused = true}));
  EXPECT_EQ(told(), std::tuple(false, 320, 3u));
  ASSERT_TRUE(service->leave("room", bob.id, "left"));
  EXPECT_EQ(told(), std::tuple(true, 0, 4u)) << "nobody";
  service->tick();
  EXPECT_EQ(alice.link->count("wanted"), 4u) << "told once";
  EXPECT_EQ(code(service->wish("room", carol.id, "t_nobodys", {})), "track_unknown");
}

TEST_F(Serving, mute_is_told_to_all_and_a_moderators_mute_stays) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  const std::string track = at(alice).tracks[0].id;
  ASSERT_TRUE(service->mute("room", track, true, true));
  EXPECT_TRUE(rows.tracks.at(track).second.muted());
  EXPECT_TRUE(alice.link->last("track_muted").at("muted_by_moderator").as_bool());
  ASSERT_TRUE(service->mute("room", track, false, true));
  ASSERT_TRUE(service->mute("room", track, false, false));
  EXPECT_TRUE(bob.link->last("track_muted").at("muted").as_bool()) << "the moderator's mute stands";
  ASSERT_TRUE(service->mute("room", track, true, false));
  EXPECT_FALSE(rows.tracks.at(track).second.muted());
  const size_t told = bob.link->count("track_muted");
  ASSERT_TRUE(service->mute("room", track, true, false));
  EXPECT_EQ(bob.link->count("track_muted"), told) << "no change, no message";
}

TEST_F(Serving, leaving_frees_all_and_the_last_one_closes_the_room) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  ASSERT_TRUE(service->leave("room", alice.id, "kicked"));
  EXPECT_EQ(alice.link->last("left").at("reason").as_string(), "kicked");
  EXPECT_EQ(alice.link->closed, "kicked");
  EXPECT_EQ(bob.link->last("participant_left").at("reason").as_string(), "kicked");
  EXPECT_TRUE(rows.tracks.empty() && rows.subscriptions.empty());
  ASSERT_TRUE(service->leave("room", bob.id, "left"));
  EXPECT_EQ(bob.link->count("left"), 0u) << "who leaves by itself just sees the socket close";
  EXPECT_TRUE(rows.transports.empty() && dtls.started.empty() && service->rooms().empty() && store.rooms.empty());
  EXPECT_EQ(sink.notices.back().message.at("type").as_string(), "room_closed");
}

TEST_F(Serving, rooms_made_by_the_api_stay_when_empty) {
  ASSERT_TRUE(service->openRoom("room", {.participants_max = 1}));
  EXPECT_EQ(code(service->openRoom("room", {})), "room_exists");
  const Member alice = join("Alice");
  auto link = std::make_shared<FakeLink>();
  EXPECT_EQ(service->join({.room = "room", .name = "Bob", .protocol = "websocket"}, link).error().code, "room_full");
  ASSERT_TRUE(service->leave("room", alice.id, "left"));
  EXPECT_EQ(service->rooms().size(), 1u);
  ASSERT_TRUE(service->closeRoom("room"));
  EXPECT_EQ(code(service->closeRoom("room")), "room_unknown");
}

TEST_F(Serving, joins_are_refused_by_name_and_leave_nothing_behind) {
  config.rooms_max = 1;
  restart();
  const auto refused = [&](const std::string& room, const std::string& name, const std::string& resume = "") {
    auto link = std::make_shared<FakeLink>();
    const auto id = service->join({.room = room, .name = name, .protocol = "websocket", .resume_token = resume}, link);
    return id ? std::string() : id.error().code;
  };
  EXPECT_EQ(refused("", "A"), "bad_message");
  EXPECT_EQ(refused("a room", "A"), "bad_message");
  EXPECT_EQ(refused(std::string(65, 'x'), "A"), "bad_message");
  EXPECT_EQ(refused("room", std::string(65, 'x')), "bad_message");
  EXPECT_EQ(refused("room", "a\nb"), "bad_message");
  EXPECT_EQ(refused("room", "A", "made-up"), "resume_unknown");
  EXPECT_TRUE(service->rooms().empty());
  EXPECT_EQ(refused("room", "A"), "");
  EXPECT_EQ(refused("other", "A"), "rooms_full");
  config.create_on_join = false;
  restart();
  EXPECT_EQ(refused("room", "A"), "room_unknown");
}

TEST_F(Serving, permissions_are_asked_first) {
  auto link = std::make_shared<FakeLink>();
  const auto id =
      service->join({.room = "room", .name = "A", .protocol = "websocket", .permissions = {false, false, false}}, link);
  ASSERT_TRUE(id);
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice));
  EXPECT_EQ(link->count("offer"), 0u);
  EXPECT_EQ(service->publish("room", *id, readSdp("chromium_publish_offer"), {}).error().code, "not_permitted");
  EXPECT_EQ(code(service->subscribe("room", *id, at(alice).tracks[0].id)), "not_permitted");
  EXPECT_EQ(service->play("room", *id, readSdp("chromium_play_offer"), "").error().code, "not_permitted");
}

TEST_F(Serving, a_broken_connection_is_waited_for_and_resumed) {
  const Member alice = join("Alice");
  Member bob = join("Bob");
  ASSERT_TRUE(publish(alice));  // bob's offer is not answered when his connection breaks
  const std::string token(bob.link->last("joined").at("resume").as_string());
  service->detach("room", bob.id, bob.link.get());
  clock.now_ms += 29'000;
  service->tick();
  ASSERT_TRUE(service->rooms().at("room").participants.contains(bob.id));
  auto again = std::make_shared<FakeLink>();
  const auto id = service->join({.room = "room", .name = "Bob", .protocol = "websocket", .resume_token = token}, again);
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, bob.id);
  EXPECT_TRUE(again->last("joined").at("resumed").as_bool());
  EXPECT_EQ(again->count("offer"), 1u) << "the lost offer, again";
  bob.link = again;
  EXPECT_TRUE(answer(bob));
  clock.now_ms += 60'000;
  service->tick();
  EXPECT_TRUE(service->rooms().at("room").participants.contains(bob.id));
  service->detach("room", bob.id, bob.link.get());
  clock.now_ms += 31'000;
  service->tick();
  EXPECT_FALSE(service->rooms().at("room").participants.contains(bob.id));
  EXPECT_EQ(alice.link->last("participant_left").at("reason").as_string(), "connection_lost");
}

TEST_F(Serving, a_second_connection_replaces_the_first) {
  const Member alice = join("Alice");
  const std::string token(alice.link->last("joined").at("resume").as_string());
  auto again = std::make_shared<FakeLink>();
  ASSERT_TRUE(service->join({.room = "room", .name = "Alice", .protocol = "websocket", .resume_token = token}, again));
  EXPECT_EQ(alice.link->last("left").at("reason").as_string(), "replaced");
  EXPECT_EQ(alice.link->closed, "replaced");
  service->detach("room", alice.id, alice.link.get());  // the old socket's end: not news
  clock.now_ms += 60'000;
  service->tick();
  EXPECT_EQ(service->rooms().at("room").participants.size(), 1u);
}

TEST_F(Serving, a_player_gets_what_comes_later) {
  const auto player = service->join({.room = "room", .name = "P", .protocol = "whep"}, nullptr);
  ASSERT_TRUE(player);
  const auto answered = service->play("room", *player, readSdp("aiortc_play_offer"), "");
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_TRUE(rows.subscriptions.empty());
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice, "aiortc"));
  EXPECT_EQ(rows.subscriptions.size(), 2u);
  std::set<uint32_t> used;
  for (const auto& [key, subscription] : rows.subscriptions) used.insert(subscription.ssrc);
  ASSERT_TRUE(service->leave("room", alice.id, "left"));
  EXPECT_TRUE(rows.subscriptions.empty());
  const Member bob = join("Bob");
  ASSERT_TRUE(publish(bob, "aiortc"));
  EXPECT_EQ(rows.subscriptions.size(), 2u);
  for (const auto& [key, subscription] : rows.subscriptions) EXPECT_TRUE(used.contains(subscription.ssrc));
}

TEST_F(Serving, who_has_no_codec_for_a_track_is_told_which_when_that_changes) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice, "aiortc"));
  const auto reply = [&](bool takes_video) {
    const auto offer = bob.link->last("offer");
    sdp::Session description = acceptAll(std::string(offer.at("sdp").as_string()));
    for (sdp::Media& media : description.media)
      if (media.type == "video" && !takes_video) media.port = 0;  // RFC 8829 section 5.3.1: no codec in common
    return service->answer("room", bob.id, static_cast<uint64_t>(offer.at("id").to_number<int64_t>()),
                           sdp::write(description));
  };
  ASSERT_TRUE(reply(false));
  ASSERT_EQ(bob.link->count("undecodable"), 1u);
  const auto told = bob.link->last("undecodable");
  const auto& tracks = told.at("tracks").as_array();
  ASSERT_EQ(tracks.size(), 1u);
  EXPECT_EQ(tracks[0].as_string(), at(alice).tracks[1].id);
  EXPECT_FALSE(at(bob).subscriptions[1].active);
  ASSERT_TRUE(service->restartIce("room", bob.id, Purpose::subscribe, ""));
  ASSERT_TRUE(reply(true));
  ASSERT_EQ(bob.link->count("undecodable"), 2u);
  EXPECT_TRUE(bob.link->last("undecodable").at("tracks").as_array().empty());
  EXPECT_TRUE(at(bob).subscriptions[1].active);
}

TEST_F(Serving, a_player_of_somebody_who_is_not_there_may_try_again) {
  const auto player = service->join({.room = "room", .name = "P", .protocol = "whep"}, nullptr);
  ASSERT_TRUE(player);
  const auto refused = service->play("room", *player, readSdp("aiortc_play_offer"), "p_nobody");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "participant_unknown");
  EXPECT_EQ(refused.error().status, 409);
}

TEST_F(Serving, another_certificate_in_an_answer_replaces_the_subscribe_transport) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  const std::string before = at(bob).subscribe_transport->id;
  ASSERT_TRUE(service->restartIce("room", bob.id, Purpose::subscribe, ""));
  const auto offer = bob.link->last("offer");
  sdp::Session other = acceptAll(std::string(offer.at("sdp").as_string()));
  for (sdp::Media& media : other.media) media.security.fingerprints[0].value[0] = 'B';
  ASSERT_TRUE(
      service->answer("room", bob.id, static_cast<uint64_t>(offer.at("id").to_number<int64_t>()), sdp::write(other)));
  EXPECT_NE(at(bob).subscribe_transport->id, before);
  EXPECT_FALSE(rows.transports.contains(before));
  EXPECT_TRUE(rows.subscriptions.empty());
  ASSERT_TRUE(answer(bob));
  EXPECT_EQ(rows.subscriptions.size(), 3u);
}

}  // namespace
}  // namespace penstock
