// Plain transports over HTTP: what is read of a request, how a wrong one is refused, and that no key comes back.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "control/api/plain_request.h"
#include "tests/api/client.h"
#include "tests/api/relay.h"

namespace penstock::test {
namespace {

namespace json = boost::json;

const HeaderList kJson{{"Content-Type", "application/json"}};

/// 44 bytes: 32 of key, 12 of salt.
const std::string kKey256 = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyDBwsPExcbHyMnKy8w=";
/// 30 bytes.
const std::string kKeyCm = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

json::object body(const std::string& text) {
  return json::parse(text).as_object();
}

TEST(PlainRequest, everything_that_may_be_said) {
  const auto request = readPlainRequest(body(R"({
    "name": "PBX", "remote": {"address": "2001:db8::9", "port": 4000, "rtcp_port": 4001},
    "srtp": {"profile": "AES_CM_128_HMAC_SHA1_80", "receive_key": ")" +
                                             kKeyCm + R"("},
    "publish": [
      {"ssrc": 4294967295, "name": "Line 1", "source": "other", "codecs": [
        {"name": "opus", "payload_type": 111, "fmtp": "useinbandfec=1"},
        {"name": "telephone-event", "payload_type": 101}]},
      {"ssrc": 7, "rtx_ssrc": 8, "codecs": [{"name": "VP8", "payload_type": 96, "rtx_payload_type": 97}]}],
    "subscribe": {"tracks": ["t_1", "t_2"], "codecs": [{"name": "opus", "payload_type": 0, "channels": 1}]}})"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->name, "PBX");
  EXPECT_EQ(request->remote_ip, "2001:db8::9");
  EXPECT_EQ(request->remote_port, 4000);
  EXPECT_EQ(request->rtcp_port, 4001);
  EXPECT_EQ(request->keys.profile, 1);
  // RFC 4568 section 6.1: 16 bytes of key, then 14 of salt.
  EXPECT_EQ(request->keys.receive_key, "774466766726542b2978473740666235");
  EXPECT_EQ(request->keys.receive_salt, "6a552c5261417d5c7c7030252a23");
  EXPECT_EQ(request->keys.send_key, "");
  ASSERT_EQ(request->publish.size(), 2u);
  EXPECT_EQ(request->publish[0].kind, Kind::audio);
  EXPECT_EQ(request->publish[0].source, Source::other);
  EXPECT_EQ(request->publish[0].encodings[0].ssrc, 4294967295u);
  EXPECT_EQ(request->publish[0].codecs[0].clock_rate_hz, 48'000u);
  EXPECT_EQ(request->publish[0].codecs[0].channels, 2u);
  EXPECT_EQ(request->publish[0].codecs[1].clock_rate_hz, 8'000u);
  EXPECT_EQ(request->publish[1].kind, Kind::video);
  EXPECT_EQ(request->publish[1].source, Source::camera);
  EXPECT_EQ(request->publish[1].encodings[0].rtx_ssrc, 8u);
  EXPECT_EQ(request->publish[1].codecs[0].rtx_payload_type, 97);
  EXPECT_TRUE(request->subscribe && !request->subscribe_all);
  EXPECT_EQ(request->tracks, (std::vector<std::string>{"t_1", "t_2"}));
  EXPECT_EQ(request->codecs[0].channels, 1u);
}

TEST(PlainRequest, what_need_not_be_said) {
  const auto request = readPlainRequest(body(R"({"remote": "latch", "srtp": null, "subscribe": {}})"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->name, "plain");
  EXPECT_EQ(request->remote_ip, "");
  EXPECT_EQ(request->keys.profile, 0xff00);
  EXPECT_TRUE(request->publish.empty());
  EXPECT_TRUE(request->subscribe && request->subscribe_all && request->codecs.empty());
  const auto gcm = readPlainRequest(body(R"({"remote": "latch",
    "srtp": {"profile": "AEAD_AES_256_GCM", "send_key": ")" +
                                         kKey256 + R"("}})"));
  ASSERT_TRUE(gcm) << gcm.error().message;
  EXPECT_EQ(gcm->keys.send_key.size(), 64u);
  EXPECT_EQ(gcm->keys.send_salt, "c1c2c3c4c5c6c7c8c9cacbcc");
  EXPECT_FALSE(gcm->subscribe);
}

std::string with(const std::string& member, const std::string& value) {
  json::object good = body(R"({"remote": "latch", "srtp": null, "publish": [], "subscribe": {}})");
  good[member] = json::parse(value);
  return json::serialize(good);
}
std::string publishing(const std::string& track) {
  return with("publish", "[" + track + "]");
}

TEST(PlainRequest, table_of_what_is_refused) {
  const std::string opus = R"("codecs": [{"name": "opus", "payload_type": 111}])";
  const struct {
    int number;
    std::string text, code, about;
  } cases[] = {
      {1, "{}", "field_invalid", "remote"},
      {2, R"({"remote": "latch"})", "field_invalid", "srtp"},
      {3, with("remote", "\"Latch\""), "field_invalid", "remote"},
      {4, with("remote", R"({"address": "198.18.0.9"})"), "field_invalid", "remote.port"},
      {5, with("remote", R"({"port": 1})"), "field_invalid", "remote.address"},
      {6, with("remote", R"({"address": "198.18.0.9", "port": 0})"), "field_invalid", "remote.port"},
      {7, with("remote", R"({"address": "198.18.0.9", "port": 65536})"), "field_invalid", "remote.port"},
      {8, with("remote", R"({"address": "198.18.0.9", "port": 1, "tcp": true})"), "field_unknown", "remote.tcp"},
      {9, with("srtp", "true"), "field_invalid", "srtp"},
      {10, with("srtp", "{}"), "field_invalid", "srtp.profile"},
      {11, with("srtp", R"({"profile": ""})"), "field_invalid", "srtp.profile"},
      {12, with("srtp", R"({"profile": "AES_CM_128_HMAC_SHA1_80", "send_key": "AAAA"})"), "field_invalid",
       "srtp.send_key"},
      {13, with("srtp", R"({"profile": "AEAD_AES_128_GCM", "send_key": ")" + kKeyCm + "\"}"), "field_invalid",
       "srtp.send_key"},
      {14, with("srtp", R"({"profile": "AES_CM_128_HMAC_SHA1_80", "receive_key": ""})"), "field_invalid",
       "srtp.receive_key"},
      {15, with("srtp", R"({"profile": "AES_CM_128_HMAC_SHA1_80", "receive_key": 5})"), "field_invalid",
       "srtp.receive_key"},
      {16, with("srtp", R"({"profile": "AEAD_AES_128_GCM", "mki": 1})"), "field_unknown", "srtp.mki"},
      {17, with("publish", "{}"), "field_invalid", "publish"},
      {18, publishing("1"), "field_invalid", "publish[0]"},
      {19, publishing("{\"rtx_ssrc\": 5, " + opus + "}"), "field_invalid", "publish[0].rtx_ssrc"},
      {20, publishing("{\"ssrc\": 0, " + opus + "}"), "field_invalid", "publish[0].ssrc"},
      {21, publishing("{\"ssrc\": 4294967296, " + opus + "}"), "field_invalid", "publish[0].ssrc"},
      {22, publishing("{\"ssrc\": 5}"), "field_invalid", "publish[0].codecs"},
      {23, publishing("{\"ssrc\": 5, " + opus + "}, {\"ssrc\": 5, " + opus + "}"), "field_invalid", "publish[1].ssrc"},
      {24, publishing("{\"ssrc\": 5, \"rtx_ssrc\": 5, " + opus + "}"), "field_invalid", "publish[0].ssrc"},
      {25, publishing(R"({"ssrc": 5, "codecs": [{"payload_type": 96}]})"), "field_invalid",
       "publish[0].codecs[0].name"},
      {26, publishing(R"({"ssrc": 5, "codecs": [{"name": "VP8", "payload_type": 72}]})"), "field_invalid",
       "publish[0].codecs[0].payload_type"},
      {27, publishing(R"({"ssrc": 5, "codecs": [{"name": "VP8"}]})"), "field_invalid",
       "publish[0].codecs[0].payload_type"},
      {28, publishing(R"({"ssrc": 5, "codecs": [{"name": "VP8", "payload_type": 96, "rtx_payload_type": 96}]})"),
       "field_invalid", "publish[0].codecs"},
      {29,
       publishing(
           R"({"ssrc": 5, "codecs": [{"name": "VP8", "payload_type": 96}, {"name": "opus", "payload_type": 9}]})"),
       "field_invalid", "publish[0].codecs"},
      {30, publishing("{\"ssrc\": 5, \"source\": \"moon\", " + opus + "}"), "field_invalid", "publish[0].source"},
      {31, publishing("{\"ssrc\": 5, \"mid\": \"0\", " + opus + "}"), "field_unknown", "publish[0].mid"},
      {32, with("subscribe", "[]"), "field_invalid", "subscribe"},
      {33, with("subscribe", R"({"tracks": "some"})"), "field_invalid", "subscribe.tracks"},
      {34, with("subscribe", R"({"tracks": [1]})"), "field_invalid", "subscribe.tracks"},
      {35, with("subscribe", R"({"codecs": [1]})"), "field_invalid", "subscribe.codecs[0]"},
      {36, with("subscribe", R"({"video": true})"), "field_unknown", "subscribe.video"},
      // Which of the two is a packet with payload type 111 of?
      {39, publishing("{" + opus + "}, {\"ssrc\": 5, " + opus + "}"), "field_invalid", "publish[1].codecs"},
      {40, with("remote", R"({"address": "198.18.0.9", "port": 1, "rtcp_port": 0})"), "field_invalid",
       "remote.rtcp_port"},
      {37, with("name", "\"a\\nb\""), "field_invalid", "name"},
      {38, with("name", "null"), "field_invalid", "name"},
  };
  for (const auto& c : cases) {
    const auto request = readPlainRequest(body(c.text));
    ASSERT_FALSE(request) << c.number;
    EXPECT_EQ(request.error().code, c.code) << c.number << " " << request.error().message;
    EXPECT_TRUE(request.error().message.starts_with(c.about + " ")) << c.number << " " << request.error().message;
    EXPECT_EQ(request.error().status, 400) << c.number;
  }
}

TEST(PlainApi, shows_what_it_is_and_never_a_key) {
  Relay relay;
  relay.run([](FakeService& service) { (void)service.openRoom("x", {}); });
  const std::string text = R"({"name": "PBX", "remote": {"address": "198.18.0.9", "port": 4000, "rtcp_port": 4001},
    "srtp": {"profile": "AES_CM_128_HMAC_SHA1_80", "receive_key": ")" +
                           kKeyCm + R"("},
    "publish": [{"ssrc": 7, "codecs": [{"name": "opus", "payload_type": 96}]},
                {"codecs": [{"name": "PCMA", "payload_type": 8}]}],
    "subscribe": {"tracks": ["t_1"], "codecs": [{"name": "opus", "payload_type": 97}]}})";
  const Reply added = fetch(relay.port(), "POST", "/v1/rooms/x/plain-transports", kJson, text);
  ASSERT_EQ(added.status, 201) << added.body;
  const json::object view = added.json();
  const std::string location = resolved("/v1/rooms/x/plain-transports", added.header("location"));
  EXPECT_EQ(location, "/v1/rooms/x/plain-transports/" + std::string(view.at("participant").as_string()));
  EXPECT_EQ(view.at("remote").as_string(), "198.18.0.9:4000");
  EXPECT_FALSE(view.at("latching").as_bool() || view.at("connected").as_bool() || view.at("subscribe_all").as_bool());
  EXPECT_EQ(view.at("srtp").as_string(), "AES_CM_128_HMAC_SHA1_80");
  EXPECT_EQ(view.at("rtcp_port"), 4001);
  EXPECT_EQ(view.at("publish").at(0).at("ssrc"), 7);
  EXPECT_FALSE(view.at("publish").at(1).as_object().contains("ssrc"));
  EXPECT_EQ(view.at("publish").at(0).at("codecs").at(0).at("payload_type"), 96);
  EXPECT_EQ(fetch(relay.port(), "GET", location).json(), view);

  relay.runReports([](FakeReports& reports) {
    contract::TransportStats stats{};
    stats.nominated = 1;
    stats.remote = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 7}, 0x409c, {}};
    reports.transport_stats = stats;
  });
  const Reply list = fetch(relay.port(), "GET", "/v1/rooms/x/plain-transports");
  const json::object shown = list.json().at("plain_transports").at(0).as_object();
  EXPECT_TRUE(shown.at("connected").as_bool());
  EXPECT_EQ(shown.at("remote").as_string(), "198.18.0.7:40000");
  for (const Reply* reply : {&added, &list})
    for (const char* secret : {"d0Rmdmcm", "77446676", "6a552c52"})
      EXPECT_EQ(reply->body.find(secret), std::string::npos);

  EXPECT_EQ(fetch(relay.port(), "DELETE", location).status, 204);
  EXPECT_EQ(fetch(relay.port(), "DELETE", location).code(), "transport_unknown");
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms/y/plain-transports").code(), "room_unknown");
}

TEST(PlainApi, a_participant_of_another_protocol_is_no_plain_transport) {
  Relay relay;
  relay.run([](FakeService& service) { (void)service.join({.room = "x", .protocol = "whip"}, nullptr); });
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms/x/plain-transports/p1").code(), "transport_unknown");
  EXPECT_EQ(fetch(relay.port(), "DELETE", "/v1/rooms/x/plain-transports/p1").code(), "transport_unknown");
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms/x/participants").json().at("participants").as_array().size(), 1u);
}

}  // namespace
}  // namespace penstock::test
