// Our offers to subscribers and their answers; players and their slots.
#include <algorithm>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "control/signalling/codecs.h"
#include "control/signalling/negotiate.h"
#include "control/signalling/negotiate_common.h"
#include "tests/signalling/client.h"
#include "tests/signalling/fakes.h"
#include "tests/signalling/read_sdp.h"

namespace penstock {
namespace {

using test::acceptAll;
using test::readSdp;

void expectGolden(const std::string& name, const std::string& text) {
  if (std::getenv("TEST_WRITE_GOLDEN")) std::ofstream(test::sdpPath(name), std::ios::binary) << text;
  EXPECT_EQ(text, readSdp(name)) << name;
}

struct Subscribing : testing::Test {
  test::FakeChance chance;
  Fresh fresh{chance};
  LocalSide local = test::testLocalSide();
  std::vector<std::pair<std::string, Participant>> publishers;
  Participant who;

  Subscribing() {
    who.id = "p_me";
    for (const std::string name : {"chromium", "firefox", "aiortc"}) {
      Participant publisher;
      publisher.id = "p_" + name;
      publisher.tracks = negotiatePublish(publisher, readSdp(name + "_publish_offer"), {}, local, fresh)->tracks;
      publishers.emplace_back(name, publisher);
    }
  }

  std::vector<RemoteTrack> tracks() const {
    std::vector<RemoteTrack> all;
    for (const auto& [name, publisher] : publishers)
      for (const Track& track : publisher.tracks) all.push_back({publisher.id, &track});
    return all;
  }
  void wantAll() {
    for (const RemoteTrack& each : tracks()) who.subscriptions.push_back({.track = each.track->id});
  }
  OfferOutcome offer(bool restart = false) {
    OfferOutcome outcome = makeOffer(who, tracks(), restart, local, fresh);
    who.subscribe_transport = outcome.transport;
    who.subscribe_session = outcome.session;
    who.subscriptions = outcome.subscriptions;
    return outcome;
  }
  Result<AnswerOutcome> answer(const sdp::Session& description) {
    auto outcome = acceptAnswer(who, tracks(), sdp::write(description));
    if (!outcome) return outcome;
    who.subscribe_transport = outcome->transport;
    who.subscribe_session = outcome->session;
    who.subscriptions = outcome->subscriptions;
    return outcome;
  }
};

TEST_F(Subscribing, everything_of_three_publishers_is_offered_in_one_numbering) {
  wantAll();
  const OfferOutcome outcome = offer();
  expectGolden("subscribe_offer", outcome.offer);
  const auto read = sdp::parse(outcome.offer);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->media.size(), 8u);
  std::map<int, std::string> meaning;
  std::set<uint32_t> ssrcs;
  for (const sdp::Media& media : read->media) {
    EXPECT_EQ(media.direction, sdp::Direction::kSendOnly);
    for (const sdp::Format& format : media.formats) {
      const std::string text = format.name + "/" + std::to_string(format.clock_rate_hz) + " " + format.fmtp;
      const auto [at, fresh_number] = meaning.emplace(format.payload_type, text);
      EXPECT_EQ(at->second, text) << "payload type " << int(format.payload_type) << " means two things";
    }
    for (const sdp::Ssrc& each : media.ssrcs) EXPECT_TRUE(ssrcs.insert(each.ssrc).second);
    EXPECT_EQ(media.ssrcs.size(), media.type == "video" ? 2u : 1u);
  }
}

TEST_F(Subscribing, an_answer_that_takes_all_makes_all_active) {
  wantAll();
  const OfferOutcome outcome = offer();
  const auto done = answer(acceptAll(outcome.offer));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->handshake);
  EXPECT_EQ(done->transport.dtls_role, DtlsRole::server);
  for (const Subscription& each : done->subscriptions) {
    EXPECT_TRUE(each.active);
    EXPECT_FALSE(each.codecs.empty());
  }
  EXPECT_EQ(done->transport.extension_id[static_cast<size_t>(contract::Extension::kMid)], 1);
  EXPECT_EQ(done->transport.extension_id[static_cast<size_t>(contract::Extension::kTransportCc)], 7);
}

TEST_F(Subscribing, what_the_answer_leaves_out_is_not_used) {
  wantAll();
  sdp::Session description = acceptAll(offer().offer);
  sdp::Media& video = description.media[1];
  std::erase_if(video.formats, [](const sdp::Format& f) { return f.name != "VP9"; });  // RTX goes too
  std::erase_if(video.extmaps, [](const sdp::Extmap& e) { return e.id != 1; });
  description.media[2].port = 0;
  description.media[3].direction = sdp::Direction::kInactive;
  const auto done = answer(description);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->subscriptions[1].active);
  EXPECT_EQ(done->subscriptions[1].codecs.at(0).name, "VP9");
  EXPECT_EQ(done->subscriptions[1].rtx_ssrc, 0u);
  EXPECT_FALSE(done->subscriptions[2].active);
  EXPECT_FALSE(done->subscriptions[3].active);
  EXPECT_TRUE(done->subscriptions[4].active);
}

TEST_F(Subscribing, extension_ids_of_our_offers_fit_one_byte_headers) {
  wantAll();
  const auto read = sdp::parse(offer().offer);
  ASSERT_TRUE(read);
  for (const sdp::Media& media : read->media) {
    EXPECT_FALSE(media.extmaps.empty());
    for (const sdp::Extmap& extmap : media.extmaps)  // RFC 8285 section 4.2: 15 is reserved
      EXPECT_TRUE(extmap.id >= 1 && extmap.id <= 14) << extmap.id << " " << extmap.uri;
  }
}

TEST_F(Subscribing, an_answer_accepts_only_the_extensions_that_were_offered) {
  wantAll();
  sdp::Session description = acceptAll(offer().offer);
  for (sdp::Media& media : description.media) {
    media.extmaps.push_back({15, std::nullopt, "urn:ietf:params:rtp-hdrext:toffset"});
    media.extmaps.push_back({2, std::nullopt, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"});
  }
  for (sdp::Media& media : description.media)
    if (media.type == "audio") std::erase_if(media.extmaps, [](const sdp::Extmap& e) { return e.id == 4; });
  description.media[0].extmaps.push_back({9, std::nullopt, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"});
  const auto done = answer(description);
  ASSERT_TRUE(done) << done.error().message;
  const auto& ids = done->transport.extension_id;
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kTransmissionOffset)], 0);
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kRid)], 0);
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kAudioLevel)], 0) << "offered as 4, answered as 9";
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kVideoOrientation)], 9);
}

TEST_F(Subscribing, long_extensions_are_for_clients_that_take_headers_of_both_forms) {
  wantAll();
  sdp::Session description = acceptAll(offer().offer);
  description.extmap_allow_mixed = false;
  const auto without = answer(description);
  ASSERT_TRUE(without);
  EXPECT_EQ(without->transport.extension_id[static_cast<size_t>(contract::Extension::kDependencyDescriptor)], 0);
  EXPECT_EQ(without->transport.extension_id[static_cast<size_t>(contract::Extension::kColorSpace)], 0);
  EXPECT_EQ(without->transport.extension_id[static_cast<size_t>(contract::Extension::kMid)], 1);
  const auto with = answer(acceptAll(offer().offer));
  ASSERT_TRUE(with);
  EXPECT_EQ(with->transport.extension_id[static_cast<size_t>(contract::Extension::kDependencyDescriptor)], 8);
}

TEST_F(Subscribing, sections_are_reused_after_they_were_inactive_and_ssrcs_never) {
  wantAll();
  const auto first = offer();
  ASSERT_TRUE(answer(acceptAll(first.offer)));
  const Subscription dropped = who.subscriptions[1];
  std::set<uint32_t> used;
  for (const Subscription& each : who.subscriptions) used.insert({each.ssrc, each.ssrc + 1});

  who.subscriptions.erase(who.subscriptions.begin() + 1);
  who.subscriptions.push_back({.track = dropped.track});  // unsubscribed and subscribed in one go
  const auto second = offer();
  const auto read = sdp::parse(second.offer);
  ASSERT_EQ(read->media.size(), 9u) << "the old section ends in this round, so a new one is needed";
  EXPECT_EQ(read->media[1].direction, sdp::Direction::kInactive);
  EXPECT_FALSE(used.contains(who.subscriptions.back().ssrc));
  used.insert(who.subscriptions.back().ssrc);
  ASSERT_TRUE(answer(acceptAll(second.offer)));

  const std::string again = who.subscriptions.back().track;
  who.subscriptions.pop_back();
  who.subscriptions.push_back({.track = again});
  const auto third = sdp::parse(offer().offer);
  EXPECT_EQ(third->media.size(), 9u);
  EXPECT_EQ(who.subscriptions.back().mid, "1") << "the section that was inactive already";
  EXPECT_EQ(third->media[8].direction, sdp::Direction::kInactive);
  EXPECT_FALSE(used.contains(who.subscriptions.back().ssrc));
}

TEST_F(Subscribing, versions_grow_and_mids_stay_unique) {
  wantAll();
  uint64_t version = 0;
  for (int round = 0; round < 5; ++round) {
    const auto outcome = offer(round == 3);
    EXPECT_GT(outcome.session.version, version);
    version = outcome.session.version;
    const auto read = sdp::parse(outcome.offer);
    EXPECT_EQ(read->version, version);
    std::set<std::string> mids;
    for (const sdp::Media& media : read->media) EXPECT_TRUE(mids.insert(media.mid).second);
    ASSERT_TRUE(answer(acceptAll(outcome.offer)));
    if (!who.subscriptions.empty()) who.subscriptions.pop_back();
  }
}

TEST_F(Subscribing, a_restart_has_new_credentials_and_the_same_transport) {
  wantAll();
  const auto first = offer();
  ASSERT_TRUE(answer(acceptAll(first.offer)));
  const auto second = offer(true);
  EXPECT_EQ(second.transport.id, first.transport.id);
  EXPECT_NE(second.transport.ice_ufrag, first.transport.ice_ufrag);
  const auto done = answer(acceptAll(second.offer, "after"));
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->handshake);
  EXPECT_FALSE(done->transport_stale);
}

TEST_F(Subscribing, wrong_answers_are_refused_and_another_certificate_is_noticed) {
  wantAll();
  const auto outcome = offer();
  sdp::Session fewer = acceptAll(outcome.offer);
  fewer.media.pop_back();
  sdp::Session swapped = acceptAll(outcome.offer);
  std::swap(swapped.media[0], swapped.media[1]);
  sdp::Session undecided = acceptAll(outcome.offer);
  for (sdp::Media& media : undecided.media) media.security.setup = sdp::Setup::kActpass;
  sdp::Session bare = acceptAll(outcome.offer);
  for (sdp::Media& media : bare.media) media.security.fingerprints.clear();
  int number = 0;
  for (const sdp::Session& wrong : {fewer, swapped, undecided, bare}) {
    const auto done = acceptAnswer(who, tracks(), sdp::write(wrong));
    ASSERT_FALSE(done) << "case " << number;
    EXPECT_EQ(done.error().code, "sdp_invalid") << "case " << number++;
  }
  ASSERT_TRUE(answer(acceptAll(outcome.offer)));
  sdp::Session other = acceptAll(offer().offer);
  for (sdp::Media& media : other.media) media.security.fingerprints[0].value[0] = 'B';
  const auto done = acceptAnswer(who, tracks(), sdp::write(other));
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->transport_stale);
}

TEST_F(Subscribing, codecs_are_the_same_by_what_decides_decoding) {
  const auto h264 = [](const char* level, const char* mode) {
    return Codec{.name = "H264",
                 .clock_rate_hz = 90000,
                 .fmtp = std::string("packetization-mode=") + mode + ";profile-level-id=" + level};
  };
  EXPECT_EQ(canonicalCodec(h264("42e01f", "1"))->payload_type, canonicalCodec(h264("42C034", "1"))->payload_type);
  EXPECT_EQ(canonicalCodec(h264("42e01f", "1"))->payload_type, canonicalCodec(h264("42000d", "1"))->payload_type)
      << "what libx264 announces; Firefox takes no Baseline";
  EXPECT_NE(canonicalCodec(h264("42e01f", "1"))->payload_type, canonicalCodec(h264("42e01f", "0"))->payload_type);
  EXPECT_NE(canonicalCodec(h264("42e01f", "1"))->payload_type, canonicalCodec(h264("64001f", "1"))->payload_type);
  EXPECT_FALSE(canonicalCodec({.name = "GSM", .clock_rate_hz = 8000}));
  EXPECT_EQ(canonicalCodec({.name = "G722", .clock_rate_hz = 8000})->payload_type, 9);
  EXPECT_EQ(canonicalCodec({.name = "pcma", .clock_rate_hz = 8000})->payload_type, 8);
  EXPECT_EQ(canonicalCodec({.name = "PCMU", .clock_rate_hz = 8000})->payload_type, 0);
  Codec surround{.name = "multiopus",
                 .clock_rate_hz = 48000,
                 .channels = 6,
                 .fmtp = "num_streams=4;coupled_streams=2;channel_mapping=0,4,1,2,3,5;minptime=10"};
  EXPECT_EQ(canonicalCodec(surround)->payload_type, 112);
  surround.fmtp = "num_streams=4;coupled_streams=2;channel_mapping=0,1,2,3,4,5";
  EXPECT_FALSE(canonicalCodec(surround)) << "a receiver would be told to play its channels in other places";
  const Codec stereo{.name = "opus", .clock_rate_hz = 48000, .channels = 2, .fmtp = "stereo=1"};
  EXPECT_EQ(canonicalCodec(stereo)->payload_type, 110);
}

TEST_F(Subscribing, red_is_offered_under_the_number_of_its_opus_and_taken_or_left) {
  wantAll();
  const auto red = [&] {
    const auto found = std::ranges::find(who.subscriptions[0].codecs, "red", &Codec::name);
    return found == who.subscriptions[0].codecs.end() ? "none"
                                                      : std::to_string(found->payload_type) + " " + found->fmtp;
  };
  const auto taken = answer(acceptAll(offer().offer));
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(red(), "63 111/111");
  sdp::Session plain = acceptAll(offer().offer);
  std::erase_if(plain.media[0].formats, [](const sdp::Format& f) { return f.name == "red"; });
  const auto left = answer(plain);
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_TRUE(who.subscriptions[0].active);
  EXPECT_EQ(red(), "none");
  sdp::Session alone = acceptAll(offer().offer);
  std::erase_if(alone.media[0].formats, [](const sdp::Format& f) { return f.name != "red"; });
  const auto nothing = answer(alone);
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_EQ(red(), "none");
  EXPECT_FALSE(who.subscriptions[0].active) << "frames that come without RED could not be told";
}

TEST_F(Subscribing, red_of_stereo_and_of_mono_never_share_a_number) {
  Codec opus{.name = "opus", .clock_rate_hz = 48000, .channels = 2, .payload_type = 96, .fmtp = "stereo=1"};
  Codec red{.name = "red", .clock_rate_hz = 48000, .channels = 2, .payload_type = 97, .fmtp = "96/96"};
  const auto said = [&] {
    std::string text;
    for (const Codec& codec : canonicalCodecs({red, opus}))
      text += std::to_string(codec.payload_type) + " " + codec.fmtp + ", ";
    return text;
  };
  EXPECT_EQ(said(), "62 110/110, 110 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1, ");
  red.fmtp.clear();
  EXPECT_EQ(said(), "62 110/110, 110 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1, ");
  opus.fmtp.clear();
  EXPECT_EQ(said(), "63 111/111, 111 minptime=10;useinbandfec=1, ");
}

/// `count` participants with a microphone and a camera each, as Chromium publishes them.
struct Crowd {
  std::vector<Track> all;
  Crowd(const std::vector<Track>& like, size_t count) {
    for (size_t i = 0; i < count; ++i)
      for (const Kind kind : {Kind::audio, Kind::video}) {
        all.push_back(*std::ranges::find(like, kind, &Track::kind));
        all.back().id = "t_" + std::to_string(i) + (kind == Kind::audio ? "_microphone" : "_camera");
      }
  }
  std::vector<RemoteTrack> tracks() const {
    std::vector<RemoteTrack> remote;
    for (const Track& each : all) remote.push_back({"p_" + each.id, &each});
    return remote;
  }
};

TEST_F(Subscribing, the_largest_room_fits_and_sections_are_bounded_and_taken_again) {
  const Crowd crowd(publishers[0].second.tracks, 300);
  const auto all = crowd.tracks();
  for (const Track& each : crowd.all) who.subscriptions.push_back({.track = each.id});
  const auto begins = [&](bool again) {
    const OfferOutcome offer = makeOffer(who, all, false, local, fresh);
    EXPECT_EQ(offer.session.sections.size(), sdp::kMediaMax);
    EXPECT_EQ(offer.again, again);
    EXPECT_LE(offer.offer.size(), sdp::bytesMax(sdp::kMediaMax));
    EXPECT_GT(offer.offer.size(), sdp::kBytesMax) << "what was too long before";
    who.subscribe_transport = offer.transport;
    who.subscribe_session = offer.session;
    who.subscriptions = offer.subscriptions;
    const std::string text = sdp::write(test::acceptAll(offer.offer));
    EXPECT_LE(boost::json::serialize(boost::json::value(text)).size(), sdp::jsonBytesMax(sdp::kMediaMax));
    const auto answer = acceptAnswer(who, all, text);
    ASSERT_TRUE(answer) << answer.error().message;
    who.subscribe_transport = answer->transport;
    who.subscribe_session = answer->session;
    who.subscriptions = answer->subscriptions;
  };
  const auto active = [&](Kind kind) {
    return std::ranges::count_if(who.subscriptions, [&](const Subscription& each) {
      return each.active && findRemote(all, each.track)->track->kind == kind;
    });
  };
  begins(false);
  EXPECT_EQ(active(Kind::audio), 300) << "sounds come first";
  EXPECT_EQ(active(Kind::video), 212);
  std::erase_if(who.subscriptions,
                [&](const Subscription& each) { return each.active && each.track.ends_with("camera"); });
  begins(true);
  EXPECT_EQ(active(Kind::video), 0) << "sections are let go of first";
  begins(false);
  EXPECT_EQ(active(Kind::video), 88);
  EXPECT_FALSE(sdp::parse(makeOffer(who, all, false, local, fresh).offer)) << "who begins has less to say";
}

TEST_F(Subscribing, each_section_keeps_to_its_share) {
  for (const auto& [name, publisher] : publishers)
    for (const Track& track : publisher.tracks) {
      who.subscriptions = {{.track = track.id}};
      const OfferOutcome offer = makeOffer(who, {{name, &track}}, false, local, fresh);
      EXPECT_LE(offer.offer.size(), sdp::kSessionBytesMax / 4 + sdp::kSectionBytesMax) << name;
      EXPECT_LE(std::ranges::count(offer.offer, '\n'), sdp::kSectionLinesMax) << name;
    }
}

using Playing = Subscribing;

TEST_F(Playing, each_section_gets_a_track_of_its_kind_and_the_answer_names_it) {
  for (const std::string name : {"chromium", "firefox", "aiortc"}) {
    const auto outcome = negotiatePlay(who, tracks(), readSdp(name + "_play_offer"), "p_chromium", local, fresh);
    ASSERT_TRUE(outcome) << outcome.error().message;
    expectGolden(name + "_play_answer", outcome->answer);
    ASSERT_EQ(outcome->subscriptions.size(), 2u);
    EXPECT_EQ(outcome->subscriptions[0].track, publishers[0].second.tracks[0].id);
    EXPECT_EQ(outcome->subscriptions[1].track, publishers[0].second.tracks[1].id);
    for (const Subscription& each : outcome->subscriptions)
      EXPECT_TRUE(each.active && each.ssrc != 0 && !each.codecs.empty());
    EXPECT_TRUE(outcome->handshake);
  }
}

TEST_F(Playing, slots_wait_for_a_publisher_and_keep_their_ssrc) {
  const auto early = negotiatePlay(who, {}, readSdp("aiortc_play_offer"), "", local, fresh);
  ASSERT_TRUE(early) << early.error().message;
  EXPECT_TRUE(early->subscriptions.empty());
  who.subscribe_transport = early->transport;
  who.subscribe_session = early->session;
  const uint32_t told = early->session.sections[0].ssrc;
  EXPECT_NE(early->answer.find("a=ssrc:" + std::to_string(told)), std::string::npos);
  EXPECT_FALSE(fillSlots(who, {})) << "nothing to do is nothing";

  const auto filled = fillSlots(who, tracks());
  ASSERT_TRUE(filled);
  ASSERT_EQ(filled->subscriptions.size(), 2u);
  EXPECT_EQ(filled->subscriptions[0].ssrc, told);
  who.subscribe_session = filled->session;
  who.subscriptions = filled->subscriptions;
  EXPECT_FALSE(fillSlots(who, tracks()));

  who.subscriptions.erase(who.subscriptions.begin());  // its track ended
  const auto refilled = fillSlots(who, {{"p_firefox", &publishers[1].second.tracks[0]}});
  ASSERT_TRUE(refilled);
  EXPECT_EQ(refilled->subscriptions.back().ssrc, told) << "the client knows no other";
  EXPECT_EQ(refilled->session.sections[0].ssrc, told);
  EXPECT_EQ(refilled->subscriptions.back().mid, "0");
}

TEST_F(Playing, whoever_is_heard_goes_before_who_is_not) {
  std::vector<RemoteTrack> both;
  for (const size_t i : {0u, 1u})
    for (const Track& track : publishers[i].second.tracks)
      if (track.kind == Kind::audio) both.push_back({publishers[i].first, &track, i == 0 ? Life::silent : Life::heard});
  ASSERT_EQ(both.size(), 2u);
  const auto first = negotiatePlay(who, both, readSdp("aiortc_play_offer"), "", local, fresh);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->subscriptions.size(), 1u);
  EXPECT_EQ(first->subscriptions[0].track, both[1].track->id);
  who.subscribe_transport = first->transport;
  who.subscribe_session = first->session;
  who.subscriptions = first->subscriptions;
  who.subscriptions[0].wish.paused = true;

  const auto after = [&](Life one, Life other) {
    both[0].life = one;
    both[1].life = other;
    const auto filled = fillSlots(who, both);
    return filled ? filled->subscriptions[0].track : std::string();
  };
  EXPECT_EQ(after(Life::heard, Life::heard), "") << "what plays stays";
  EXPECT_EQ(after(Life::heard, Life::unknown), "");
  EXPECT_EQ(after(Life::unknown, Life::silent), "") << "nobody is known to be better";
  EXPECT_EQ(after(Life::silent, Life::silent), "");
  EXPECT_EQ(after(Life::heard, Life::silent), both[0].track->id);
  EXPECT_EQ(fillSlots(who, both)->subscriptions[0].ssrc, first->subscriptions[0].ssrc);
}

TEST_F(Playing, an_offer_that_receives_nothing_is_refused) {
  const auto outcome = negotiatePlay(
      who, tracks(), test::replaced(readSdp("aiortc_play_offer"), "a=recvonly", "a=sendonly"), "", local, fresh);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, "sdp_unsupported");
}

TEST_F(Playing, extensions_are_answered_only_where_they_can_be_written) {
  const std::string mid = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid";
  const std::string offer = readSdp("chromium_play_offer");
  ASSERT_NE(offer.find(mid), std::string::npos);
  ASSERT_NE(offer.find("a=extmap-allow-mixed"), std::string::npos);
  const auto ids = [&](const std::string& text) {
    const auto outcome = negotiatePlay(who, tracks(), text, "", local, fresh);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? outcome->transport.extension_id : decltype(Transport::extension_id){};
  };
  const auto both_forms = ids(offer);
  EXPECT_NE(both_forms[static_cast<size_t>(contract::Extension::kColorSpace)], 0);
  EXPECT_EQ(both_forms[static_cast<size_t>(contract::Extension::kTransmissionOffset)], 0) << "never sent";
  const auto one_form = ids(test::replaced(offer, "a=extmap-allow-mixed\r\n", ""));
  EXPECT_EQ(one_form[static_cast<size_t>(contract::Extension::kColorSpace)], 0);
  EXPECT_EQ(one_form[static_cast<size_t>(contract::Extension::kMid)], 4);
  const auto reserved = ids(test::replaced(offer, mid, "a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid"));
  EXPECT_EQ(reserved[static_cast<size_t>(contract::Extension::kMid)], 0) << "15 is reserved (RFC 8285 section 4.2)";
}

TEST_F(Playing, the_same_offer_again_keeps_what_plays) {
  const auto first = negotiatePlay(who, tracks(), readSdp("chromium_play_offer"), "", local, fresh);
  ASSERT_TRUE(first);
  who.subscribe_transport = first->transport;
  who.subscribe_session = first->session;
  who.subscriptions = first->subscriptions;
  const auto second = negotiatePlay(who, tracks(), readSdp("chromium_play_offer"), "", local, fresh);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->handshake);
  ASSERT_EQ(second->subscriptions.size(), first->subscriptions.size());
  for (size_t i = 0; i < first->subscriptions.size(); ++i)
    EXPECT_EQ(second->subscriptions[i].ssrc, first->subscriptions[i].ssrc);
}

}  // namespace
}  // namespace penstock
