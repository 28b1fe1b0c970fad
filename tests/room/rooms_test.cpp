// Rooms by table: what each event does and refuses. And a property: whatever is applied, what must hold holds.
#include "control/room/rooms.h"

#include <gtest/gtest.h>

#include "control/room/authorise.h"
#include "control/room/codec.h"

namespace penstock {
namespace {

Transport transport(const std::string& id, Purpose purpose) {
  Transport made;
  made.id = id;
  made.purpose = purpose;
  made.ice_ufrag = "u" + id;
  made.ice_pwd = "p";
  return made;
}

Track track(const std::string& id, uint32_t ssrc, Kind kind = Kind::audio) {
  Track made;
  made.id = id;
  made.kind = kind;
  made.mid = id;
  made.codecs = {{.name = "opus", .clock_rate_hz = 48000, .channels = 2, .payload_type = 111}};
  made.encodings = {{.ssrc = ssrc}};
  return made;
}

Participant member(const std::string& id, Permissions permissions = {}) {
  Participant made;
  made.id = id;
  made.name = id;
  made.permissions = permissions;
  return made;
}

struct InRoom : testing::Test {
  Rooms rooms{{.rooms_max = 2}};

  InRoom() {
    apply(RoomOpened{"room", {.participants_max = 3, .tracks_max = 2}, false, 1});
    apply(ParticipantJoined{"room", member("a")});
    apply(ParticipantJoined{"room", member("b")});
  }
  Change apply(const RoomEvent& event) {
    auto change = rooms.apply(event);
    EXPECT_TRUE(change) << change.error().code;
    return change.value_or(Change{});
  }
  std::string refused(const RoomEvent& event) {
    const auto change = rooms.apply(event);
    return change ? "" : change.error().code;
  }
  Published published(std::vector<Track> tracks, const std::string& transport_id = "xa") {
    return {"room", "a", transport(transport_id, Purpose::publish), {}, std::move(tracks)};
  }
};

TEST_F(InRoom, rows_of_transports_change_with_what_they_say) {
  apply(published({track("t1", 1)}));
  apply(Subscribed{"room", "a", transport("ya", Purpose::subscribe), {}, {}});
  const std::set<std::string> both{"xa", "ya"};
  EXPECT_EQ(apply(LastNSet{"room", "a", 3}).transports, both);
  EXPECT_TRUE(apply(LastNSet{"room", "a", 3}).transports.empty()) << "as it is";
  EXPECT_EQ(apply(RoomSettingsSet{"room", {.last_n = 2}}).transports, both);
  EXPECT_EQ(apply(published({track("t1", 1)}, "za")).transports, (std::set<std::string>{"ya", "za"}))
      << "its partner is another";
  Participant who = *rooms.participant("room", "a");
  EXPECT_EQ(placeOf(*rooms.room("room"), who).partner, "za");
  EXPECT_EQ(placeOf(*rooms.room("room"), who).last_n, 2);
  who.protocol = "plain";
  EXPECT_EQ(placeOf(*rooms.room("room"), who).last_n, 3) << "a recorder is not held to what people see";
  who.last_n.reset();
  EXPECT_FALSE(placeOf(*rooms.room("room"), who).last_n);
  EXPECT_EQ(refused(LastNSet{"room", "nobody", 3}), "participant_unknown");
}

TEST_F(InRoom, numbers_of_rooms_are_not_used_again) {
  const uint32_t first = rooms.room("room")->number;
  EXPECT_NE(first, 0u);
  apply(RoomClosed{"room"});
  apply(RoomOpened{"room", {}, false, 1});
  EXPECT_EQ(rooms.room("room")->number, first + 1);
  Rooms restored;
  restored.restore({{.name = "old", .number = 7}});
  ASSERT_TRUE(restored.apply(RoomOpened{"new", {}, false, 1}));
  EXPECT_EQ(restored.room("new")->number, 8u);
}

TEST_F(InRoom, refusals_have_their_codes) {
  apply(published({track("t1", 1)}));
  Track no_codec = track("t9", 9), many = track("t9", 9), long_mid = track("t9", 9);
  no_codec.codecs.clear();
  many.codecs.assign(9, {.name = "VP8", .clock_rate_hz = 90000, .payload_type = 96, .rtx_payload_type = 97});
  long_mid.mid = std::string(17, 'm');
  Participant muted_name = member("c");
  muted_name.name = "\x01";
  const Subscription active{.track = "t1", .mid = "0", .ssrc = 5, .codecs = {{.name = "opus"}}, .active = true};
  Subscription no_ssrc = active;
  no_ssrc.ssrc = 0;
  const auto subscribed = [&](std::vector<Subscription> list) {
    return Subscribed{"room", "b", transport("xb", Purpose::subscribe), {}, std::move(list)};
  };
  const std::pair<RoomEvent, std::string> cases[] = {
      {RoomOpened{"room", {}, false, 0}, "room_exists"},                                                  // 0
      {RoomOpened{"a b", {}, false, 0}, "bad_message"},                                                   // 1
      {RoomSettingsSet{"none", {}}, "room_unknown"},                                                      // 2
      {RoomClosed{"none"}, "room_unknown"},                                                               // 3
      {ParticipantJoined{"none", member("c")}, "room_unknown"},                                           // 4
      {ParticipantJoined{"room", member("a")}, "participant_exists"},                                     // 5
      {ParticipantJoined{"room", muted_name}, "bad_message"},                                             // 6
      {ParticipantLeft{"room", "z", "left"}, "participant_unknown"},                                      // 7
      {published({track("t1", 1), track("t2", 2), track("t3", 3)}), "tracks_full"},                       // 8
      {published({track("t1", 1), track("t1", 2)}), "track_exists"},                                      // 9
      {published({track("t1", 1), track("t2", 1)}), "sdp_invalid"},                                       // 10
      {published({no_codec}), "sdp_unsupported"},                                                         // 11
      {published({many}), "sdp_unsupported"},                                                             // 12
      {published({long_mid}), "sdp_unsupported"},                                                         // 13
      {Published{"room", "b", transport("xb", Purpose::publish), {}, {track("t1", 1)}}, "track_exists"},  // 14
      {Published{"room", "b", transport("xa", Purpose::publish), {}, {}}, "transport_exists"},            // 15
      {Unpublished{"room", "a", "t9"}, "track_unknown"},                                                  // 16
      {Unpublished{"room", "b", "t1"}, "track_unknown"},                                                  // 17
      {SubscriptionWanted{"room", "b", "t9"}, "track_unknown"},                                           // 18
      {SubscriptionWanted{"room", "a", "t1"}, "track_unknown"},                                    // 19: one's own
      {SubscriptionDropped{"room", "b", "t9"}, "track_unknown"},                                   // 20
      {subscribed({{.track = "t9"}}), "track_unknown"},                                            // 21
      {subscribed({{.track = "t1"}, {.track = "t1"}}), "track_exists"},                            // 22
      {subscribed({no_ssrc}), "sdp_invalid"},                                                      // 23
      {Subscribed{"room", "b", transport("xa", Purpose::subscribe), {}, {}}, "transport_exists"},  // 24
      {TrackMuted{"room", "t9", false, true}, "track_unknown"},                                    // 25
      {TransportSecured{"room", "x9", {}}, "transport_unknown"},                                   // 26
      {TransportSecured{"none", "xa", {}}, "transport_unknown"},                                   // 27
  };
  for (size_t i = 0; i < std::size(cases); ++i) EXPECT_EQ(refused(cases[i].first), cases[i].second) << "case " << i;
}

TEST_F(InRoom, limits_hold) {
  apply(ParticipantJoined{"room", member("c")});
  EXPECT_EQ(refused(ParticipantJoined{"room", member("d")}), "room_full");
  apply(RoomSettingsSet{"room", {.participants_max = 4}});
  apply(ParticipantJoined{"room", member("d")});
  apply(RoomOpened{"second", {}, true, 0});
  EXPECT_EQ(refused(RoomOpened{"third", {}, true, 0}), "rooms_full");
}

TEST_F(InRoom, what_would_get_no_row_is_refused_and_room_is_made_by_leaving) {
  const auto subscribed = [](const std::string& who, std::vector<std::string> tracks) {
    Subscribed event{"room", who, transport("x" + who, Purpose::subscribe), {}, {}};
    for (uint32_t i = 0; i < tracks.size(); ++i)
      event.subscriptions.push_back(
          {.track = tracks[i], .mid = "0", .ssrc = 5 + i, .codecs = {{.name = "opus"}}, .active = true});
    return event;
  };
  Rooms few{{.rooms_max = 2, .transports_max = 3, .tracks_max = 2, .subscriptions_max = 6}};
  rooms = few;
  apply(RoomOpened{"room", {.participants_max = 9, .tracks_max = 9}, false, 1});
  for (const char* id : {"a", "b", "c", "d"}) apply(ParticipantJoined{"room", member(id)});
  EXPECT_EQ(refused(published({track("t1", 1), track("t2", 2), track("t3", 3)})), "overloaded");
  apply(published({track("t1", 1), track("t2", 2)}));
  EXPECT_EQ(refused(Published{"room", "d", transport("xd", Purpose::publish), {}, {track("t4", 4)}}), "overloaded");
  apply(published({track("t1", 1), track("t3", 3)}));  // one goes, one comes

  apply(subscribed("b", {"t1", "t3"}));
  EXPECT_EQ(refused(subscribed("c", {"t1", "t3"})), "share_full") << "a room alone has half of the rows";
  apply(subscribed("c", {"t1"}));
  EXPECT_EQ(rooms.activeSubscriptions(), 3u);
  EXPECT_EQ(refused(subscribed("d", {})), "overloaded") << "a fourth transport";
  EXPECT_EQ(refused(ParticipantJoined{"room", member("e")}), "overloaded");
  Subscribed moved = subscribed("b", {"t3", "t1"});
  moved.transport.id = "another";
  apply(moved);  // takes the place of the one before

  const auto refusal = rooms.apply(subscribed("c", {"t1", "t3"}));
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().status, 503);
  apply(ParticipantLeft{"room", "b", "left"});
  apply(subscribed("c", {"t1", "t3"}));
  apply(subscribed("d", {"t1"}));
  apply(Unpublished{"room", "a", "t1"});
  EXPECT_EQ(rooms.activeSubscriptions(), 1u);
}

TEST_F(InRoom, who_subscribes_automatically_wants_each_track_of_others) {
  Participant listless = member("c");
  listless.auto_subscribe = false;
  apply(ParticipantJoined{"room", listless});
  const Change change = apply(published({track("t1", 1)}));
  EXPECT_EQ(change.wants_changed, (std::set<ParticipantKey>{{"room", "b"}}));
  EXPECT_TRUE(findSubscription(*rooms.participant("room", "b"), "t1"));
  EXPECT_FALSE(findSubscription(*rooms.participant("room", "a"), "t1"));
  EXPECT_FALSE(findSubscription(*rooms.participant("room", "c"), "t1"));
  apply(RoomSettingsSet{"room", {.participants_max = 9}});
  const Change joined = apply(ParticipantJoined{"room", member("d")});
  EXPECT_TRUE(joined.wants_changed.contains({"room", "d"}));
  const Change forbidden = apply(ParticipantJoined{"room", member("e", {.subscribe = false})});
  EXPECT_TRUE(forbidden.wants_changed.empty());
}

TEST_F(InRoom, a_change_lists_what_it_touched_and_no_more) {
  apply(published({track("t1", 1), track("t2", 2)}));
  apply(Subscribed{
      "room",
      "b",
      transport("xb", Purpose::subscribe),
      {},
      {{.track = "t1", .mid = "0", .ssrc = 5, .codecs = {{.name = "opus"}}, .active = true}, {.track = "t2"}}});
  const Change same = apply(published({track("t1", 1), track("t2", 2)}));
  EXPECT_TRUE(same.tracks.empty() && same.messages.empty() && same.wants_changed.empty());
  const Change mute = apply(TrackMuted{"room", "t1", true, true});
  EXPECT_EQ(mute.tracks, std::set<std::string>{"t1"});
  EXPECT_TRUE(mute.subscriptions.empty() && mute.transports.empty());
  Track renumbered = track("t1", 1);
  renumbered.muted_by_moderator = true;
  renumbered.codecs[0].payload_type = 109;
  const Change codecs = apply(published({renumbered, track("t2", 2)}));
  EXPECT_EQ(codecs.tracks, std::set<std::string>{"t1"});
  EXPECT_TRUE(codecs.subscriptions.contains({"xb", "t1"}));
  const Change gone = apply(published({track("t2", 2)}));
  EXPECT_TRUE(gone.tracks_removed.contains("t1"));
  EXPECT_TRUE(gone.subscriptions_removed.contains({"xb", "t1"}));
  const Change left = apply(ParticipantLeft{"room", "a", "left"});
  EXPECT_TRUE(left.transports_removed.contains("xa") && left.tracks_removed.contains("t2"));
  EXPECT_EQ(left.messages.size(), 1u);
}

TEST_F(InRoom, permissions_decide) {
  const Room& room = *rooms.room("room");
  apply(published({track("t1", 1)}));
  const Participant& a = room.participants.at("a");
  Participant moderator = member("m", {.moderate = true});
  EXPECT_EQ(authoriseMute(room, a, "t1").value(), false);
  EXPECT_EQ(authoriseMute(room, room.participants.at("b"), "t1").error().code, "not_permitted");
  EXPECT_EQ(authoriseMute(room, room.participants.at("b"), "t9").error().code, "not_permitted");
  EXPECT_EQ(authoriseMute(room, moderator, "t1").value(), true);
  EXPECT_EQ(authoriseMute(room, moderator, "t9").error().code, "track_unknown");
  EXPECT_EQ(authoriseKick(room, a, "b").error().code, "not_permitted");
  EXPECT_TRUE(authoriseKick(room, moderator, "b"));
  EXPECT_EQ(authoriseKick(room, moderator, "z").error().code, "participant_unknown");
}

TEST_F(InRoom, other_rights_end_what_they_do_not_allow) {
  apply(published({track("t1", 1), track("t2", 2)}));
  apply(Published{"room", "b", transport("pb", Purpose::publish), {}, {track("t3", 3)}});
  Subscribed subscribed{"room", "b", transport("xb", Purpose::subscribe), {.version = 7}, {}};
  subscribed.subscriptions = {{.track = "t1", .mid = "0", .ssrc = 5, .codecs = {{.name = "opus"}}, .active = true},
                              {.track = "t2"}};
  apply(subscribed);

  apply(RightsSet{"room", "b", {.moderate = true}, 5'000});
  const Participant& b = rooms.room("room")->participants.at("b");
  EXPECT_TRUE(b.permissions.moderate);
  EXPECT_EQ(b.expires_unix_ms, 5'000u);
  EXPECT_EQ(b.tracks.size() + b.subscriptions.size(), 3u) << "what is still allowed stays";

  const Change none = apply(RightsSet{"room", "b", {.publish = false, .subscribe = false}, std::nullopt});
  EXPECT_EQ(none.tracks_removed, std::set<std::string>{"t3"});
  EXPECT_EQ(none.transports_removed, (std::set<std::string>{"pb", "xb"}));
  EXPECT_TRUE(none.subscriptions_removed.contains({"xb", "t1"}));
  EXPECT_TRUE(none.transports.empty());
  EXPECT_TRUE(none.participants.contains({"room", "b"}));
  EXPECT_EQ(rooms.activeSubscriptions(), 0u);
  EXPECT_TRUE(b.tracks.empty() && b.subscriptions.empty() && !b.publish_transport && !b.subscribe_transport);
  EXPECT_FALSE(b.permissions.moderate || b.expires_unix_ms);
  EXPECT_EQ(b.subscribe_session.version, 7u);

  const Change again = apply(RightsSet{"room", "b", {}, std::nullopt});
  EXPECT_EQ(b.subscriptions.size(), 2u) << "it subscribes automatically";
  EXPECT_EQ(again.wants_changed, (std::set<ParticipantKey>{{"room", "b"}}));
  EXPECT_EQ(refused(RightsSet{"room", "z", {}, std::nullopt}), "participant_unknown");
  EXPECT_EQ(refused(RightsSet{"none", "b", {}, std::nullopt}), "room_unknown");
}

TEST(Names, are_checked) {
  for (const char* good : {"a", "Room_1.2-x"}) EXPECT_TRUE(checkRoomName(good)) << good;
  for (const char* bad : {"", " ", "a/b", "caf\xc3\xa9", "a\n"}) EXPECT_FALSE(checkRoomName(bad)) << bad;
  std::string sixty_four;
  for (int i = 0; i < 64; ++i) sixty_four += "\xc3\xa9";
  EXPECT_TRUE(checkDisplayName(sixty_four));
  EXPECT_FALSE(checkDisplayName(sixty_four + "x"));
  EXPECT_TRUE(checkDisplayName(""));
}

TEST(Codecs, are_told_apart_by_what_decides_decoding) {
  const auto format = [](const char* name, uint32_t clock, const char* fmtp, uint32_t channels = 0) {
    return identityOf({.name = name, .clock_rate_hz = clock, .channels = channels, .fmtp = fmtp}).format;
  };
  const std::pair<std::string, std::string> cases[] = {
      {format("VP8", 90000, ""), "vp8/90000"},                                                        // 0
      {format("vp9", 90000, ""), "vp9/90000;profile=0"},                                              // 1
      {format("VP9", 90000, "profile-id=2"), "vp9/90000;profile=2"},                                  // 2
      {format("AV1", 90000, "level-idx=5;profile=1"), "av1/90000;profile=1"},                         // 3
      {format("H264", 90000, ""), "h264/90000;mode=0"},                                               // 4
      {format("H264", 90000, "packetization-mode=1; profile-level-id=42E01F"), "h264/90000;mode=1"},  // 5
      {format("H264", 90000, "profile-level-id=zzzzzz"), "h264/90000;mode=0;profile=zzzzzz"},         // 6
      {format("OPUS", 48000, ""), "opus/48000"},                                                      // 7
      {format("opus", 48000, "", 1), "opus/48000"},                                                   // 8
      {format("opus", 48000, "stereo=1", 2), "opus/48000"},                                           // 9
      {format("opus", 48000, "", 6), "opus/48000/6"},                                                 // 10
      {format("RED", 48000, "111/111", 2), "red/48000"},                                              // 11
      {format("PCMU", 8000, "", 2), "pcmu/8000/2"},                                                   // 12
  };
  for (size_t i = 0; i < std::size(cases); ++i) EXPECT_EQ(cases[i].first, cases[i].second) << "case " << i;
  EXPECT_EQ(fmtpValue("a=1; B = 2 ;c", "b"), "2");
  EXPECT_FALSE(fmtpValue("a=1;c", "c"));
}

/// H.264 annex A.2, as RFC 6184 says it in SDP.
TEST(Codecs, of_h264_decode_the_profiles_within_their_own) {
  const std::string kProfiles[] = {"42e01f", "42000d", "4d0028", "58001f", "640c1f", "640028", "6e0028"};
  // By receiver, a row each: what it decodes of those, in their order.
  const std::string kDecodes[] = {"yynnnnn", "yynnnnn", "yyynnnn", "yynynnn", "yynnynn", "yyynyyn", "nnnnnny"};
  const auto identity = [](const std::string& profile, int mode) {
    return identityOf({.name = "H264",
                       .clock_rate_hz = 90000,
                       .fmtp = "packetization-mode=" + std::to_string(mode) + ";profile-level-id=" + profile});
  };
  const CodecIdentity any = identityOf({.name = "h264", .clock_rate_hz = 90000});
  for (size_t r = 0; r < std::size(kProfiles); ++r)
    for (size_t s = 0; s < std::size(kProfiles); ++s) {
      EXPECT_EQ(decodes(identity(kProfiles[r], 1), identity(kProfiles[s], 1)), kDecodes[r][s] == 'y')
          << kProfiles[r] << " of " << kProfiles[s];
      EXPECT_FALSE(decodes(identity(kProfiles[r], 1), identity(kProfiles[s], 0)));
      EXPECT_FALSE(decodes(identity(kProfiles[r], 0), identity(kProfiles[s], 1)));
    }
  EXPECT_TRUE(decodes(any, identity("640028", 1))) << "without parameters, a receiver sets no limit";
  EXPECT_TRUE(decodes(any, any));
  EXPECT_TRUE(decodes(identity("42e01f", 0), any)) << "without parameters, Baseline in single packets is sent";
  EXPECT_FALSE(decodes(identity("42e01f", 1), any));
  EXPECT_FALSE(decodes(any, identityOf({.name = "VP8", .clock_rate_hz = 90000})));
  EXPECT_EQ(decoderOf({identity("640028", 1), identity("42e01f", 1)}, identity("42e01f", 1)), 1u) << "the same first";
  EXPECT_EQ(decoderOf({identity("640028", 1), identity("4d0028", 1)}, identity("42e01f", 1)), 0u);
  EXPECT_FALSE(decoderOf({identity("42e01f", 1)}, identity("640028", 1)));
}

// Whatever is applied.

struct Dice {
  uint64_t state;
  uint32_t roll(uint32_t sides) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((state >> 33) % sides);
  }
};

/// Few names, so that events meet each other; some of them wrong.
RoomEvent anyEvent(Dice& dice) {
  const std::string room = "r" + std::to_string(dice.roll(3)), who = "p" + std::to_string(dice.roll(5));
  const auto trackId = [&] { return "t" + std::to_string(dice.roll(12)); };
  const auto publishTransport = transport("x" + room + who + std::to_string(dice.roll(2)), Purpose::publish);
  const auto subscribeTransport = transport("y" + room + who + std::to_string(dice.roll(2)), Purpose::subscribe);
  switch (dice.roll(15)) {
    case 0:
      return RoomOpened{room, {.participants_max = 4, .tracks_max = 3}, dice.roll(2) == 0, 0};
    case 1:
      return dice.roll(8) ? RoomEvent(RoomSettingsSet{room, {.participants_max = 4, .tracks_max = 3}})
                          : RoomEvent(RoomClosed{room});
    case 2:
    case 3: {
      Participant joining = member(who, {.publish = dice.roll(8) != 0, .subscribe = dice.roll(8) != 0});
      joining.auto_subscribe = dice.roll(4) != 0;
      return ParticipantJoined{room, joining};
    }
    case 4:
      return ParticipantLeft{room, who, "left"};
    case 5:
    case 6:
    case 7: {
      std::vector<Track> tracks;
      for (uint32_t i = dice.roll(5); i > 0; --i) tracks.push_back(track(trackId(), 1 + dice.roll(40)));
      return Published{room, who, publishTransport, {}, tracks};
    }
    case 8:
      return Unpublished{room, who, trackId()};
    case 9:
    case 10: {
      std::vector<Subscription> list;
      for (uint32_t i = dice.roll(4); i > 0; --i)
        list.push_back({.track = trackId(),
                        .mid = std::to_string(i),
                        .ssrc = 1 + dice.roll(40),
                        .codecs = {{.name = "opus"}},
                        .active = dice.roll(2) == 0});
      return Subscribed{room, who, subscribeTransport, {}, list};
    }
    case 11:
      return SubscriptionWanted{room, who, trackId()};
    case 12:
      return SubscriptionDropped{room, who, trackId()};
    case 13:
      return RightsSet{room, who, {.publish = dice.roll(8) != 0, .subscribe = dice.roll(8) != 0}, std::nullopt};
    default:
      return dice.roll(2) ? RoomEvent(TrackMuted{room, trackId(), dice.roll(2) == 0, dice.roll(2) == 0})
                          : RoomEvent(TransportSecured{room, publishTransport.id, {.profile = 7}});
  }
}

std::string textOf(const Rooms& rooms) {
  std::string text;
  for (const auto& [name, room] : rooms.all()) {
    text += name + std::to_string(room.settings.participants_max) + "{";
    for (const auto& [id, who] : room.participants) {
      text += id + "(";
      for (const Track& each : who.tracks)
        text += each.id + (each.muted() ? "m" : "") + std::to_string(each.encodings[0].ssrc) + ",";
      for (const Subscription& each : who.subscriptions)
        text += each.track + (each.active ? "+" : "-") + std::to_string(each.ssrc) + ",";
      for (const auto* each : {&who.publish_transport, &who.subscribe_transport})
        if (*each) text += (*each)->id + ((*each)->keys ? "k" : "");
      text += ")";
    }
    text += "}";
  }
  return text;
}

void expectSound(const Rooms& rooms) {
  std::set<std::string> tracks, transports;
  for (const auto& [name, room] : rooms.all()) {
    ASSERT_LE(room.participants.size(), room.settings.participants_max);
    for (const auto& [id, who] : room.participants) {
      ASSERT_LE(who.tracks.size(), room.settings.tracks_max);
      for (const Track& each : who.tracks) {
        ASSERT_TRUE(tracks.insert(each.id).second) << "a track is in two places";
        ASSERT_EQ(*rooms.ownerOfTrack(each.id), (ParticipantKey{name, id}));
        ASSERT_TRUE(who.publish_transport);
      }
      for (const auto* each : {&who.publish_transport, &who.subscribe_transport})
        if (*each) {
          ASSERT_TRUE(transports.insert((*each)->id).second);
          ASSERT_EQ(*rooms.ownerOfTransport((*each)->id), (ParticipantKey{name, id}));
        }
      std::set<std::string> subscribed;
      for (const Subscription& each : who.subscriptions) {
        ASSERT_TRUE(findTrack(room, each.track)) << "a subscription of nothing";
        ASSERT_FALSE(findTrack(who, each.track)) << "a subscription of one's own track";
        ASSERT_TRUE(subscribed.insert(each.track).second);
        ASSERT_TRUE(!each.active || who.subscribe_transport);
      }
    }
  }
}

/// The rows that would be there after all changes, kept like the seam keeps them.
struct Rows {
  std::set<std::string> transports, tracks;
  std::set<SubscriptionKey> subscriptions;

  void follow(const Change& change, const Rooms& rooms) {
    for (const auto& key : change.subscriptions_removed) subscriptions.erase(key);
    for (const auto& [key, ssrc] : change.subscriptions_parked) subscriptions.erase(key);
    for (const auto& id : change.tracks_removed) tracks.erase(id);
    for (const auto& id : change.transports_removed) transports.erase(id);
    transports.insert(change.transports.begin(), change.transports.end());
    tracks.insert(change.tracks.begin(), change.tracks.end());
    for (const auto& key : change.subscriptions) {
      const ParticipantKey* owner = rooms.ownerOfTransport(key.transport);
      const Subscription* found =
          owner ? findSubscription(*rooms.participant(owner->room, owner->participant), key.track) : nullptr;
      if (found && found->active) subscriptions.insert(key);
    }
  }
  static Rows of(const Rooms& rooms) {
    Rows all;
    for (const auto& [name, room] : rooms.all())
      for (const auto& [id, who] : room.participants) {
        for (const auto* each : {&who.publish_transport, &who.subscribe_transport})
          if (*each) all.transports.insert((*each)->id);
        for (const Track& each : who.tracks) all.tracks.insert(each.id);
        for (const Subscription& each : who.subscriptions)
          if (each.active) all.subscriptions.insert({who.subscribe_transport->id, each.track});
      }
    return all;
  }
};

TEST(RoomsProperty, whatever_is_applied_the_model_stays_sound_and_changes_tell_all) {
  size_t applied = 0, refusals = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice{seed};
    RoomsLimits limits{.rooms_max = 2};
    if (seed % 2 == 0) limits = {.rooms_max = 2, .transports_max = 6, .tracks_max = 5, .subscriptions_max = 4};
    Rooms rooms{limits};
    Rows rows;
    for (int step = 0; step < 2000; ++step) {
      const std::string before = textOf(rooms);
      const auto change = rooms.apply(anyEvent(dice));
      ++(change ? applied : refusals);
      if (!change) {
        ASSERT_EQ(textOf(rooms), before) << "a refused event changed something: " << change.error().code;
        continue;
      }
      expectSound(rooms);
      if (HasFatalFailure()) return;
      ASSERT_LE(rooms.all().size(), 2u);
      rows.follow(*change, rooms);
      const Rows wanted = Rows::of(rooms);
      ASSERT_EQ(rows.transports, wanted.transports) << "step " << step;
      ASSERT_EQ(rows.tracks, wanted.tracks) << "step " << step;
      ASSERT_EQ(rows.subscriptions, wanted.subscriptions) << "step " << step;
      ASSERT_EQ(rooms.activeSubscriptions(), rows.subscriptions.size()) << "step " << step;
      ASSERT_LE(rows.transports.size(), limits.transports_max);
      ASSERT_LE(rows.tracks.size(), limits.tracks_max);
      ASSERT_LE(rows.subscriptions.size(), limits.subscriptions_max);
    }
  }
  EXPECT_GT(applied, 10'000u) << "the dice must make events that count";
  EXPECT_GT(refusals, 10'000u);
}

}  // namespace
}  // namespace penstock
