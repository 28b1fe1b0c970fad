// Offers of real peers and of broken ones, and our answers to them.
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "control/signalling/negotiate.h"
#include "tests/signalling/fakes.h"
#include "tests/signalling/read_sdp.h"

namespace penstock {
namespace {

using test::FakeChance;
using test::readSdp;
using test::replaced;
using test::without;

struct Publishing : testing::Test {
  FakeChance chance;
  Fresh fresh{chance};
  LocalSide local = test::testLocalSide();
  Participant who;

  Publishing() { who.id = "p_alice"; }

  Result<PublishOutcome> publish(const std::string& offer, const std::vector<TrackHint>& hints = {}) {
    auto outcome = negotiatePublish(who, offer, hints, local, fresh);
    if (!outcome) return outcome;
    who.publish_transport = outcome->transport;
    who.publish_session = outcome->session;
    who.tracks = outcome->tracks;
    return outcome;
  }
};

/// Compares with the committed answer, or writes it when asked to.
void expectGolden(const std::string& name, const std::string& answer) {
  if (std::getenv("TEST_WRITE_GOLDEN")) std::ofstream(test::sdpPath(name), std::ios::binary) << answer;
  EXPECT_EQ(answer, readSdp(name)) << name;
}

using GoldenPublish = Publishing;

TEST_F(GoldenPublish, chromium) {
  const auto outcome = publish(
      readSdp("chromium_publish_offer"),
      {{"0", Source::microphone, "", true}, {"1", Source::camera, "Front", false}, {"2", Source::screen, "", false}});
  ASSERT_TRUE(outcome) << outcome.error().message;
  expectGolden("chromium_publish_answer", outcome->answer);
  ASSERT_EQ(outcome->tracks.size(), 3u);
  EXPECT_TRUE(outcome->handshake);
  EXPECT_EQ(outcome->transport.dtls_role, DtlsRole::server);
  EXPECT_EQ(outcome->transport.extension_id[static_cast<size_t>(contract::Extension::kMid)], 4);
  EXPECT_EQ(outcome->transport.extension_id[static_cast<size_t>(contract::Extension::kTransportCc)], 3);
  const Track& audio = outcome->tracks[0];
  EXPECT_TRUE(audio.muted_by_self);
  EXPECT_EQ(audio.source, Source::microphone);
  EXPECT_EQ(audio.encodings.at(0).ssrc, 1248588566u);
  EXPECT_EQ(audio.encodings.at(0).rtx_ssrc, 0u);
  const Track& video = outcome->tracks[1];
  EXPECT_EQ(video.name, "Front");
  EXPECT_EQ(video.encodings.at(0).ssrc, 371274019u);
  EXPECT_EQ(video.encodings.at(0).rtx_ssrc, 4079128685u);
  EXPECT_EQ(video.codecs.at(0).name, "VP8");
  EXPECT_EQ(video.codecs.at(0).rtx_payload_type, 97);
  EXPECT_LE(video.codecs.size(), 8u);
  EXPECT_EQ(outcome->tracks[2].source, Source::screen);
}

TEST_F(GoldenPublish, firefox) {
  const auto outcome = publish(readSdp("firefox_publish_offer"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  expectGolden("firefox_publish_answer", outcome->answer);
  ASSERT_EQ(outcome->tracks.size(), 3u);
  EXPECT_EQ(outcome->tracks[0].source, Source::microphone);
  EXPECT_EQ(outcome->tracks[1].source, Source::camera);
}

TEST_F(GoldenPublish, aiortc) {
  const auto outcome = publish(readSdp("aiortc_publish_offer"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  expectGolden("aiortc_publish_answer", outcome->answer);
  EXPECT_EQ(outcome->tracks.size(), 2u);
}

TEST_F(GoldenPublish, simulcast_by_rids_is_taken_and_bound_by_them) {
  for (const std::string name : {"chromium_simulcast", "firefox_simulcast"}) {
    who = {};
    const auto outcome = publish(readSdp(name + "_offer"));
    ASSERT_TRUE(outcome) << outcome.error().message;
    expectGolden(name + "_answer", outcome->answer);
    EXPECT_NE(outcome->answer.find("a=simulcast:recv "), std::string::npos);
    const auto& encodings = outcome->tracks.at(0).encodings;
    ASSERT_GT(encodings.size(), 1u);
    for (const Encoding& encoding : encodings) {
      EXPECT_EQ(encoding.ssrc, 0u);
      EXPECT_NE(outcome->answer.find("a=rid:" + encoding.rid + " recv\r\n"), std::string::npos);
    }
  }
}

TEST_F(Publishing, red_is_answered_where_the_client_has_it_and_named_after_its_opus) {
  const std::string offer = readSdp("chromium_publish_offer");
  const auto codecs = [&](const std::string& text) {
    who = {};
    const auto outcome = publish(text);
    EXPECT_TRUE(outcome) << outcome.error().message;
    std::string said;
    for (const Codec& codec : outcome->tracks.at(0).codecs) said += std::to_string(codec.payload_type) + " ";
    return said;
  };
  EXPECT_EQ(codecs(offer), "111 63 9 0 8 110 126 ");
  const std::string first = replaced(offer, "SAVPF 111 63 9", "SAVPF 63 111 9");
  EXPECT_EQ(codecs(first), "63 111 9 0 8 110 126 ") << "sent is what stands first";
  EXPECT_NE(publish(first)->answer.find("SAVPF 63 111 9 0 8 110 126\r\n"), std::string::npos);
  EXPECT_NE(publish(first)->answer.find("a=fmtp:63 111/111\r\n"), std::string::npos);
  const std::string fmtp = "a=fmtp:63 111/111";
  const std::tuple<int, std::string, std::string> cases[] = {
      {1, "a=fmtp:63 111/111/111", "111 63 9 0 8 110 126 "},
      {2, "a=fmtp:63 111", "111 9 0 8 110 126 "},       // redundant with what?
      {3, "a=fmtp:63 111/9", "111 9 0 8 110 126 "},     // of two codecs
      {4, "a=fmtp:63 9/9", "111 9 0 8 110 126 "},       // of one that is not Opus
      {5, "a=fmtp:63 1111/111", "111 9 0 8 110 126 "},  //
      {6, "a=fmtp:63 63/63", "111 9 0 8 110 126 "},     //
  };
  for (const auto& [number, said, answered] : cases)
    EXPECT_EQ(codecs(replaced(offer, fmtp, said)), answered) << "case " << number;
  EXPECT_EQ(codecs(test::without(offer, fmtp)), "111 63 9 0 8 110 126 ") << "there is one Opus that it can mean";
}

TEST_F(Publishing, red_and_events_alone_are_no_audio) {
  std::string offer = replaced(readSdp("chromium_publish_offer"), "a=fmtp:63 111/111\r\n", "");
  offer = replaced(offer, "BUNDLE 0 1 2", "BUNDLE 1 0 2");  // the tagged section is not refused alone
  for (const char* codec : {"opus/48000/2", "G722/8000", "PCMU/8000", "PCMA/8000"})
    offer = replaced(offer, codec, "speex/16000");
  const auto outcome = publish(offer);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->tracks.at(0).kind, Kind::video);
}

TEST_F(Publishing, simulcast_by_table) {
  const std::string offer = readSdp("chromium_simulcast_offer");
  const size_t begin = offer.find("a=simulcast:send "), end = offer.find("\r\n", begin);
  ASSERT_NE(begin, std::string::npos);
  struct Case {
    int number;
    std::string simulcast;           // in the place of what the offer says; its RIDs stay
    std::vector<std::string> taken;  // empty: one stream, bound by its MID
  };
  const std::string list = offer.substr(begin + 17, end - begin - 17);
  const std::string first = list.substr(0, list.find(';')),
                    second = list.substr(first.size() + 1, list.find(';', first.size() + 1) - first.size() - 1);
  const Case cases[] = {
      {1, "a=simulcast:send " + first + ";" + second, {first, second}},
      {2, "a=simulcast:send ~" + first + ";" + second, {first, second}},
      {3, "a=simulcast:send " + first + "," + second + ";" + second, {first, second}},
      {4, "a=simulcast:send " + first + ";nobody", {}},
      {5, "a=simulcast:send " + first + ";" + first, {}},
      {6, "a=simulcast:send ;;;", {}},
      {7, "a=simulcast:recv " + first + ";" + second, {}},
      {8, "a=simulcast:recv x send " + first + ";" + second, {first, second}},
  };
  for (const Case& c : cases) {
    who = {};
    const auto outcome = publish(offer.substr(0, begin) + c.simulcast + offer.substr(end));
    ASSERT_TRUE(outcome) << "case " << c.number;
    std::vector<std::string> taken;
    for (const Encoding& encoding : outcome->tracks.at(0).encodings)
      if (!encoding.rid.empty()) taken.push_back(encoding.rid);
    EXPECT_EQ(taken, c.taken) << "case " << c.number;
    EXPECT_EQ(outcome->answer.find("a=simulcast") == std::string::npos, c.taken.empty()) << "case " << c.number;
  }
}

TEST_F(Publishing, simulcast_by_ssrc_group_keeps_each_stream_and_its_rtx) {
  std::string offer = readSdp("aiortc_publish_offer");
  const size_t video = offer.find("m=video");
  ASSERT_NE(video, std::string::npos);
  for (size_t at; (at = offer.find("a=ssrc", video)) != std::string::npos;)
    offer.erase(at, offer.find('\n', at) + 1 - at);
  offer +=
      "a=ssrc-group:SIM 11 12 13\r\na=ssrc-group:FID 11 21\r\na=ssrc-group:FID 13 23\r\na=ssrc:11 cname:x\r\n"
      "a=ssrc:12 cname:x\r\na=ssrc:13 cname:x\r\na=ssrc:21 cname:x\r\na=ssrc:23 cname:x\r\n";
  const auto outcome = publish(offer);
  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto& encodings = outcome->tracks.at(1).encodings;
  ASSERT_EQ(encodings.size(), 3u);
  EXPECT_EQ(encodings[0].ssrc, 11u);
  EXPECT_EQ(encodings[0].rtx_ssrc, 21u);
  EXPECT_EQ(encodings[1].rtx_ssrc, 0u);
  EXPECT_EQ(encodings[2].rtx_ssrc, 23u);
}

TEST_F(Publishing, data_channels_are_rejected_in_place) {
  const std::string data =
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\na=sctp-port:5000\r\n";
  const auto outcome = publish(readSdp("aiortc_publish_offer") + data);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_NE(outcome->answer.find("m=application 0 UDP/DTLS/SCTP webrtc-datachannel"), std::string::npos);
  EXPECT_NE(outcome->answer.find("a=group:BUNDLE 0 1\r\n"), std::string::npos);
}

TEST_F(Publishing, a_conference_is_refused_a_part_in_place_but_not_the_tagged_one_alone) {
  const std::string offer = readSdp("aiortc_publish_offer");
  const auto video = publish(replaced(replaced(offer, "VP8/", "H265/"), "H264/", "H265/"));
  ASSERT_TRUE(video) << video.error().message;
  EXPECT_NE(video->answer.find("m=video 0 "), std::string::npos);
  EXPECT_NE(video->answer.find("a=group:BUNDLE 0\r\n"), std::string::npos);
  who = {};
  const auto audio = publish(replaced(replaced(offer, "opus/", "speex/"), "PCM", "GSM"));
  ASSERT_FALSE(audio);
  EXPECT_EQ(audio.error().code, "sdp_unsupported");
  EXPECT_NE(audio.error().message.find("RFC 8843 section 7.3.3"), std::string::npos) << audio.error().message;
}

TEST_F(Publishing, dtls_roles_follow_the_offer) {
  const std::string offer = readSdp("aiortc_publish_offer");
  for (const auto& [said, role, answered] : {std::tuple{"actpass", DtlsRole::server, "a=setup:passive"},
                                             std::tuple{"active", DtlsRole::server, "a=setup:passive"},
                                             std::tuple{"passive", DtlsRole::client, "a=setup:active"}}) {
    who = {};
    const auto outcome = publish(replaced(offer, "a=setup:actpass", std::string("a=setup:") + said));
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->transport.dtls_role, role) << said;
    EXPECT_NE(outcome->answer.find(answered), std::string::npos) << said;
  }
}

TEST_F(Publishing, the_same_offer_again_changes_only_the_version) {
  const std::string offer = readSdp("chromium_publish_offer");
  const auto first = publish(offer);
  const auto second = publish(offer);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(second->handshake);
  EXPECT_EQ(second->transport.id, first->transport.id);
  EXPECT_EQ(second->transport.ice_pwd, first->transport.ice_pwd);
  EXPECT_EQ(second->tracks[1].id, first->tracks[1].id);
  EXPECT_EQ(second->session.version, first->session.version + 1);
  const std::string id = std::to_string(first->session.id);
  EXPECT_EQ(replaced(second->answer, "o=- " + id + " 2", "o=- " + id + " 1"), first->answer);
}

TEST_F(Publishing, another_ufrag_restarts_ice_and_keeps_dtls_and_tracks) {
  const std::string offer = readSdp("chromium_publish_offer");
  const auto first = publish(offer);
  const auto second = publish(replaced(offer, "a=ice-ufrag:RNKU", "a=ice-ufrag:ABCD"));
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(second->handshake);
  EXPECT_EQ(second->transport.id, first->transport.id);
  EXPECT_NE(second->transport.ice_ufrag, first->transport.ice_ufrag);
  EXPECT_NE(second->transport.ice_pwd, first->transport.ice_pwd);
  EXPECT_EQ(second->tracks[0].id, first->tracks[0].id);
}

TEST_F(Publishing, another_certificate_is_another_transport_with_new_tracks) {
  const std::string offer = readSdp("chromium_publish_offer");
  const auto first = publish(offer);
  const auto second = publish(replaced(offer, "sha-256 B3:40", "sha-256 B3:41"));
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(second->handshake);
  EXPECT_NE(second->transport.id, first->transport.id);
  EXPECT_NE(second->tracks[0].id, first->tracks[0].id);
}

TEST_F(Publishing, sections_that_stop_sending_lose_their_track_and_keep_their_place) {
  const std::string offer = readSdp("aiortc_publish_offer");
  const auto first = publish(offer);
  std::string quiet = offer;
  quiet.replace(quiet.rfind("a=sendrecv"), 10, "a=inactive");
  const auto second = publish(quiet);
  ASSERT_TRUE(first && second);
  ASSERT_EQ(second->tracks.size(), 1u);
  EXPECT_EQ(second->tracks[0].id, first->tracks[0].id);
  EXPECT_EQ(second->session.sections.size(), 2u);
  const auto third = publish(offer);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->tracks.size(), 2u);
  EXPECT_NE(third->tracks[1].id, first->tracks[1].id) << "a track that ended does not come back";
}

TEST_F(Publishing, an_offer_of_nothing_withdraws_all_and_keeps_the_transport) {
  const std::string offer = readSdp("aiortc_publish_offer");
  const auto first = publish(offer);
  const auto second = publish(replaced(replaced(offer, "m=audio 36862", "m=audio 0"), "m=video 42566", "m=video 0"));
  ASSERT_TRUE(first && second) << second.error().message;
  EXPECT_TRUE(second->tracks.empty());
  EXPECT_EQ(second->transport.id, first->transport.id);
}

TEST_F(Publishing, wrong_offers_are_refused_by_name) {
  const std::string good = readSdp("aiortc_publish_offer");
  const auto numbered = std::vector<std::tuple<std::string, std::string>>{
      {"", "sdp_invalid"},                                    // 0
      {"v=0\r\n", "sdp_invalid"},                             // 1
      {without(good, "a=mid:1"), "sdp_invalid"},              // 2
      {replaced(good, "a=mid:1", "a=mid:0"), "sdp_invalid"},  // 3
      {replaced(replaced(good, "a=mid:1", "a=mid:12345678901234567"), "BUNDLE 0 1", "BUNDLE 0 12345678901234567"),
       "sdp_unsupported"},                                                         // 4
      {without(good, "a=group"), "sdp_unsupported"},                               // 5
      {replaced(good, "BUNDLE 0 1", "BUNDLE 0"), "sdp_unsupported"},               // 6
      {without(good, "a=rtcp-mux"), "sdp_unsupported"},                            // 7
      {without(good, "a=fingerprint"), "sdp_invalid"},                             // 8
      {replaced(good, "sha-256", "sha-1"), "sdp_unsupported"},                     // 9
      {replaced(good, "sha-256", "sha-512"), "sdp_invalid"},                       // 10: wrong length
      {without(good, "a=ice-ufrag"), "sdp_invalid"},                               // 11
      {without(good, "a=ice-pwd"), "sdp_invalid"},                                 // 12
      {replaced(good, "a=setup:actpass", "a=setup:holdconn"), "sdp_unsupported"},  // 13
      {replaced(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP/TCP"), "sdp_unsupported"},     // 14
      {replaced(replaced(replaced(replaced(good, "VP8", "MJPEG"), "H264", "H263"), "opus", "speex"), "PCM", "GSM"),
       "sdp_unsupported"},                                                                                        // 15
      {without(without(good, "a=ssrc"), "a=extmap:1"), "sdp_unsupported"},                                        // 16
      {replaced(replaced(good, "m=audio 36862", "m=audio 0"), "m=video 42566", "m=video 0"), "sdp_unsupported"},  // 17
  };
  for (size_t i = 0; i < numbered.size(); ++i) {
    who = {};
    const auto outcome = publish(std::get<0>(numbered[i]));
    ASSERT_FALSE(outcome) << "case " << i;
    EXPECT_EQ(outcome.error().code, std::get<1>(numbered[i])) << "case " << i << ": " << outcome.error().message;
  }
}

TEST_F(Publishing, sections_cannot_move_or_vanish) {
  const std::string offer = readSdp("aiortc_publish_offer");
  ASSERT_TRUE(publish(offer));
  const std::string fewer = offer.substr(0, offer.find("m=video"));
  const std::string swapped =
      replaced(replaced(replaced(offer, "a=mid:0", "a=mid:x"), "a=mid:1", "a=mid:0"), "a=mid:x", "a=mid:1");
  for (const std::string& wrong : {replaced(fewer, "BUNDLE 0 1", "BUNDLE 0"), swapped}) {
    const auto outcome = publish(wrong);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, "sdp_invalid");
  }
}

TEST_F(Publishing, extension_ids_are_answered_once_each_and_only_where_they_can_be_written) {
  std::string offer = readSdp("aiortc_publish_offer");
  offer =
      replaced(offer, "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
               "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"  // taken by audio's level
               "a=extmap:15 urn:3gpp:video-orientation\r\n"                                 // reserved
               "a=extmap:20 http://www.webrtc.org/experiments/rtp-hdrext/video-timing\r\n"  // needs two-byte headers
               "a=extmap:5/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"
               "a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/color-space");
  const auto outcome = publish(offer);
  ASSERT_TRUE(outcome);
  const auto& ids = outcome->transport.extension_id;
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kAudioLevel)], 2);
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kAbsSendTime)], 0);
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kVideoOrientation)], 0);
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kVideoTiming)], 0);
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kPlayoutDelay)], 0);
  EXPECT_EQ(ids[static_cast<size_t>(contract::Extension::kColorSpace)], 6);
  EXPECT_NE(outcome->answer.find("a=extmap:6/recvonly "), std::string::npos);
}

TEST_F(Publishing, fragments_restart_ice) {
  const auto first = publish(readSdp("aiortc_publish_offer"));
  ASSERT_TRUE(first);
  const auto same = restartIce(first->transport, first->session,
                               "a=ice-ufrag:x2u1\r\na=ice-pwd:sK9juUHfmxPra2EEq3snEg\r\n", local, fresh);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->transport.ice_ufrag, first->transport.ice_ufrag) << "trickled candidates: no restart";
  const auto next = restartIce(first->transport, first->session,
                               "a=ice-ufrag:other\r\na=ice-pwd:sK9juUHfmxPra2EEq3snEg\r\n", local, fresh);
  ASSERT_TRUE(next);
  EXPECT_NE(next->transport.ice_ufrag, first->transport.ice_ufrag);
  EXPECT_NE(next->fragment.find("a=ice-ufrag:" + next->transport.ice_ufrag), std::string::npos);
  EXPECT_FALSE(restartIce(first->transport, first->session, "a=mid:0\r\n", local, fresh));
}

}  // namespace
}  // namespace penstock
