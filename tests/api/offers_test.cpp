// Offers as clients POST them to WHIP and WHEP, and what is right: HTTP over a socket, rooms and negotiation behind it.
#include <functional>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "control/api/http_server.h"
#include "tests/api/client.h"
#include "tests/signalling/fakes.h"
#include "tests/signalling/read_sdp.h"

namespace penstock::test {
namespace {

struct NoDataplane : ReportSource {
  DataplaneFigures figures() const override { return {}; }
  std::optional<contract::TransportStats> transport(const std::string&) const override { return std::nullopt; }
  std::optional<contract::TrackStats> track(const std::string&) const override { return std::nullopt; }
  std::optional<contract::SubscriptionStats> subscription(const std::string&, const std::string&) const override {
    return std::nullopt;
  }
  std::optional<contract::SpeakerStats> speaker(const std::string&) const override { return std::nullopt; }
};

std::string readOffer(const std::string& name) {
  std::ifstream file(std::string(PENSTOCK_TEST_OFFERS) + "/" + name + ".sdp", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

/// The first m-section of the kind, up to the next.
std::string sectionOf(const std::string& sdp, const std::string& kind) {
  const size_t begin = sdp.find("m=" + kind + " ");
  return begin == std::string::npos ? "" : sdp.substr(begin, sdp.find("\r\nm=", begin) - begin);
}

struct Offers : testing::Test {
  FakeRows rows;
  FakeDtls dtls;
  FakeStore store;
  FakeReports consent;
  FakeClock clock;
  FakeChance chance;
  NoDataplane dataplane;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  Metrics metrics{dataplane};
  RoomService service{RoomsConfig{}, testLocalSide(), RoomService::Edges{rows, dtls, store, consent, clock, chance}};
  std::unique_ptr<HttpServer> server;
  std::thread thread;

  Offers() {
    Config config;
    config.http.listen = {"127.0.0.1:0"};
    HttpTuning tuning;
    tuning.web_directory = "/nonexistent";
    server = std::make_unique<HttpServer>(io, config, service, metrics, tuning);
    server->start();
    thread = std::thread([this] { io.run(); });
  }
  ~Offers() override {
    std::promise<void> done;
    boost::asio::post(io, [&] { server->stop([&] { done.set_value(); }); });
    done.get_future().get();
    work.reset();
    io.stop();
    thread.join();
    EXPECT_TRUE(rows.broken_rules.empty()) << rows.broken_rules.front();
  }

  Reply post(const std::string& target, const std::string& offer) {
    return fetch(server->ports().at(0), "POST", target, {{"Content-Type", "application/sdp"}}, offer);
  }
  Reply whip(const std::string& offer) { return post("/whip/in" + std::to_string(++rooms), offer); }
  Reply whep(const std::string& offer) { return post("/whep/full", offer); }
  /// Somebody publishes Opus and H.264 into the room that players play from.
  void fillRoom(const std::string& h264 = "packetization-mode=1;profile-level-id=42e01f") {
    std::string offer = replaced(replaced(readOffer("00-control.whip"), "\r\n", "\n"), "VP8/90000", "H264/90000");
    if (!h264.empty()) offer = replaced(offer, "a=rtcp-fb:96 nack\n", "a=rtcp-fb:96 nack\na=fmtp:96 " + h264 + "\n");
    ASSERT_EQ(post("/whip/full", offer).status, 201);
  }
  boost::json::array participants(const std::string& what) {
    return fetch(server->ports().at(0), "GET", "/v1/rooms/full/" + what).json().at("participants").as_array();
  }
  int rooms = 0;
};

/// Offered files end lines by \n alone or \r\n; edits are of \n.
std::string offer(const std::string& name) {
  return replaced(readOffer(name), "\r\n", "\n");
}

void expectUsed(const Reply& reply, const std::string& kinds) {
  EXPECT_EQ(reply.status, 201) << reply.body;
  for (const std::string kind : {"audio", "video", "application"}) {
    const std::string section = sectionOf(reply.body, kind);
    const bool used = !section.empty() && !section.starts_with("m=" + kind + " 0 ");
    EXPECT_EQ(used, kinds.contains(kind)) << kind << "\n" << reply.body;
  }
}

TEST_F(Offers, of_the_table_get_the_answers_of_the_table) {
  fillRoom();
  expectUsed(whip(offer("00-control.whip")), "audio video");
  const Reply bundle_only = whip(offer("01-bundle-only-without-transport-attributes.whip"));
  expectUsed(bundle_only, "audio video");
  EXPECT_NE(bundle_only.body.find("a=group:BUNDLE 0 1\r\n"), std::string::npos);
  const Reply alone = whip(offer("02-one-section-without-bundle-group.whip"));
  expectUsed(alone, "video");
  EXPECT_EQ(alone.body.find("a=group"), std::string::npos);
  EXPECT_NE(alone.body.find("a=candidate:"), std::string::npos);
  const Reply gstreamer = whep(offer("03-gstreamer-opus-without-channels.whep"));
  expectUsed(gstreamer, "audio video");
  EXPECT_NE(gstreamer.body.find("a=rtpmap:111 OPUS/48000\r\n"), std::string::npos);
  EXPECT_NE(gstreamer.body.find("a=rtpmap:103 H264/90000\r\n"), std::string::npos);
  const Reply mono = whip(offer("04-opus-of-one-channel.whip"));
  expectUsed(mono, "audio video");
  EXPECT_NE(mono.body.find("a=rtpmap:111 opus/48000/1\r\n"), std::string::npos);
  const Reply savp = whip(offer("05-udp-tls-rtp-savp.whip"));
  expectUsed(savp, "audio video");
  EXPECT_NE(savp.body.find(" UDP/TLS/RTP/SAVP 111\r\n"), std::string::npos);
  const Reply hevc = whip(offer("06-hevc-video-and-opus.whip"));
  EXPECT_EQ(hevc.status, 422);
  EXPECT_EQ(hevc.code(), "sdp_unsupported");
  EXPECT_NE(hevc.body.find("VP8, H264, VP9, AV1"), std::string::npos) << hevc.body;
  expectUsed(whep(offer("08-h264-without-fmtp.whep")), "audio video");
  const Reply tagged = whep(offer("09-tagged-section-refused-alone.whep"));
  EXPECT_EQ(tagged.status, 406);
  EXPECT_EQ(tagged.code(), "sdp_unsupported");
  const Reply twice = whip(offer("22-payload-type-named-twice.whip"));
  expectUsed(twice, "audio video");
  EXPECT_NE(twice.body.find(" UDP/TLS/RTP/SAVPF 111 8\r\n"), std::string::npos) << twice.body;
  const Reply rejected = whip(offer("22b-rejected-section-without-formats.whip"));
  expectUsed(rejected, "video");
  EXPECT_NE(rejected.body.find("a=group:BUNDLE 1\r\n"), std::string::npos);
}

TEST_F(Offers, of_players_carry_what_they_decode) {
  fillRoom();
  const std::string player = replaced(offer("08-h264-without-fmtp.whep"), "a=rtpmap:96 H264/90000\n",
                                      "a=rtpmap:96 H264/90000\na=fmtp:96 FMTP\n");
  const std::pair<const char*, bool> cases[] = {
      {"packetization-mode=1;profile-level-id=42e01f", true},
      {"packetization-mode=1;profile-level-id=42c00b", true},  // another level, and another way to say the profile
      {"packetization-mode=1;profile-level-id=42001f", true},  // Baseline has Constrained Baseline in it
      {"packetization-mode=1;profile-level-id=4d0032", true},  // and so have Main
      {"packetization-mode=1;profile-level-id=640028", true},  // and High
      {"packetization-mode=1;profile-level-id=640c1f", true},
      {"profile-level-id=42E01F; packetization-mode=1", true},
      {"packetization-mode=1", true},                           // Baseline, by RFC 6184 section 8.1
      {"packetization-mode=0;profile-level-id=42e01f", false},  // modes stay apart
      {"profile-level-id=42e01f", false},                       // which is mode 0
  };
  for (const auto& [fmtp, carried] : cases) {
    const Reply reply = whep(replaced(player, "FMTP", fmtp));
    expectUsed(reply, "audio video");
    EXPECT_EQ(reply.body.find("slot-1") == std::string::npos, carried) << fmtp << "\n" << reply.body;
  }
}

TEST_F(Offers, of_players_get_of_each_publisher_what_they_decode) {
  const std::string main = "packetization-mode=1;profile-level-id=4d0028", high = replaced(main, "4d", "64"),
                    x264 = "packetization-mode=1;profile-level-id=42000d", none;
  const std::string plain = "packetization-mode=1;profile-level-id=42e01f", zero = "packetization-mode=0";
  const std::tuple<int, std::string, std::string, bool> cases[] = {
      {1, x264, plain, true}, {2, x264, high, true},  {3, main, plain, false}, {4, main, high, true},
      {5, high, main, false}, {6, high, none, true},  {7, none, none, true},   {8, none, plain, false},
      {9, none, zero, true},  {10, main, main, true}, {11, high, high, true},
  };
  const std::string player = replaced(offer("08-h264-without-fmtp.whep"), "a=rtpmap:96 H264/90000\n",
                                      "a=rtpmap:96 H264/90000\na=fmtp:96 FMTP\n");
  for (const auto& [number, sent, received, carried] : cases) {
    fillRoom(sent);
    std::string from;
    for (const auto& each : participants("participants")) from = std::string(each.at("id").as_string());
    const std::string asks = received.empty() ? without(player, "a=fmtp:96") : replaced(player, "FMTP", received);
    const Reply reply = post("/whep/full?participant=" + from, asks);
    EXPECT_EQ(reply.status, 201) << number << reply.body;
    EXPECT_EQ(reply.body.find("slot-1") == std::string::npos, carried) << number << "\n" << reply.body;
    fetch(server->ports().at(0), "DELETE", "/v1/rooms/full");
  }
}

TEST_F(Offers, of_players_that_get_nothing_for_want_of_a_codec_say_so) {
  fillRoom();
  const std::string vp8 = replaced(offer("08-h264-without-fmtp.whep"), "H264/90000", "VP8/90000");
  ASSERT_EQ(whep(vp8).status, 201);
  boost::json::object player;
  for (const auto& each : participants("participants"))
    if (each.at("protocol").as_string() == "whep") player = each.as_object();
  const auto& slots = player.at("slots").as_array();
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_FALSE(slots[0].at("undecodable").as_bool());
  EXPECT_TRUE(slots[0].at("track").is_string());
  EXPECT_EQ(slots[1].at("kind").as_string(), "video");
  EXPECT_TRUE(slots[1].at("undecodable").as_bool());
  EXPECT_TRUE(slots[1].at("track").is_null());
  for (const auto& each : participants("stats"))
    EXPECT_EQ(each.at("slots").as_array().size(), each.at("id") == player.at("id") ? 2u : 0u);
}

const std::string kData =
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:data\n"
    "a=ice-ufrag:tryA\na=ice-pwd:0123456789abcdefghijklmn\n"
    "a=fingerprint:sha-256 "
    "0B:30:55:7A:9F:C4:E9:0E:33:58:7D:A2:C7:EC:11:36:5B:80:A5:CA:EF:14:39:5E:83:A8:CD:F2:17:3C:61:"
    "86\na=setup:actpass\na=sctp-port:5000\na=max-message-size:262144\na=sctp-init:AQAAHA==\n";

/// The first line that begins so, with its end.
std::string lineOf(const std::string& text, const std::string& prefix) {
  const size_t begin = text.find(prefix);
  return text.substr(begin, text.find('\n', begin) + 1 - begin);
}

/// Nothing of the transport but in the first section, with which the group begins.
std::string bare(std::string text) {
  for (const char* line : {"a=ice-", "a=fingerprint", "a=setup", "a=rtcp-mux"}) text = without(text, line);
  return text;
}

TEST_F(Offers, of_the_tagged_section_take_its_transport_whatever_it_is) {
  const std::string control = offer("00-control.whip");
  const size_t audio = control.find("m=audio"), video = control.find("m=video");
  const std::string head = control.substr(0, audio), a = control.substr(audio, video - audio),
                    v = control.substr(video);
  expectUsed(whip(head + a + bare(v)), "audio video");
  expectUsed(whip(replaced(head, "BUNDLE 0 1", "BUNDLE 1 0") + bare(a) + v), "audio video");
  const Reply other_order = whip(replaced(head, "BUNDLE 0 1", "BUNDLE 1 0") + bare(a) + v);
  EXPECT_NE(other_order.body.find("a=group:BUNDLE 1 0\r\n"), std::string::npos) << "the tagged one stays the first";
  EXPECT_NE(sectionOf(other_order.body, "video").find("a=candidate:"), std::string::npos);
  EXPECT_EQ(sectionOf(other_order.body, "audio").find("a=candidate:"), std::string::npos);
  // A data channel that the bundle stands on cannot be refused alone, so it is kept.
  const Reply data = whip(replaced(head, "BUNDLE 0 1", "BUNDLE data 0 1") + kData + bare(a) + bare(v));
  expectUsed(data, "audio video application");
  EXPECT_NE(data.body.find("a=group:BUNDLE data 0 1\r\n"), std::string::npos);
  EXPECT_NE(sectionOf(data.body, "application").find("a=sctp-port:5000"), std::string::npos);
  // Another is refused, and leaves the media whole. GStreamer reads the transport in it.
  const Reply last = whip(replaced(head, "BUNDLE 0 1", "BUNDLE 0 1 data") + a + v + kData);
  expectUsed(last, "audio video");
  EXPECT_NE(last.body.find("a=group:BUNDLE 0 1\r\n"), std::string::npos);
  for (const char* line : {"m=application 0 ", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:passive"})
    EXPECT_NE(sectionOf(last.body, "application").find(line), std::string::npos) << line;
  EXPECT_EQ(whip(replaced(head, "BUNDLE 0 1", "BUNDLE data 0 1") + replaced(kData, "UDP/DTLS/SCTP", "TCP/TLS/BFCP") +
                 bare(a) + bare(v))
                .status,
            422);
}

TEST_F(Offers, of_strange_bundles_are_understood_or_refused) {
  const std::string control = offer("00-control.whip");
  const size_t audio = control.find("m=audio"), video = control.find("m=video");
  const std::string head = control.substr(0, audio), a = control.substr(audio, video - audio),
                    v = control.substr(video);
  // The group begins with a section that is out of use.
  expectUsed(whip(head + replaced(a, "m=audio 9", "m=audio 0") + v), "video");
  // Transport attributes of the session are those of all.
  expectUsed(whip(head + "a=ice-ufrag:tryA\na=ice-pwd:0123456789abcdefghijklmn\n" + "a=setup:actpass\n" +
                  lineOf(control, "a=fingerprint") + bare(a) + "a=rtcp-mux\n" + bare(v)),
             "audio video");
  expectUsed(whip(replaced(head, "BUNDLE 0 1", "BUNDLE nobody\na=group:LS 0 1\na=group:BUNDLE 0 0 1") + a + v),
             "audio video");
  EXPECT_EQ(whip(replaced(head, "BUNDLE 0 1", "BUNDLE 0\na=group:BUNDLE 1") + a + v).status, 422);
  EXPECT_EQ(whip(without(head, "a=group") + a + v).status, 422);
  expectUsed(whip(without(head, "a=group") + without(a, "a=mid")), "audio");
  fillRoom();
  const Reply nameless = whep(replaced(without(head, "a=group") + without(a, "a=mid"), "a=sendonly", "a=recvonly"));
  expectUsed(nameless, "audio");
  EXPECT_EQ(nameless.body.find("a=mid"), std::string::npos);
  EXPECT_EQ(nameless.body.find("sdes:mid"), std::string::npos);
  EXPECT_EQ(rows.subscriptions.size(), 1u);
  EXPECT_EQ(whip(head + without(a, "a=rtcp-mux") + v).status, 422) << "the tagged section needs it";
}

TEST_F(Offers, of_every_profile_of_rfc_8829_are_answered_with_it) {
  const std::string control = offer("00-control.whip");
  for (const std::string profile : {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP",
                                    "RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP"}) {
    const Reply reply = whip(replaced(control, "UDP/TLS/RTP/SAVPF", profile));
    expectUsed(reply, "audio video");
    EXPECT_NE(reply.body.find(" " + profile + " 111\r\n"), std::string::npos) << reply.body;
    EXPECT_NE(reply.body.find(" " + profile + " 96\r\n"), std::string::npos) << reply.body;
  }
  EXPECT_EQ(whip(without(replaced(control, "UDP/TLS/RTP/SAVPF", "RTP/AVP"), "a=fingerprint")).status, 400);
  EXPECT_EQ(whip(replaced(control, "UDP/TLS/RTP/SAVPF", "RTP/AVP/TCP")).status, 422);
}

TEST_F(Offers, of_opus_and_of_static_types_in_any_spelling_are_taken) {
  const std::string control = offer("00-control.whip");
  for (const std::string name : {"opus/48000", "OPUS/48000/2", "Opus/48000/1"}) {
    const Reply reply = whip(replaced(control, "opus/48000/2", name));
    expectUsed(reply, "audio video");
    EXPECT_NE(reply.body.find("a=rtpmap:111 " + name + "\r\n"), std::string::npos) << reply.body;
  }
  for (const std::string type : {"0", "8", "9"}) {
    const std::string offer =
        without(without(replaced(control, "SAVPF 111", "SAVPF " + type), "a=rtpmap:111"), "a=fmtp");
    expectUsed(whip(offer), "audio video");
  }
  EXPECT_EQ(whip(replaced(control, "opus/48000/2", "opus/16000")).status, 422);
  EXPECT_EQ(whip(replaced(control, "SAVPF 111", "SAVPF 5")).status, 422) << "DVI4 is not forwarded";
  EXPECT_EQ(whip(replaced(control, "SAVPF 111", "SAVPF")).status, 422) << "a section in use without a number";
}

TEST_F(Offers, with_attributes_that_nobody_knows_are_answered_as_without) {
  const std::string control = offer("00-control.whip");
  const std::string lines[] = {"a=ice-options:trickle ice2 renomination",
                               "a=ice-options:",
                               "a=cryptex",
                               "a=goog-sped-v1",
                               "a=goog-sped-v1:what ever",
                               "a=sctp-init:AQ==",
                               "a=x",
                               "a=:",
                               "a=",
                               "b=AS:1",
                               "a=rtcp-xr:rcvr-rtt=all",
                               "a=rtcp-mux-only",
                               "a=framerate:30",
                               "a=rtpmap:99 nothing/1",
                               "a=rtcp-fb:96 " + std::string(300, 'x')};
  for (const std::string& line : lines) {
    for (const std::string before : {"a=group", "a=sendonly"}) {
      const Reply reply = whip(replaced(control, before, line + "\n" + before));
      expectUsed(reply, "audio video");
      EXPECT_EQ(reply.body.find("cryptex"), std::string::npos) << "RFC 9335: whoever says it is encrypts extensions";
      EXPECT_EQ(reply.body.find("goog-sped"), std::string::npos);
    }
  }
}

TEST_F(Offers, refused_in_part_say_which_part_and_leave_nobody_behind) {
  fillRoom();
  const std::string hevc = offer("06-hevc-video-and-opus.whip");
  const Reply reply = post("/whip/refused", hevc);
  EXPECT_EQ(reply.status, 422);
  EXPECT_NE(reply.body.find("a=mid:1"), std::string::npos) << reply.body;
  EXPECT_EQ(post("/whep/full", replaced(hevc, "a=sendonly", "a=recvonly")).status, 406);
  EXPECT_EQ(post("/whep/full", offer("00-control.whip")).status, 406) << "nothing in it receives";
  EXPECT_EQ(participants("participants").size(), 1u);
}

TEST_F(Offers, with_sections_out_of_use_get_what_strict_peers_read_in_them) {
  const Reply reply = whip(offer("22b-rejected-section-without-formats.whip"));
  const std::string refused = sectionOf(reply.body, "audio");
  for (const char* line :
       {"m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 ", "a=setup:passive"})
    EXPECT_NE(refused.find(line), std::string::npos) << line << "\n" << refused;
  EXPECT_EQ(refused.find("a=candidate"), std::string::npos);
}

TEST_F(Offers, name_ipv4_first_with_the_priority_of_the_second) {
  const std::string body = whip(offer("00-control.whip")).body;
  const size_t v4 = body.find(" udp 2130706175 198.18.0.1"), v6 = body.find(" udp 2130706431 2001:db8::1");
  ASSERT_NE(v4, std::string::npos) << body;
  ASSERT_NE(v6, std::string::npos) << body;
  EXPECT_LT(v4, v6);
}

TEST_F(Offers, of_unreasonable_size_are_refused) {
  const std::string control = offer("00-control.whip");
  const Reply fmtp = whip(replaced(control, "minptime=10", "x=" + std::string(512, '1')));
  EXPECT_EQ(fmtp.status, 400);
  EXPECT_NE(fmtp.body.find("SDP line"), std::string::npos) << fmtp.body;
  std::string many;
  for (int i = 35; i < 100; ++i) many += " " + std::to_string(i);
  EXPECT_EQ(whip(replaced(control, "SAVPF 96", "SAVPF" + many)).status, 400);
  std::string longer = control;
  while (longer.size() <= 64 * 1024) longer += "a=x-padding:0123456789012345678901234567890123456789\n";
  const Reply reply = whip(longer);
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.code(), "body_too_long");
}

}  // namespace
}  // namespace penstock::test
