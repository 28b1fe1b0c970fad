// Plain transports through the room service: rows, streams, refusals, and that nobody times them out.
#include "tests/signalling/serving.h"

namespace penstock {
namespace {

using test::Serving;

const Codec kOpus{.name = "opus", .clock_rate_hz = 48'000, .channels = 2, .payload_type = 120};
const Codec kVp8{.name = "VP8", .clock_rate_hz = 90'000, .channels = 1, .payload_type = 100};

struct Plain : Serving {
  static SrtpKeys keys(uint16_t profile = 7) {
    return {profile, std::string(32, 'a'), std::string(24, 'b'), std::string(32, 'c'), std::string(24, 'd')};
  }
  static Track track(uint32_t ssrc, const Codec& codec = kOpus) {
    Track track;
    track.kind = codec.clock_rate_hz == 90'000 ? Kind::video : Kind::audio;
    track.codecs = {codec};
    track.encodings = {{.ssrc = ssrc, .rtx_ssrc = 0, .rid = ""}};
    return track;
  }
  /// Publishes one stream from a given address, and subscribes to everything.
  static PlainRequest request(uint16_t port = 4000) {
    PlainRequest request;
    request.room = "room";
    request.name = "PBX";
    request.remote_ip = "198.18.0.9";
    request.remote_port = port;
    request.keys = keys();
    request.publish = {track(1000)};
    request.subscribe = request.subscribe_all = true;
    return request;
  }
  const Participant& who(const std::string& id) const { return service->rooms().at("room").participants.at(id); }
  std::string refusal(const PlainRequest& request) {
    const auto added = service->addPlain(request);
    return added ? "" : added.error().code;
  }
};

TEST_F(Plain, both_directions_share_one_row_and_everybody_hears_of_the_track) {
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice, "aiortc"));
  const auto id = service->addPlain(request());
  ASSERT_TRUE(id) << id.error().message;
  const Participant& pbx = who(*id);
  EXPECT_EQ(pbx.publish_transport->id, pbx.subscribe_transport->id);
  EXPECT_EQ(rows.transports.size(), 3u) << "alice's two, and one";
  const Transport row = rows.transports.at(pbx.publish_transport->id);
  EXPECT_TRUE(row.plain && row.ice_pwd.empty() && !row.ice_ufrag.empty());
  EXPECT_EQ(row.remote_ip, "198.18.0.9");
  EXPECT_EQ(row.remote_port, 4000);
  EXPECT_EQ(row.keys->receive_key, std::string(32, 'a'));
  EXPECT_EQ(alice.link->last("track_published").at("participant").as_string(), *id);
  ASSERT_TRUE(answer(alice));
  EXPECT_TRUE(rows.subscriptions.contains({at(alice).subscribe_transport->id, pbx.tracks[0].id}));

  // Alice's audio and video, by the numbers that everybody is offered, each found by an SSRC of its own.
  ASSERT_EQ(pbx.subscriptions.size(), 2u);
  std::set<uint32_t> ssrcs;
  for (const Subscription& each : pbx.subscriptions) {
    EXPECT_TRUE(each.active && each.rtx_ssrc == 0 && !each.mid.empty());
    EXPECT_FALSE(each.codecs.at(0).rtx_payload_type);
    EXPECT_TRUE(ssrcs.insert(each.ssrc).second);
    EXPECT_TRUE(rows.subscriptions.contains({row.id, each.track}));
  }
  EXPECT_EQ(pbx.subscriptions[0].codecs.at(0).payload_type, 111);

  const Member bob = join("Bob");
  ASSERT_TRUE(publish(bob, "aiortc"));
  EXPECT_EQ(who(*id).subscriptions.size(), 4u) << "and what comes later";
  EXPECT_EQ(activeOf(who(*id).subscriptions), 4u);
  ASSERT_TRUE(service->leave("room", bob.id, "left"));
  EXPECT_EQ(who(*id).subscriptions.size(), 2u);
  ASSERT_TRUE(service->leave("room", *id, "left"));
  EXPECT_FALSE(rows.transports.contains(row.id));
  EXPECT_EQ(alice.link->last("participant_left").at("participant").as_string(), *id);
  EXPECT_EQ(refusal(request()), "") << "its address is free again";
}

TEST_F(Plain, takes_what_it_named_by_its_own_numbers) {
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice, "aiortc"));
  PlainRequest recorder = request();
  recorder.publish.clear();
  recorder.codecs = {kVp8};
  recorder.codecs[0].rtx_payload_type = 101;
  const auto id = service->addPlain(recorder);
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_FALSE(who(*id).publish_transport);
  const auto& subscriptions = who(*id).subscriptions;
  ASSERT_EQ(subscriptions.size(), 2u);
  for (const Subscription& each : subscriptions) {
    const bool video = findTrack(at(alice), each.track)->kind == Kind::video;
    EXPECT_EQ(each.active, video);
    if (!video) continue;
    EXPECT_EQ(each.codecs.at(0).payload_type, 100);
    EXPECT_EQ(each.codecs.at(0).rtx_payload_type, 101);
    EXPECT_EQ(each.rtx_ssrc, each.ssrc + 1);
  }
  EXPECT_EQ(rows.subscriptions.count({who(*id).subscribe_transport->id, at(alice).tracks[0].id}) +
                rows.subscriptions.count({who(*id).subscribe_transport->id, at(alice).tracks[1].id}),
            1u);
}

TEST_F(Plain, listed_tracks_only_and_more_by_the_subscriptions_of_the_api) {
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice, "aiortc"));
  const std::string first = at(alice).tracks[0].id, second = at(alice).tracks[1].id;
  PlainRequest recorder = request();
  recorder.publish.clear();
  recorder.subscribe_all = false;
  recorder.tracks = {first};
  const auto id = service->addPlain(recorder);
  ASSERT_TRUE(id) << id.error().message;
  ASSERT_EQ(who(*id).subscriptions.size(), 1u);
  ASSERT_TRUE(service->subscribe("room", *id, second));
  EXPECT_EQ(activeOf(who(*id).subscriptions), 2u);
  const uint32_t ssrc = findSubscription(who(*id), first)->ssrc;
  ASSERT_TRUE(service->unsubscribe("room", *id, first));
  ASSERT_TRUE(service->subscribe("room", *id, first));
  EXPECT_NE(findSubscription(who(*id), first)->ssrc, ssrc) << "no keystream twice";
  recorder.remote_port = 4001;
  recorder.tracks = {"t_none"};
  EXPECT_EQ(refusal(recorder), "track_unknown");
  recorder.tracks = {first};
  recorder.codecs = {findTrack(at(alice), first)->kind == Kind::audio ? kVp8 : kOpus};
  EXPECT_EQ(refusal(recorder), "codec_unsupported");
  EXPECT_EQ(rows.transports.size(), 2u) << "nothing is left of what was refused";
  recorder.codecs.clear();
  EXPECT_EQ(refusal(recorder), "") << "neither its address";
}

TEST_F(Plain, in_the_clear_there_are_no_keys_and_one_way_a_key_that_nobody_knows) {
  PlainRequest clear = request();
  clear.keys = {.profile = 0xff00};
  const auto id = service->addPlain(clear);
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_EQ(who(*id).publish_transport->keys->send_key, "");
  PlainRequest one_way = request(4001);
  one_way.subscribe = false;
  one_way.keys.send_key = one_way.keys.send_salt = "";
  const auto publisher = service->addPlain(one_way);
  ASSERT_TRUE(publisher) << publisher.error().message;
  EXPECT_EQ(who(*publisher).publish_transport->keys->receive_key, std::string(32, 'a'));
  EXPECT_EQ(who(*publisher).publish_transport->keys->send_key.size(), 32u);
  EXPECT_EQ(who(*publisher).publish_transport->keys->send_salt.size(), 24u);
  EXPECT_FALSE(who(*publisher).subscribe_transport);
  EXPECT_TRUE(who(*publisher).subscriptions.empty());
}

TEST_F(Plain, refusals_by_table) {
  ASSERT_EQ(refusal(request()), "");
  PlainRequest latching = request();
  latching.remote_ip = "";
  latching.publish = {track(5000)};
  ASSERT_EQ(refusal(latching), "");
  const size_t people = service->rooms().at("room").participants.size();
  const auto changed = [&](auto change) {
    PlainRequest request = this->request(5000);
    request.publish = {track(1001)};
    change(request);
    return request;
  };
  const struct {
    int number;
    PlainRequest request;
    const char* code;
  } cases[] = {
      {1, changed([](auto& r) { r.remote_port = 4000; }), "remote_exists"},
      {2, changed([](auto& r) { r.remote_ip = "::ffff:198.18.0.9", r.remote_port = 4000; }), "remote_exists"},
      {3, changed([](auto& r) { r.remote_ip = "", r.publish = {track(5000)}; }), "ssrc_exists"},
      {27, changed([](auto& r) { r.remote_port = 4001, r.rtcp_port = 4000; }), "remote_exists"},
      {28, changed([](auto& r) { r.remote_ip = "", r.publish.assign(PlainClaims::kAnySsrcShare + 1, track(0)); }),
       "share_full"},
      {4, changed([](auto& r) { r.remote_ip = "", r.keys = {.profile = 0xff00}; }), "latch_impossible"},
      {5, changed([](auto& r) { r.remote_ip = "", r.publish.clear(); }), "latch_impossible"},
      {6, changed([](auto& r) { r.remote_ip = "here"; }), "remote_invalid"},
      {7, changed([](auto& r) { r.remote_ip = "127.0.0.1"; }), "remote_invalid"},
      {8, changed([](auto& r) { r.remote_ip = "224.0.0.9"; }), "remote_invalid"},
      {9, changed([](auto& r) { r.remote_ip = "0.0.0.0"; }), "remote_invalid"},
      {10, changed([](auto& r) { r.remote_ip = "ff02::9"; }), "remote_invalid"},
      {11, changed([](auto& r) { r.remote_ip = "::1"; }), "remote_invalid"},
      {12, changed([](auto& r) { r.remote_ip = "198.18.0.1"; }), "remote_invalid"},
      {22, changed([](auto& r) { r.remote_ip = "198.18.9.9"; }), "remote_denied"},
      {23, changed([](auto& r) { r.remote_ip = "::ffff:198.18.9.9"; }), "remote_denied"},
      {13, changed([](auto& r) { r.remote_port = 0; }), "remote_invalid"},
      {14, changed([](auto& r) { r.keys.receive_key = ""; }), "keys_invalid"},
      {15, changed([](auto& r) { r.keys.send_key = ""; }), "keys_invalid"},
      {16, changed([](auto& r) { r.keys.send_key = r.keys.receive_key, r.keys.send_salt = r.keys.receive_salt; }),
       "keys_invalid"},
      {17, changed([](auto& r) { r.keys.profile = 0; }), "keys_invalid"},
      {18, changed([](auto& r) { r.publish[0].codecs[0].name = "L16"; }), "codec_unsupported"},
      {19, changed([](auto& r) { r.codecs = {{.name = "L16"}}; }), "codec_unsupported"},
      {20, changed([](auto& r) { r.publish.clear(), r.subscribe = false; }), "field_invalid"},
      {21, changed([](auto& r) { r.publish.resize(9, track(1)); }), "tracks_full"},
      {22, changed([](auto& r) { r.room = "a b"; }), "bad_message"},
      {23, changed([](auto& r) { r.publish = {track(5000)}; }), ""},  // from a given address SSRCs are its own affair
      {24, changed([](auto& r) { r.remote_ip = "2001:db8::9"; }), ""},
      {25, changed([](auto& r) { r.publish[0].codecs[0].name = "red"; }), "codec_unsupported"},  // without its Opus
      {26, changed([](auto& r) { r.codecs = {{.name = "red", .clock_rate_hz = 48000, .channels = 2}}; }),
       "codec_unsupported"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(refusal(c.request), c.code) << c.number;
  }
  EXPECT_EQ(service->rooms().at("room").participants.size(), people + 2);
  EXPECT_EQ(rows.transports.size(), 4u);
  restart({.transports_max = 1});
  EXPECT_EQ(refusal(request()), "");
  EXPECT_EQ(refusal(request(4001)), "overloaded");
}

TEST_F(Plain, latches_without_SSRC_are_shared_among_rooms) {
  const auto latching = [](int room) {
    PlainRequest request;
    request.room = "room" + std::to_string(room);
    request.name = "telephones";
    request.keys = keys();
    request.publish.assign(8, track(0));
    return request;
  };
  const auto fill = [&](int room) {
    for (size_t taken = 0; taken < PlainClaims::kAnySsrcShare; taken += 8) ASSERT_EQ(refusal(latching(room)), "");
  };
  fill(0);
  EXPECT_EQ(refusal(latching(0)), "share_full");
  for (int room = 1; room < 4; ++room) fill(room);
  EXPECT_EQ(refusal(latching(4)), "overloaded");
  const auto one = service->rooms().at("room1").participants.begin()->first;
  ASSERT_TRUE(service->leave("room1", one, "left"));
  EXPECT_EQ(refusal(latching(4)), "");
  EXPECT_EQ(refusal(latching(1)), "overloaded");
  for (const auto& [id, track] : rows.tracks) EXPECT_EQ(track.second.encodings.at(0).ssrc, 0u);
}

TEST_F(Plain, nobody_times_it_out_and_it_loses_no_consent) {
  PlainRequest latching = request();
  latching.remote_ip = "";
  const auto id = service->addPlain(latching);
  ASSERT_TRUE(id) << id.error().message;
  const std::string transport = who(*id).publish_transport->id;
  for (const Consent consent : {Consent::kUnknown, Consent::kNever, Consent::kLost}) {
    reports.consents[transport] = consent;
    service->review();
    service->onConsentLost(transport);
    service->onClosed(transport);
    service->onHandshakeFailed(transport, "of whom?");
    clock.now_ms += 120'000;
    service->tick();
    ASSERT_EQ(service->rooms().at("room").participants.size(), 1u);
  }
  service->onNominated(transport);
  EXPECT_TRUE(dtls.told_nominated.empty() && dtls.started.empty());
}

TEST_F(Plain, is_there_after_a_restart_with_its_address_and_its_ssrcs) {
  const Member alice = join("Alice");
  ASSERT_TRUE(publish(alice, "aiortc"));
  PlainRequest latching = request();
  latching.remote_ip = "";
  latching.publish = {track(5000)};
  const auto given = service->addPlain(request()), latched = service->addPlain(latching);
  ASSERT_TRUE(given && latched);
  const test::FakeRows before = rows;
  std::vector<Room> stored;
  for (const auto& [name, room] : store.rooms) stored.push_back(room);
  restart();
  rows = {};
  service->restore(stored);
  EXPECT_EQ(rows.transports.size(), before.transports.size());
  EXPECT_EQ(rows.tracks.size(), before.tracks.size());
  EXPECT_EQ(rows.subscriptions.size(), before.subscriptions.size());
  for (const auto& [key, subscription] : rows.subscriptions)
    EXPECT_EQ(subscription.ssrc, before.subscriptions.at(key).ssrc);
  EXPECT_EQ(refusal(request()), "remote_exists");
  EXPECT_EQ(refusal(latching), "ssrc_exists");
  clock.now_ms += 120'000;
  service->tick();
  EXPECT_EQ(service->rooms().at("room").participants.size(), 2u) << "only alice did not come back";
}

}  // namespace
}  // namespace penstock
