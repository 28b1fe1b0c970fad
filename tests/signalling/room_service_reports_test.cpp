// What the dataplane tells of participants, before and after a restart of penstockd: who is lost, and who speaks.
#include "tests/signalling/serving.h"

namespace penstock {
namespace {

using test::FakeLink;
using test::readSdp;
using test::Serving;

TEST_F(Serving, whip_and_whep_end_with_their_transport) {
  const auto whip = service->join({.room = "room", .name = "W", .protocol = "whip"}, nullptr);
  ASSERT_TRUE(whip);
  ASSERT_TRUE(service->publish("room", *whip, readSdp("aiortc_publish_offer"), {}));
  const std::string transport = service->rooms().at("room").participants.at(*whip).publish_transport->id;
  service->onSecured(transport, {.profile = 7});
  clock.now_ms += 120'000;
  service->tick();
  EXPECT_EQ(service->rooms().size(), 1u) << "a secured one is not timed out";
  service->onConsentLost(transport);
  EXPECT_TRUE(service->rooms().empty());
  EXPECT_TRUE(rows.transports.empty());

  const auto never = service->join({.room = "room", .name = "W", .protocol = "whip"}, nullptr);
  ASSERT_TRUE(service->publish("room", *never, readSdp("aiortc_publish_offer"), {}));
  clock.now_ms += 31'000;
  service->tick();
  EXPECT_TRUE(service->rooms().empty()) << "one that never connected is";
}

TEST_F(Serving, who_cannot_connect_is_ended_with_that_reason) {
  const auto reason = [&] {
    for (auto it = sink.notices.rbegin(); it != sink.notices.rend(); ++it)
      if (it->message.at("type") == "participant_left") return std::string(it->message.at("reason").as_string());
    return std::string();
  };
  const Member alice = join("Alice");  // the room stays
  const auto failing = service->join({.room = "room", .name = "F", .protocol = "whip"}, nullptr);
  ASSERT_TRUE(service->publish("room", *failing, readSdp("aiortc_publish_offer"), {}));
  const std::string transport = service->rooms().at("room").participants.at(*failing).publish_transport->id;
  service->onHandshakeFailed(transport, "timeout");
  EXPECT_EQ(reason(), "connection_failed");
  sink.notices.clear();

  const auto never = service->join({.room = "room", .name = "N", .protocol = "whip"}, nullptr);
  ASSERT_TRUE(service->publish("room", *never, readSdp("aiortc_publish_offer"), {}));
  clock.now_ms += 31'000;
  service->tick();
  EXPECT_EQ(reason(), "connection_failed");
  EXPECT_EQ(service->rooms().at("room").participants.size(), 1u);

  ASSERT_TRUE(publish(alice));
  service->onHandshakeFailed(at(alice).publish_transport->id, "fingerprint_mismatch");
  EXPECT_EQ(alice.link->last("error").at("code").as_string(), "connection_failed") << "and may begin anew";
}

TEST_F(Serving, a_handshake_is_its_rooms_and_subjects_and_may_begin_when_the_client_checked_before_it_answered) {
  auto link = std::make_shared<FakeLink>();
  const auto id = service->join({.room = "room", .name = "A", .identity = "alice", .protocol = "websocket"}, link);
  const Member alice{*id, link}, bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  const std::string transport = at(alice).publish_transport->id;
  EXPECT_EQ(dtls.owners.at(transport).room, "room");
  EXPECT_EQ(dtls.owners.at(transport).subject, "alice");
  EXPECT_TRUE(dtls.told_nominated.empty());
  const std::string early = at(bob).subscribe_transport->id;
  reports.consents[early] = Consent::kGiven;
  ASSERT_TRUE(answer(bob));
  EXPECT_EQ(dtls.told_nominated, std::vector<std::string>{early});
}

TEST_F(Serving, consent_lost_with_a_connection_waits_for_a_restart) {
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice));
  service->onConsentLost(at(alice).publish_transport->id);
  EXPECT_EQ(at(alice).tracks.size(), 3u);
}

TEST_F(Serving, a_restart_finds_everything_and_writes_the_same_rows) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  service->onSecured(at(alice).publish_transport->id, {.profile = 7});
  const std::string token(bob.link->last("joined").at("resume").as_string());
  const test::FakeRows before = rows;
  std::vector<Room> stored;
  for (const auto& [name, room] : store.rooms) stored.push_back(room);

  restart();
  rows.transports.clear();
  rows.tracks.clear();
  rows.subscriptions.clear();
  dtls.started.clear();
  service->restore(stored);
  EXPECT_EQ(rows.transports.size(), before.transports.size());
  EXPECT_EQ(rows.tracks.size(), before.tracks.size());
  EXPECT_EQ(rows.subscriptions.size(), before.subscriptions.size());
  EXPECT_EQ(rows.sweeps, 1);
  EXPECT_EQ(dtls.started.size(), 1u) << "bob's handshake was not done; alice's was";

  auto link = std::make_shared<FakeLink>();
  ASSERT_TRUE(service->join({.room = "room", .name = "Bob", .protocol = "websocket", .resume_token = token}, link));
  ASSERT_TRUE(answer({bob.id, link}));
  EXPECT_EQ(rows.subscriptions.size(), 3u);
  EXPECT_NE(join("Carol").id, "");
  clock.now_ms += 31'000;
  service->tick();
  EXPECT_FALSE(service->rooms().at("room").participants.contains(alice.id)) << "alice did not come back";
}

TEST_F(Serving, what_happened_while_nobody_listened_has_its_effects_at_the_review) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  const auto whip = [&](const std::string& name, Consent consent) {
    const auto id = service->join({.room = "room", .name = name, .protocol = "whip"}, nullptr);
    EXPECT_TRUE(service->publish("room", *id, readSdp("aiortc_publish_offer"), {}));
    const std::string transport = service->rooms().at("room").participants.at(*id).publish_transport->id;
    service->onSecured(transport, {.profile = 7});
    reports.consents[transport] = consent;
    return *id;
  };
  const std::string there = whip("there", Consent::kGiven), lost = whip("lost", Consent::kLost);
  const std::string never = whip("never", Consent::kNever), unknown = whip("unknown", Consent::kUnknown);
  reports.consents[at(alice).publish_transport->id] = Consent::kLost;
  reports.consents[at(alice).subscribe_transport->id] = Consent::kLost;
  reports.consents[at(bob).subscribe_transport->id] = Consent::kGiven;

  std::vector<Room> stored;
  for (const auto& [name, room] : store.rooms) stored.push_back(room);
  const std::string token(alice.link->last("joined").at("resume").as_string());
  restart();
  service->restore(stored);
  auto again = std::make_shared<FakeLink>();
  ASSERT_TRUE(service->join({.room = "room", .name = "Alice", .protocol = "websocket", .resume_token = token}, again));
  dtls.told_nominated.clear();
  service->review();
  const auto here = [&](const std::string& id) { return service->rooms().at("room").participants.contains(id); };
  EXPECT_TRUE(here(there) && here(never) && here(unknown) && here(bob.id));
  EXPECT_FALSE(here(lost)) << "its consent was lost, and it has no signalling to restart ICE with";
  EXPECT_TRUE(here(alice.id)) << "she may restart ICE";
  EXPECT_EQ(dtls.told_nominated.size(), 2u) << "of the one that is there, and bob's";
  const size_t left = again->count("participant_left");
  service->review();
  EXPECT_EQ(again->count("participant_left"), left) << "again is no news";

  clock.now_ms += 29'000;
  service->tick();
  EXPECT_TRUE(here(never) && here(unknown));
  clock.now_ms += 2'000;
  service->tick();
  EXPECT_TRUE(here(there) && here(unknown));
  EXPECT_FALSE(here(never)) << "its keys say that it was there; the dataplane, that it did not come back";
  service->detach("room", alice.id, again.get());
  service->review();
  EXPECT_FALSE(here(alice.id)) << "no signalling, no consent";
  reports.consents[service->rooms().at("room").participants.at(unknown).publish_transport->id] = Consent::kLost;
  clock.now_ms += 30'000;
  service->tick();
  EXPECT_FALSE(here(unknown));
}

TEST_F(Serving, a_review_gives_everybody_without_a_word_of_them_the_time_to_connect) {
  const auto id = service->join({.room = "room", .name = "W", .protocol = "whip"}, nullptr);
  ASSERT_TRUE(service->publish("room", *id, readSdp("aiortc_publish_offer"), {}));
  const std::string transport = service->rooms().at("room").participants.at(*id).publish_transport->id;
  service->onSecured(transport, {.profile = 7});
  reports.consents[transport] = Consent::kGiven;
  clock.now_ms += 31'000;
  service->tick();
  ASSERT_EQ(service->rooms().size(), 1u);
  reports.consents[transport] = Consent::kNever;  // the dataplane restarted, and the client is not back yet
  service->review();
  clock.now_ms += 29'000;
  service->tick();
  ASSERT_EQ(service->rooms().size(), 1u);
  reports.consents[transport] = Consent::kGiven;
  clock.now_ms += 2'000;
  service->tick();
  EXPECT_EQ(service->rooms().size(), 1u) << "it came back";
}

TEST_F(Serving, speakers_are_told_when_they_change) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  const std::string microphone = at(alice).tracks[0].id;
  service->tick();
  EXPECT_EQ(bob.link->count("speakers"), 0u);
  reports.dbov[microphone] = 30;
  service->tick();
  service->tick();
  EXPECT_EQ(bob.link->count("speakers"), 1u);
  EXPECT_EQ(bob.link->last("speakers").at("speakers").as_array().at(0).at("participant").as_string(), alice.id);
  ASSERT_TRUE(service->mute("room", microphone, false, true));
  service->tick();
  EXPECT_EQ(bob.link->count("speakers"), 2u);
  EXPECT_TRUE(bob.link->last("speakers").at("speakers").as_array().empty());
  for (const Notice& notice : sink.notices) EXPECT_NE(notice.message.at("type").as_string(), "speakers");
}

TEST_F(Serving, the_dominant_speaker_is_told_to_all) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(publish(bob));
  const auto changes = [&] {
    return std::ranges::count_if(sink.notices, [](const Notice& notice) {
      return notice.message.at("type").as_string() == "dominant_speaker_changed";
    });
  };
  const auto speaks = [&](const Member& who, bool dominant) {
    reports.speakers[at(who).publish_transport->id] = {.generation = 1, .dominant = dominant};
  };
  service->tick();
  EXPECT_EQ(bob.link->count("speakers"), 0u) << "nobody yet";
  speaks(alice, true);
  speaks(bob, false);
  service->tick();
  service->tick();
  EXPECT_EQ(bob.link->count("speakers"), 1u);
  EXPECT_EQ(bob.link->last("speakers").at("dominant").as_string(), alice.id);
  EXPECT_EQ(changes(), 1);
  EXPECT_EQ(sink.notices.back().message.at("participant").as_string(), alice.id);
  EXPECT_EQ(sink.notices.back().message.at("room").as_string(), "room");
  EXPECT_EQ(bob.link->count("dominant_speaker_changed"), 0u) << "clients have it with the speakers";
  const Member carol = join("Carol");
  EXPECT_EQ(carol.link->last("speakers").at("dominant").as_string(), alice.id) << "who comes is told";
  EXPECT_EQ(carol.link->messages.front().at("type").as_string(), "joined");
  reports.speakers.clear();  // the dataplane restarts
  service->tick();
  EXPECT_EQ(changes(), 1) << "the last one stays";
  speaks(bob, true);
  service->tick();
  EXPECT_EQ(alice.link->last("speakers").at("dominant").as_string(), bob.id);
  EXPECT_EQ(changes(), 2);
  reports.speakers.clear();
  ASSERT_TRUE(service->leave("room", bob.id, "left"));
  service->tick();
  EXPECT_TRUE(alice.link->last("speakers").at("dominant").is_null());
  EXPECT_EQ(changes(), 3);
  EXPECT_TRUE(sink.notices.back().message.at("participant").is_null());
}

TEST_F(Serving, who_is_held_is_told_as_a_whole_and_once) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  const std::string transport = at(bob).subscribe_transport->id, camera = at(alice).tracks.at(1).id;
  service->tick();
  EXPECT_EQ(bob.link->count("held"), 0u);
  reports.held_subscriptions.insert({transport, camera});
  service->tick();
  EXPECT_EQ(bob.link->count("held"), 0u) << "no event, no look";
  service->onHeld(transport);
  service->onHeld(transport);
  service->tick();
  service->tick();
  EXPECT_EQ(bob.link->count("held"), 1u);
  EXPECT_EQ(bob.link->last("held").at("tracks").as_array(), boost::json::array({boost::json::value(camera)}));
  service->onHeld(transport);
  service->tick();
  EXPECT_EQ(bob.link->count("held"), 1u) << "as before";
  reports.held_subscriptions.clear();
  service->review();  // events were missed
  service->tick();
  EXPECT_EQ(bob.link->count("held"), 2u);
  EXPECT_TRUE(bob.link->last("held").at("tracks").as_array().empty());
  service->onHeld("x_nobodys");
}

TEST_F(Serving, nobody_needs_to_send_large_pictures_that_are_held) {
  const Member alice = join("Alice"), bob = join("Bob"), carol = join("Carol");
  ASSERT_TRUE(service->publish("room", alice.id, readSdp("chromium_simulcast_offer"), {}));
  ASSERT_TRUE(answer(bob));
  ASSERT_TRUE(answer(carol));
  const std::string camera = at(alice).tracks.at(0).id;
  const auto hold = [&](const Member& who, bool held) {
    const std::pair key(at(who).subscribe_transport->id, camera);
    if (held) reports.held_subscriptions.insert(key);
    if (!held) reports.held_subscriptions.erase(key);
    service->onHeld(key.first);
    service->tick();
    const auto wanted = alice.link->last("wanted");
    return std::tuple(wanted.at("paused").as_bool(), wanted.at("width").to_number<int>(),
                      wanted.at("height").to_number<int>(), alice.link->count("wanted"));
  };
  EXPECT_EQ(hold(bob, true), std::tuple(false, 0, 0, 1u)) << "carol sees it";
  EXPECT_EQ(hold(carol, true), std::tuple(false, 320, 180, 2u)) << "what there is when alice speaks";
  ASSERT_TRUE(service->wish("room", bob.id, camera, {.width_max = 160, .height_max = 480}));
  ASSERT_TRUE(service->wish("room", carol.id, camera, {.width_max = 160, .height_max = 480}));
  EXPECT_EQ(hold(carol, true), std::tuple(false, 160, 180, 3u)) << "nor more than they wish for";
  EXPECT_EQ(hold(bob, false), std::tuple(false, 160, 480, 4u));
}

TEST_F(Serving, rows_say_what_the_room_and_the_participant_say) {
  const Member alice = join("Alice"), bob = join("Bob");
  ASSERT_TRUE(publish(alice));
  ASSERT_TRUE(answer(bob));
  ASSERT_TRUE(publish(bob));
  const std::string receives = at(bob).subscribe_transport->id, sends = at(bob).publish_transport->id;
  EXPECT_NE(rows.places.at(receives).room, 0u);
  EXPECT_EQ(rows.places.at(receives).room, rows.places.at(at(alice).publish_transport->id).room);
  EXPECT_EQ(rows.places.at(receives).partner, sends) << "though it came later";
  EXPECT_FALSE(rows.places.at(receives).last_n);
  struct Case {
    int number;
    std::optional<uint16_t> room, own, effective;
  };
  for (const Case& c : {Case{1, {}, 3, 3}, {2, 5, 3, 3}, {3, 2, 3, 2}, {4, 2, {}, 2}, {5, 0, 3, 0}, {6, {}, {}, {}}}) {
    ASSERT_TRUE(service->setLastN("room", bob.id, c.own));
    RoomSettings settings = service->rooms().at("room").settings;
    settings.last_n = c.room;
    ASSERT_TRUE(service->changeSettings("room", settings));
    EXPECT_EQ(rows.places.at(receives).last_n, c.effective) << "case " << c.number;
    EXPECT_EQ(at(bob).last_n, c.own) << "case " << c.number;
  }
  ASSERT_TRUE(service->changeSettings("room", {.loudest = 3, .forward_silence = false}));
  EXPECT_EQ(rows.places.at(sends).loudest, 3);
  EXPECT_FALSE(rows.places.at(sends).forward_silence);
  EXPECT_EQ(code(service->setLastN("room", "p_nobody", 1)), "participant_unknown");
}

TEST(SpeakerWatch, loudest_first_with_hysteresis) {
  SpeakerWatch watch;
  EXPECT_FALSE(watch.look({{"a", 127}}, ""));
  EXPECT_EQ(watch.look({{"a", 45}, {"b", 20}}, "").value().heard.at(0).participant, "b");
  EXPECT_EQ(watch.look({{"a", 55}, {"b", 55}}, "").value().heard.size(), 2u)
      << "below where it begins, above where it ends";
  EXPECT_TRUE(watch.look({{"a", 60}, {"b", 60}}, "").value().heard.empty());
  EXPECT_FALSE(watch.look({{"a", 55}}, ""));
  EXPECT_EQ(watch.look({{"a", 50}, {"a", 10}}, "").value().heard.at(0).level, 0.9);
  EXPECT_EQ(watch.look({{"a", 10}}, "a").value().dominant, "a");
  EXPECT_FALSE(watch.look({{"a", 10}}, "a"));
}

}  // namespace
}  // namespace penstock
