// The HTTP server against clients that are wrong, slow, large or many. Real sockets on loopback.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "tests/api/client.h"
#include "tests/api/relay.h"

namespace penstock::test {
namespace {

using namespace std::chrono_literals;

const HeaderList kJson{{"Content-Type", "application/json"}};

HeaderList bearer(const std::string& token, HeaderList more = {}) {
  more.emplace_back("Authorization", "Bearer " + token);
  return more;
}

struct WrongCall {
  const char* what;
  const char* method;
  const char* target;
  HeaderList headers;
  std::string body;
  int status;
  const char* code;
};

TEST(Http, table_of_wrong_calls) {
  Relay relay;
  relay.run([](FakeService& service) {
    (void)service.openRoom("full", {1, 8});
    (void)service.join({.room = "full", .name = "Ada"}, nullptr);
    service.rooms_max = 2;
    (void)service.openRoom("x", {});
  });
  const WrongCall cases[] = {
      {"1 no such path", "GET", "/v2", {}, "", 404, "not_found"},
      {"2 below a path", "GET", "/v1/rooms/x/nothing", {}, "", 404, "not_found"},
      {"3 double slash", "GET", "//v1/rooms", {}, "", 400, "request_malformed"},
      {"4 path traversal", "GET", "/assets/../../etc/passwd", {}, "", 400, "request_malformed"},
      {"5 encoded path traversal", "GET", "/assets/%2e%2e/%2e%2e/etc/passwd", {}, "", 400, "request_malformed"},
      {"6 broken escape", "GET", "/v1/rooms/%zz", {}, "", 400, "request_malformed"},
      {"7 proxy request", "GET", "http://elsewhere/v1/rooms", {}, "", 400, "request_malformed"},
      {"8 wrong method", "DELETE", "/v1/rooms", {}, "", 405, "method_not_allowed"},
      {"9 unknown method", "BREW", "/v1/rooms", {}, "", 405, "method_not_allowed"},
      {"10 room name with a space", "GET", "/v1/rooms/a%20b", {}, "", 400, "room_name_invalid"},
      {"11 room name too long",
       "GET",
       "/v1/rooms/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
       {},
       "",
       400,
       "room_name_invalid"},
      {"12 no such room", "GET", "/v1/rooms/y", {}, "", 404, "room_unknown"},
      {"13 participants of no room", "GET", "/v1/rooms/y/participants", {}, "", 404, "room_unknown"},
      {"14 no such participant", "GET", "/v1/rooms/x/participants/p9", {}, "", 404, "participant_unknown"},
      {"15 kick nobody", "DELETE", "/v1/rooms/x/participants/p9", {}, "", 404, "participant_unknown"},
      {"16 subscriptions of nobody",
       "GET",
       "/v1/rooms/x/participants/p9/subscriptions",
       {},
       "",
       404,
       "participant_unknown"},
      {"17 no such track", "GET", "/v1/rooms/x/tracks/t9", {}, "", 404, "track_unknown"},
      {"18 mute no track", "PATCH", "/v1/rooms/x/tracks/t9", kJson, R"({"muted": true})", 404, "track_unknown"},
      {"19 unpublish no track", "DELETE", "/v1/rooms/x/tracks/t9", {}, "", 404, "track_unknown"},
      {"20 close no room", "DELETE", "/v1/rooms/y", {}, "", 404, "room_unknown"},
      {"21 body without a type", "POST", "/v1/rooms", {}, "{}", 415, "media_type_unsupported"},
      {"22 form",
       "POST",
       "/v1/rooms",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "name=x",
       415,
       "media_type_unsupported"},
      {"23 text that looks like JSON",
       "POST",
       "/v1/rooms",
       {{"Content-Type", "text/plain"}},
       "{}",
       415,
       "media_type_unsupported"},
      {"24 no length", "POST", "/v1/rooms", kJson, "", 411, "length_required"},
      {"25 empty body",
       "POST",
       "/v1/rooms",
       {{"Content-Type", "application/json"}, {"Content-Length", "0"}},
       "",
       400,
       "json_invalid"},
      {"26 not JSON", "POST", "/v1/rooms", kJson, "{", 400, "json_invalid"},
      {"27 a list", "POST", "/v1/rooms", kJson, "[]", 400, "json_invalid"},
      {"28 nested too deep", "POST", "/v1/rooms", kJson, std::string(100, '[') + std::string(100, ']'), 400,
       "json_invalid"},
      {"29 not UTF-8", "POST", "/v1/rooms", kJson, "{\"name\": \"\xff\"}", 400, "json_invalid"},
      {"30 unknown field", "POST", "/v1/rooms", kJson, R"({"name": "z", "colour": 1})", 400, "field_unknown"},
      {"31 no name", "POST", "/v1/rooms", kJson, "{}", 400, "room_name_invalid"},
      {"32 name not a text", "POST", "/v1/rooms", kJson, R"({"name": 1})", 400, "room_name_invalid"},
      {"33 name with a slash", "POST", "/v1/rooms", kJson, R"({"name": "a/b"})", 400, "room_name_invalid"},
      {"34 limit zero", "POST", "/v1/rooms", kJson, R"({"name": "z", "participants_max": 0})", 400, "field_invalid"},
      {"35 limit negative", "POST", "/v1/rooms", kJson, R"({"name": "z", "tracks_max": -1})", 400, "field_invalid"},
      {"36 limit with a fraction", "POST", "/v1/rooms", kJson, R"({"name": "z", "tracks_max": 1.5})", 400,
       "field_invalid"},
      {"37 limit a text", "PATCH", "/v1/rooms/x", kJson, R"({"tracks_max": "4"})", 400, "field_invalid"},
      {"38 limit huge", "PATCH", "/v1/rooms/x", kJson, R"({"tracks_max": 99999999999})", 400, "field_invalid"},
      {"39 room exists", "POST", "/v1/rooms", kJson, R"({"name": "x"})", 409, "room_exists"},
      {"40 too many rooms", "POST", "/v1/rooms", kJson, R"({"name": "z"})", 503, "rooms_full"},
      {"41 mute without muted", "PATCH", "/v1/rooms/x/tracks/t9", kJson, "{}", 400, "field_invalid"},
      {"42 muted a number", "PATCH", "/v1/rooms/x/tracks/t9", kJson, R"({"muted": 1})", 400, "field_invalid"},
      {"43 WebSocket without upgrade", "GET", "/v1/rooms/x/ws", {}, "", 426, "upgrade_required"},
      {"44 events of a bad room", "GET", "/v1/events?room=a%20b", {}, "", 400, "room_name_invalid"},
      {"45 not ready", "GET", "/readyz", {}, "", 503, "dataplane_absent"},
      {"46 no such page", "GET", "/assets/none.js", {}, "", 404, "not_found"},
      {"47 length and chunks",
       "POST",
       "/v1/rooms",
       {{"Content-Type", "application/json"}, {"Content-Length", "2"}, {"Transfer-Encoding", "chunked"}},
       "{}",
       400,
       "request_malformed"},
      {"48 length not a number",
       "POST",
       "/v1/rooms",
       {{"Content-Type", "application/json"}, {"Content-Length", "two"}},
       "{}",
       400,
       "request_malformed"},
      {"49 two lengths",
       "POST",
       "/v1/rooms",
       {{"Content-Type", "application/json"}, {"Content-Length", "2"}, {"Content-Length", "3"}},
       "{}",
       400,
       "request_malformed"},
      {"50 a foreign page changes something",
       "POST",
       "/v1/rooms",
       {{"Content-Type", "application/json"}, {"Origin", "https://evil.example"}},
       R"({"name": "z"})",
       403,
       "origin_not_allowed"},
      {"51 a foreign page under a name of its own",
       "GET",
       "/v1/rooms",
       {{"Host", "rebound.evil.example:8080"}},
       "",
       403,
       "host_not_allowed"},
      {"52 room is full", "POST", "/whip/full", {{"Content-Type", "application/sdp"}}, "v=0\r\n", 409, "room_full"},
  };
  for (const WrongCall& c : cases) {
    const Reply reply = fetch(relay.port(), c.method, c.target, c.headers, c.body);
    EXPECT_EQ(reply.status, c.status) << c.what << ": " << reply.body;
    EXPECT_EQ(reply.code(), c.code) << c.what;
    EXPECT_EQ(reply.header("content-type"), "application/json") << c.what;
    EXPECT_EQ(reply.header("x-content-type-options"), "nosniff") << c.what;
    EXPECT_EQ(reply.header("retry-after").empty(), c.status != 503) << c.what;
  }
}

TEST(Http, a_wrong_method_is_told_the_right_ones) {
  Relay relay;
  EXPECT_EQ(fetch(relay.port(), "PUT", "/v1/rooms/x").header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH");
  const Reply options = fetch(relay.port(), "OPTIONS", "/v1/rooms");
  EXPECT_EQ(options.status, 200);
  EXPECT_EQ(options.header("allow"), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(options.header("accept-post"), "application/json");
}

TEST(Http, head_is_get_without_the_body) {
  Relay relay;
  Client client(relay.port());
  const Reply get = client.request("GET", "/v1/rooms");
  const Reply head = client.request("HEAD", "/v1/rooms");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), std::to_string(get.body.size()));
  EXPECT_EQ(client.request("GET", "/v1/rooms").body, get.body) << "nothing was left between the two";
}

TEST(Http, one_connection_serves_many_requests_also_pipelined) {
  Relay relay;
  Client client(relay.port());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.request("GET", "/healthz").status, 200);
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.sendRaw(request + request + request);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.readReply().status, 200);
  EXPECT_EQ(client.request("GET", "/healthz", {{"Connection", "close"}}).header("connection"), "close");
  EXPECT_TRUE(client.closesWithin(3000));
}

TEST(Http, http_1_0_is_answered_and_closed) {
  Relay relay;
  Client client(relay.port());
  client.sendRaw("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.readReply().status, 200);
  EXPECT_TRUE(client.closesWithin(3000));
}

TEST(Http, what_is_not_http_is_refused) {
  Relay relay;
  for (const char* bytes :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nbad header\r\n\r\n", "GET /healthz HTTP/1.1\r\n\r\n"}) {
    Client client(relay.port());
    client.sendRaw(bytes);
    client.shutdownSend();
    const Reply reply = client.readReply();
    EXPECT_TRUE(reply.status == 400 || reply.status == 505 || reply.status == 0) << bytes << reply.status;
    EXPECT_TRUE(client.closesWithin(3000)) << bytes;
  }
}

TEST(Http, a_long_header_is_refused) {
  Relay relay;
  const Reply reply = fetch(relay.port(), "GET", "/healthz", {{"X-Long", std::string(17 * 1024, 'x')}});
  EXPECT_EQ(reply.status, 431);
  EXPECT_EQ(reply.code(), "header_too_long");
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz", {{"X-Long", std::string(15 * 1024, 'x')}}).status, 200);
}

TEST(Http, a_long_body_is_refused_by_its_length_and_by_its_chunks) {
  Config config;
  config.http.body_max_kib = 4;
  Relay relay(config);
  const Reply by_length = fetch(relay.port(), "POST", "/v1/rooms", kJson, std::string(4097, ' '));
  EXPECT_EQ(by_length.status, 413);
  EXPECT_EQ(by_length.code(), "body_too_long");
  EXPECT_EQ(by_length.header("connection"), "close");

  const std::string chunk = "800\r\n" + std::string(0x800, ' ') + "\r\n";
  const Reply by_chunks =
      fetch(relay.port(), "POST", "/v1/rooms", {{"Content-Type", "application/json"}, {"Transfer-Encoding", "chunked"}},
            chunk + chunk + chunk + "0\r\n\r\n");
  EXPECT_EQ(by_chunks.status, 413);

  const std::string body = R"({"name": "x"})";
  const Reply fits =
      fetch(relay.port(), "POST", "/v1/rooms", {{"Content-Type", "application/json"}, {"Transfer-Encoding", "chunked"}},
            "d\r\n" + body + "\r\n0\r\n\r\n");
  EXPECT_EQ(fits.status, 201) << fits.body;
}

TEST(Http, a_body_is_not_waited_for_when_the_head_is_refused) {
  Relay relay(configWithKeys());
  Client client(relay.port());
  client.sendRaw(
      "POST /v1/rooms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(client.readReply().status, 401) << "none of the body was sent";
}

TEST(Http, expect_100_continue_is_answered) {
  Relay relay;
  Client client(relay.port());
  client.sendRaw(
      "POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.readReply().status, 100);
  client.sendRaw(R"({"name": "x"})");
  EXPECT_EQ(client.readReply().status, 201);
}

TEST(Http, slow_clients_are_told_and_closed) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 300ms;
  tuning.idle_timeout = 300ms;
  Relay relay({}, tuning);
  Client head(relay.port()), body(relay.port()), silent(relay.port()), between(relay.port());
  head.sendRaw("GET /healthz HTT");
  body.sendRaw(
      "POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
  EXPECT_EQ(between.request("GET", "/healthz").status, 200);
  const Reply head_reply = head.readReply(), body_reply = body.readReply();
  EXPECT_EQ(head_reply.status, 408);
  EXPECT_EQ(head_reply.code(), "request_timeout");
  EXPECT_EQ(body_reply.status, 408);
  EXPECT_TRUE(silent.closesWithin(4000));
  EXPECT_TRUE(between.closesWithin(4000));
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz").status, 200) << "others are served meanwhile";
}

TEST(Http, a_trickle_of_bytes_does_not_prolong_a_request) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 400ms;
  Relay relay({}, tuning);
  Client client(relay.port());
  const auto start = std::chrono::steady_clock::now();
  client.sendRaw("GET /healthz HTTP/1.1\r\n");
  std::thread trickle([&client] {
    for (int i = 0; i < 40; ++i) {
      client.sendRaw("X: y\r\n");
      std::this_thread::sleep_for(50ms);
    }
  });
  EXPECT_EQ(client.readReply().status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
  trickle.join();
}

TEST(Http, a_client_that_does_not_read_is_closed) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 300ms;
  Relay relay({}, tuning);
  Client client(relay.port());
  client.setReceiveBuffer(4096);
  // The answers are far more than any socket buffer holds.
  std::string many;
  for (int i = 0; i < 400; ++i) many += "GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.sendRaw(many);
  for (int i = 0; i < 100 && relay.metrics().find("reason=\"slow_client\"") == std::string::npos; ++i) {
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_NE(relay.metrics().find("penstock_http_connections_refused_total{reason=\"slow_client\"} 1"),
            std::string::npos);
}

TEST(Http, connections_over_the_limit_are_told_so) {
  Config config;
  config.http.connections_max = 2;
  Relay relay(config);
  Client first(relay.port()), second(relay.port());
  EXPECT_EQ(first.request("GET", "/healthz").status, 200);
  EXPECT_EQ(second.request("GET", "/healthz").status, 200);
  {
    Client third(relay.port());
    const Reply reply = third.request("GET", "/healthz");
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.code(), "overloaded");
    EXPECT_FALSE(reply.header("retry-after").empty());
    EXPECT_TRUE(third.closesWithin(3000));
  }
  EXPECT_EQ(first.request("GET", "/healthz").status, 200);
}

TEST(Http, an_exception_is_an_answer_too) {
  Relay relay;
  relay.run([](FakeService& service) { service.throw_on_join = true; });
  const Reply reply = fetch(relay.port(), "POST", "/whip/x", {{"Content-Type", "application/sdp"}}, "v=0\r\n");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.code(), "internal");
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz").status, 200);
}

TEST(Http, stopping_lets_go_of_idle_connections_at_once) {
  Relay relay;
  Client idle(relay.port());
  EXPECT_EQ(idle.request("GET", "/healthz").status, 200);
  const auto start = std::chrono::steady_clock::now();
  relay.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
  EXPECT_TRUE(idle.closesWithin(1000));
  EXPECT_THROW(Client another(relay.port()), std::runtime_error);
}

TEST(Http, cors_is_for_the_configured_origin_only) {
  Config config;
  config.http.allow_origin = "https://app.example";
  Relay relay(config);
  const HeaderList ours{{"Origin", "https://app.example"}}, foreign{{"Origin", "https://evil.example"}};
  const Reply good = fetch(relay.port(), "GET", "/v1/rooms", ours);
  EXPECT_EQ(good.header("access-control-allow-origin"), "https://app.example");
  EXPECT_NE(good.header("access-control-expose-headers").find("Location"), std::string::npos);
  EXPECT_EQ(good.header("vary"), "Origin");
  const Reply bad = fetch(relay.port(), "GET", "/v1/rooms", foreign);
  EXPECT_EQ(bad.header("access-control-allow-origin"), "");
  EXPECT_EQ(bad.header("vary"), "Origin");

  HeaderList preflight = ours;
  preflight.emplace_back("Access-Control-Request-Method", "POST");
  const Reply allowed = fetch(relay.port(), "OPTIONS", "/whip/x", preflight);
  EXPECT_EQ(allowed.status, 200);
  EXPECT_EQ(allowed.header("accept-post"), "application/sdp");
  EXPECT_NE(allowed.header("access-control-allow-methods").find("POST"), std::string::npos);
  EXPECT_NE(allowed.header("access-control-allow-headers").find("Authorization"), std::string::npos);
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms").header("access-control-allow-origin"), "") << "no Origin, no CORS";
}

TEST(Http, a_page_of_our_own_may_change_things) {
  Relay relay;
  const std::string host = "localhost:" + std::to_string(relay.port());
  const Reply reply =
      fetch(relay.port(), "POST", "/v1/rooms",
            {{"Content-Type", "application/json; charset=utf-8"}, {"Host", host}, {"Origin", "http://" + host}},
            R"({"name": "x"})");
  EXPECT_EQ(reply.status, 201);
}

TEST(Authorisation, table_of_grants) {
  Relay relay(configWithKeys());
  relay.run([](FakeService& service) {
    (void)service.openRoom("x", {});
    (void)service.join({.room = "x"}, nullptr);
  });
  const HeaderList sdp{{"Content-Type", "application/sdp"}};
  struct {
    const char* what;
    const char* method;
    const char* target;
    std::string room, rights;
    HeaderList headers;
    std::string body;
    int status;
  } const cases[] = {
      {"1 list needs the relay", "GET", "/v1/rooms", "x", "join,moderate,admin", {}, "", 403},
      {"2 list with the relay", "GET", "/v1/rooms", "*", "admin", {}, "", 200},
      {"3 a star without admin is no relay", "GET", "/v1/rooms", "*", "join,moderate", {}, "", 403},
      {"4 open another room", "POST", "/v1/rooms", "x", "admin", kJson, R"({"name": "y"})", 403},
      {"5 open without admin", "POST", "/v1/rooms", "y", "join,moderate", kJson, R"({"name": "y"})", 403},
      {"6 open one's own", "POST", "/v1/rooms", "y", "admin", kJson, R"({"name": "y"})", 201},
      {"7 show with join", "GET", "/v1/rooms/x", "x", "join", {}, "", 200},
      {"8 show another room", "GET", "/v1/rooms/x", "y", "join,moderate,admin", {}, "", 403},
      {"9 show with no right", "GET", "/v1/rooms/x", "x", "", {}, "", 403},
      {"10 show with a star", "GET", "/v1/rooms/x", "*", "join", {}, "", 200},
      {"11 limits need admin", "PATCH", "/v1/rooms/x", "x", "join,moderate", kJson, "{}", 403},
      {"12 limits with admin", "PATCH", "/v1/rooms/x", "x", "admin", kJson, "{}", 200},
      {"13 stats need moderate", "GET", "/v1/rooms/x/stats", "x", "join", {}, "", 403},
      {"14 stats with moderate", "GET", "/v1/rooms/x/stats", "x", "moderate", {}, "", 200},
      {"15 relay stats need the relay", "GET", "/v1/stats", "x", "admin", {}, "", 403},
      {"16 metrics need the relay", "GET", "/metrics", "x", "admin", {}, "", 403},
      {"17 metrics with the relay", "GET", "/metrics", "*", "admin", {}, "", 200},
      {"18 all events need the relay", "GET", "/v1/events", "x", "admin", {}, "", 403},
      {"19 events of another room", "GET", "/v1/events?room=x", "y", "moderate", {}, "", 403},
      {"20 kick needs moderate", "DELETE", "/v1/rooms/x/participants/p1", "x", "join,publish,subscribe", {}, "", 403},
      {"21 mute needs moderate", "PATCH", "/v1/rooms/x/tracks/t1", "x", "join", kJson, R"({"muted": true})", 403},
      {"22 close needs admin", "DELETE", "/v1/rooms/x", "x", "moderate", {}, "", 403},
      {"23 WHIP needs publish", "POST", "/whip/x", "x", "join,subscribe", sdp, "v=0", 403},
      {"24 WHIP with publish", "POST", "/whip/x", "x", "join,publish", sdp, "v=0", 201},
      {"25 WHEP needs subscribe", "POST", "/whep/x", "x", "join,publish", sdp, "v=0", 403},
      {"26 WHEP with subscribe", "POST", "/whep/x", "x", "join,subscribe", sdp, "v=0", 201},
      {"27 kick with moderate", "DELETE", "/v1/rooms/x/participants/p1", "x", "moderate", {}, "", 204},
      {"28 close with admin", "DELETE", "/v1/rooms/x", "x", "admin", {}, "", 204},
  };
  for (const auto& c : cases) {
    const Reply reply = fetch(relay.port(), c.method, c.target, bearer(token(c.room, c.rights), c.headers), c.body);
    EXPECT_EQ(reply.status, c.status) << c.what << ": " << reply.body;
    if (c.status == 403) {
      EXPECT_EQ(reply.code(), "not_permitted") << c.what;
    }
  }
}

TEST(Authorisation, a_refused_caller_is_told_how_to_ask) {
  Relay relay(configWithKeys());
  const Reply none = fetch(relay.port(), "GET", "/v1/rooms");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.code(), "token_missing");
  EXPECT_EQ(none.header("www-authenticate"), "Bearer realm=\"penstock\"");
  const Reply expired = fetch(relay.port(), "GET", "/v1/rooms", bearer(token("*", "admin", -60)));
  EXPECT_EQ(expired.status, 401);
  EXPECT_EQ(expired.code(), "token_invalid");
  EXPECT_NE(expired.header("www-authenticate").find("invalid_token"), std::string::npos);
  EXPECT_NE(expired.body.find("expired"), std::string::npos);
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms", {{"Authorization", "Basic eDp5"}}).status, 401);
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms?access_token=" + token("*", "admin")).status, 401)
      << "tokens in URLs end in logs: only where a browser has no other way";
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms", {{"Authorization", "bearer " + token("*", "admin")}}).status, 200);
  for (const char* open : {"/healthz", "/v1/openapi.json"})
    EXPECT_EQ(fetch(relay.port(), "GET", open).status, 200) << open;
  EXPECT_EQ(fetch(relay.port(), "OPTIONS", "/v1/rooms").status, 200);
}

TEST(Listening, table_of_settings_that_stop_the_start) {
  struct {
    const char* what;
    std::string listen;
    std::vector<std::string> keys;
    std::string certificate, key;
    const char* says;
  } const cases[] = {
      {"1 everywhere without a key", "0.0.0.0:0", {}, "", "", "loopback"},
      {"2 everywhere by IPv6", "[::]:0", {}, "", "", "loopback"},
      {"3 an address without a key", "198.18.0.1:0", {}, "", "", "loopback"},
      {"4 no port", "127.0.0.1", {}, "", "", "write address:port"},
      {"5 a name", "relay.example:80", {}, "", "", "write address:port"},
      {"6 a port too large", "127.0.0.1:65536", {}, "", "", "write address:port"},
      {"7 IPv6 without brackets", "::1:8080", {}, "", "", "write address:port"},
      {"8 a short secret", "127.0.0.1:0", {"a:short"}, "", "", "32 characters"},
      {"9 a key without an id", "127.0.0.1:0", {"0123456789abcdef0123456789abcdef0123"}, "", "", "id:secret"},
      {"10 a certificate alone", "127.0.0.1:0", {}, "/tmp/none.pem", "", "both or neither"},
      {"11 a certificate that is not there",
       "127.0.0.1:0",
       {},
       "/nonexistent/c.pem",
       "/nonexistent/k.pem",
       "http.tls-certificate"},
  };
  for (const auto& c : cases) {
    Config config;
    config.http.listen = {c.listen};
    config.auth.key = c.keys;
    config.http.tls_certificate = c.certificate;
    config.http.tls_key = c.key;
    try {
      startAndStop(config);
      ADD_FAILURE() << c.what << ": started";
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(c.says), std::string::npos) << c.what << ": " << error.what();
    }
  }
  Config ipv6;
  ipv6.http.listen = {"[::1]:0", "localhost:0"};
  EXPECT_NO_THROW(startAndStop(ipv6));
  Config with_key = configWithKeys();
  with_key.http.listen = {"0.0.0.0:0"};
  EXPECT_NO_THROW(startAndStop(with_key));
}

}  // namespace
}  // namespace penstock::test
