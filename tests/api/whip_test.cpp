// WHIP (RFC 9725) and WHEP as their documents say it, sentence by sentence.
#include <chrono>
#include <future>

#include <gtest/gtest.h>

#include "control/api/encoding.h"
#include "tests/api/client.h"
#include "tests/api/relay.h"

namespace penstock::test {
namespace {

const HeaderList kSdp{{"Content-Type", "application/sdp"}};
const std::string kOffer =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";
const std::string kTrickle =
    "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ "
    "host\r\na=end-of-candidates\r\n";
const std::string kRestart = "a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n";

HeaderList fragment(const std::string& if_match) {
  HeaderList headers{{"Content-Type", "application/trickle-ice-sdpfrag"}};
  if (!if_match.empty()) headers.emplace_back("If-Match", if_match);
  return headers;
}

/// Both protocols have the same resources; what differs is told by the path.
class WhipWhep : public testing::TestWithParam<const char*> {
 protected:
  std::string endpoint() const { return std::string("/") + GetParam() + "/x"; }
  bool whip() const { return std::string(GetParam()) == "whip"; }
  Relay relay;
};
INSTANTIATE_TEST_SUITE_P(Both, WhipWhep, testing::Values("whip", "whep"));

TEST_P(WhipWhep, post_makes_a_session_and_delete_ends_it) {
  const Reply created = fetch(relay.port(), "POST", endpoint() + "?name=Camera%201", kSdp, kOffer);
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("content-type"), "application/sdp");
  EXPECT_EQ(created.body, whip() ? "v=0\r\na=answer to publish\r\n" : "v=0\r\na=answer to play\r\n");
  const std::string session = resolved(endpoint(), created.header("location"));
  EXPECT_TRUE(session.starts_with(endpoint() + "/p1.")) << session;
  EXPECT_GE(session.size(), (endpoint() + "/p1.").size() + 32) << "nobody else can guess it";
  const std::string tag = created.header("etag");
  EXPECT_TRUE(tag.size() > 2 && tag.front() == '"' && tag.back() == '"') << "strong: " << tag;
  EXPECT_EQ(created.header("link"), "") << "no STUN or TURN server is needed";
  EXPECT_EQ(created.header("accept-patch"), "application/trickle-ice-sdpfrag");
  relay.run([&](FakeService& service) {
    const Participant& who = service.rooms().at("x").participants.at("p1");
    EXPECT_EQ(who.name, "Camera 1");
    EXPECT_EQ(who.protocol, GetParam());
  });
  EXPECT_EQ(fetch(relay.port(), "DELETE", session, {{"If-Match", "\"old\""}}).status, 200)
      << "an entity tag is ignored where no ICE session needs matching";
  relay.run([](FakeService& service) { EXPECT_TRUE(service.rooms().at("x").participants.empty()); });
  EXPECT_EQ(fetch(relay.port(), "DELETE", session).status, 404);
}

TEST_P(WhipWhep, the_location_holds_behind_a_prefix_and_for_who_takes_it_as_a_path) {
  for (const std::string& target : {endpoint(), endpoint() + "/", endpoint() + "?name=a/b"}) {
    const std::string location = fetch(relay.port(), "POST", target, kSdp, kOffer).header("location");
    EXPECT_FALSE(location.starts_with('/')) << location;
    EXPECT_TRUE(resolved("/video/relay" + target, location).starts_with("/video/relay" + endpoint() + "/p"))
        << location;
    // OBS: the host, a slash, and all of it.
    EXPECT_EQ(fetch(relay.port(), "DELETE", resolved("/", "./" + location)).status, 200) << location;
  }
}

TEST_P(WhipWhep, the_answer_waits_for_the_dataplane_and_not_for_ever) {
  using namespace std::chrono_literals;
  for (const bool applied : {true, false}) {
    HttpTuning tuning = shortTuning();
    tuning.ready_within = applied ? 5000ms : 200ms;
    Relay slow({}, tuning);
    slow.runReports([](FakeReports& reports) { reports.now.attached = true; });
    const auto before = std::chrono::steady_clock::now();
    auto reply = std::async(std::launch::async, [&] { return fetch(slow.port(), "POST", endpoint(), kSdp, kOffer); });
    EXPECT_EQ(reply.wait_for(100ms), std::future_status::timeout) << "no row yet";
    EXPECT_EQ(fetch(slow.port(), "GET", "/healthz").status, 200) << "others are served meanwhile";
    if (applied) slow.runReports([](FakeReports& reports) { reports.transport_stats.emplace(); });
    EXPECT_EQ(reply.get().status, 201);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 4s);
  }
}

TEST_P(WhipWhep, table_of_refused_posts) {
  const struct {
    const char* what;
    std::string target;
    HeaderList headers;
    std::string body;
    int status;
    const char* code;
  } cases[] = {
      {"1 JSON", endpoint(), {{"Content-Type", "application/json"}}, kOffer, 415, "media_type_unsupported"},
      {"2 no type", endpoint(), {}, kOffer, 415, "media_type_unsupported"},
      {"3 no body, no length", endpoint(), kSdp, "", 411, "length_required"},
      {"4 empty body",
       endpoint(),
       {{"Content-Type", "application/sdp"}, {"Content-Length", "0"}},
       "",
       400,
       "sdp_invalid"},
      {"5 not SDP", endpoint(), kSdp, "hello", 400, "sdp_invalid"},
      {"6 name too long", endpoint() + "?name=" + std::string(65, 'x'), kSdp, kOffer, 400, "name_invalid"},
      {"7 name not UTF-8", endpoint() + "?name=%ff", kSdp, kOffer, 400, "name_invalid"},
      {"8 bad room name", endpoint() + "%20", kSdp, kOffer, 400, "room_name_invalid"},
  };
  for (const auto& c : cases) {
    const Reply reply = fetch(relay.port(), "POST", c.target, c.headers, c.body);
    EXPECT_EQ(reply.status, c.status) << c.what;
    EXPECT_EQ(reply.code(), c.code) << c.what;
    if (c.status == 415) {
      EXPECT_EQ(reply.header("accept-post"), "application/sdp") << c.what;
    }
  }
  relay.run([](FakeService& service) {
    for (const auto& [name, room] : service.rooms()) EXPECT_TRUE(room.participants.empty()) << "nobody is left behind";
  });
}

TEST_P(WhipWhep, other_methods_are_reserved) {
  const std::string session =
      resolved(endpoint(), fetch(relay.port(), "POST", endpoint(), kSdp, kOffer).header("location"));
  // RFC 9725 section 4.1: a GET is successful and has no content.
  for (const std::string& url : {endpoint(), session}) {
    EXPECT_EQ(fetch(relay.port(), "GET", url).status, 204) << url;
    EXPECT_EQ(fetch(relay.port(), "HEAD", url).status, 204) << url;
    EXPECT_EQ(fetch(relay.port(), "PUT", url, kSdp, kOffer).status, 405) << url;
  }
  EXPECT_EQ(fetch(relay.port(), "POST", session, kSdp, kOffer).status, 405);
  EXPECT_EQ(fetch(relay.port(), "PATCH", endpoint(), kSdp, kOffer).status, 405);
  EXPECT_EQ(fetch(relay.port(), "PUT", session).header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH");
  const Reply options = fetch(relay.port(), "OPTIONS", endpoint());
  EXPECT_EQ(options.status, 200);
  EXPECT_EQ(options.header("accept-post"), "application/sdp");
  EXPECT_EQ(fetch(relay.port(), "OPTIONS", session).header("accept-patch"), "application/trickle-ice-sdpfrag");
}

TEST_P(WhipWhep, patch_trickles_and_restarts_by_entity_tag) {
  const Reply created = fetch(relay.port(), "POST", endpoint(), kSdp, kOffer);
  const std::string session = resolved(endpoint(), created.header("location")), tag = created.header("etag");
  const auto patch = [&](const HeaderList& headers, const std::string& body) {
    return fetch(relay.port(), "PATCH", session, headers, body);
  };
  EXPECT_EQ(patch(fragment(""), kTrickle).status, 428);
  EXPECT_EQ(patch(fragment("\"other\""), kTrickle).status, 412);
  EXPECT_EQ(patch(fragment("ufrag3"), kTrickle).status, 412) << "a tag has quotes";
  // RFC 9110 section 13.1.1: a list, compared strongly.
  EXPECT_EQ(patch(fragment("\"other\", W/" + tag), kTrickle).status, 412);
  EXPECT_EQ(patch(fragment("\"other\", " + tag + ", \"third\""), kTrickle).status, 204);
  EXPECT_EQ(patch(fragment("\"other\"," + tag), kTrickle).status, 204);
  HeaderList lines = fragment("\"other\"");
  lines.emplace_back("If-Match", tag);
  EXPECT_EQ(patch(lines, kTrickle).status, 204);
  EXPECT_EQ(patch({{"Content-Type", "application/sdp"}, {"If-Match", tag}}, kTrickle).status, 415);
  EXPECT_EQ(patch(fragment(tag), "what is this").status, 400);
  EXPECT_EQ(patch(fragment(tag), "a=mid:0\r\n").status, 400) << "no credentials";
  const Reply trickled = patch(fragment(tag), kTrickle);
  EXPECT_EQ(trickled.status, 204);
  EXPECT_EQ(trickled.header("etag"), "") << "RFC 9725 section 4.3.2: MUST NOT include an ETag";
  EXPECT_EQ(trickled.body, "");

  const Reply restarted = patch(fragment("*"), kRestart);
  EXPECT_EQ(restarted.status, 200) << restarted.body;
  EXPECT_EQ(restarted.header("content-type"), "application/trickle-ice-sdpfrag");
  EXPECT_NE(restarted.body.find("a=ice-ufrag:"), std::string::npos);
  EXPECT_NE(restarted.header("etag"), "");
  EXPECT_NE(restarted.header("etag"), tag);
  EXPECT_EQ(patch(fragment(tag), kTrickle).status, 412) << "the old ICE session is over";
  EXPECT_EQ(patch(fragment(restarted.header("etag")), kRestart).status, 204) << "candidates of the new one";
  EXPECT_EQ(patch(fragment(restarted.header("etag")), kTrickle).status, 200)
      << "RFC 9725 section 4.3.3: updated credentials MUST be considered a restart";
}

TEST_P(WhipWhep, a_session_belongs_to_who_has_its_url) {
  const std::string session =
      resolved(endpoint(), fetch(relay.port(), "POST", endpoint(), kSdp, kOffer).header("location"));
  const std::string id_only = endpoint() + "/p1", guessed = id_only + "." + std::string(32, '0');
  std::string other_protocol = session;
  other_protocol.replace(1, 4, whip() ? "whep" : "whip");
  std::string other_room = session;
  other_room.replace(6, 1, "y");
  for (const std::string& url : {id_only, guessed, other_protocol, other_room, session + "0"}) {
    EXPECT_EQ(fetch(relay.port(), "DELETE", url).code(), "session_unknown") << url;
    EXPECT_EQ(fetch(relay.port(), "PATCH", url, fragment("*"), kRestart).code(), "session_unknown") << url;
  }
  EXPECT_EQ(fetch(relay.port(), "DELETE", session).status, 200);
}

TEST(Whip, with_keys_every_request_carries_the_token) {
  Relay relay(configWithKeys());
  const HeaderList authorised{{"Authorization", "Bearer " + token("x", "publish,join")}};
  HeaderList post = kSdp;
  EXPECT_EQ(fetch(relay.port(), "POST", "/whip/x", post, kOffer).status, 401);
  post.push_back(authorised[0]);
  const Reply created = fetch(relay.port(), "POST", "/whip/x", post, kOffer);
  EXPECT_EQ(created.status, 201);
  const std::string session = resolved("/whip/x", created.header("location"));
  EXPECT_EQ(fetch(relay.port(), "DELETE", session).status, 401);
  EXPECT_EQ(fetch(relay.port(), "OPTIONS", "/whip/x").status, 200) << "preflight requests have no token";
  EXPECT_EQ(fetch(relay.port(), "DELETE", session, authorised).status, 200);
  relay.run([](FakeService& service) {
    EXPECT_EQ(service.last_join.identity, "someone");
    EXPECT_TRUE(service.last_join.permissions.publish);
    EXPECT_FALSE(service.last_join.permissions.subscribe || service.last_join.permissions.moderate);
    EXPECT_FALSE(service.last_join.auto_subscribe);
  });
}

TEST_P(WhipWhep, lasts_as_long_as_a_token_of_its_subject) {
  Relay locked(configWithKeys());
  const auto with = [](HeaderList headers, const std::string& token) {
    headers.emplace_back("Authorization", "Bearer " + token);
    return headers;
  };
  const auto until = [&] {
    uint64_t ms = 0;
    locked.run(
        [&](FakeService& service) { ms = service.rooms().at("x").participants.at("p1").expires_unix_ms.value_or(0); });
    return ms;
  };
  const std::string right = whip() ? "join,publish" : "join,subscribe",
                    other_right = whip() ? "join,subscribe" : "join,publish";
  const Reply created = fetch(locked.port(), "POST", endpoint(), with(kSdp, token("x", right, 600)), kOffer);
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string session = resolved(endpoint(), created.header("location")), tag = created.header("etag");
  const uint64_t first = until();
  EXPECT_GT(first, unixNowMs() + 500'000);
  const auto patch = [&](const std::string& token, const std::string& if_match) {
    return fetch(locked.port(), "PATCH", session, with(fragment(if_match), token), kTrickle).status;
  };
  EXPECT_EQ(patch(token("x", right, 3600, "somebody else"), tag), 204);
  EXPECT_EQ(patch(token("x", other_right, 3600), tag), 204);
  EXPECT_EQ(patch(token("x", right, 3600), "\"other\""), 412);
  EXPECT_EQ(patch(token("y", right, 3600), tag), 403);
  EXPECT_EQ(until(), first) << "of another subject, without the right, of no such ICE session, of another room";
  EXPECT_EQ(patch(token("x", right, 3600), tag), 204);
  EXPECT_GT(until(), first + 2'900'000);
}

TEST(Whep, names_who_is_to_be_played_and_may_be_told_to_wait) {
  Relay relay;
  const Reply early = fetch(relay.port(), "POST", "/whep/x?participant=p9", kSdp, kOffer);
  EXPECT_EQ(early.status, 409);
  EXPECT_FALSE(early.header("retry-after").empty());
  ASSERT_EQ(fetch(relay.port(), "POST", "/whip/x", kSdp, kOffer).status, 201);
  relay.run([](FakeService& service) { service.last_play_from = "-"; });
  std::string publisher;
  relay.run([&](FakeService& service) { publisher = service.rooms().at("x").participants.begin()->first; });
  EXPECT_EQ(fetch(relay.port(), "POST", "/whep/x?participant=" + publisher, kSdp, kOffer).status, 201);
  relay.run([&](FakeService& service) { EXPECT_EQ(service.last_play_from, publisher); });
}

}  // namespace
}  // namespace penstock::test
