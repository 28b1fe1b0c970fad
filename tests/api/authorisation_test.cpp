// Who may do what with which token, and where the server may listen without any.
#include <gtest/gtest.h>

#include "tests/api/client.h"
#include "tests/api/relay.h"

namespace penstock::test {
namespace {

const HeaderList kJson{{"Content-Type", "application/json"}};

HeaderList bearer(const std::string& token, HeaderList more = {}) {
  more.emplace_back("Authorization", "Bearer " + token);
  return more;
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
      {"27 plain transports need admin", "GET", "/v1/rooms/x/plain-transports", "x", "join,moderate", {}, "", 403},
      {"28 adding one, too", "POST", "/v1/rooms/x/plain-transports", "x", "join,publish,moderate", kJson, "{}", 403},
      {"29 and removing", "DELETE", "/v1/rooms/x/plain-transports/p1", "x", "join,moderate", {}, "", 403},
      {"30 of another room", "GET", "/v1/rooms/x/plain-transports", "y", "admin", {}, "", 403},
      {"31 with admin", "GET", "/v1/rooms/x/plain-transports", "x", "admin", {}, "", 200},
      {"32 kick with moderate", "DELETE", "/v1/rooms/x/participants/p1", "x", "moderate", {}, "", 204},
      {"33 close with admin", "DELETE", "/v1/rooms/x", "x", "admin", {}, "", 204},
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
