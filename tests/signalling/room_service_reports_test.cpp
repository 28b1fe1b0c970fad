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

TEST(SpeakerWatch, loudest_first_with_hysteresis) {
  SpeakerWatch watch;
  EXPECT_FALSE(watch.look({{"a", 127}}));
  EXPECT_EQ(watch.look({{"a", 45}, {"b", 20}}).value().at(0).participant, "b");
  EXPECT_EQ(watch.look({{"a", 55}, {"b", 55}}).value().size(), 2u) << "below where it begins, above where it ends";
  EXPECT_TRUE(watch.look({{"a", 60}, {"b", 60}}).value().empty());
  EXPECT_FALSE(watch.look({{"a", 55}}));
  EXPECT_EQ(watch.look({{"a", 50}, {"a", 10}}).value().at(0).level, 0.9);
}

}  // namespace
}  // namespace penstock
