// Every way to ask wrongly, with the answer that openapi.json documents.
#include <gtest/gtest.h>

#include "tests/api/client.h"
#include "tests/api/relay.h"

namespace penstock::test {
namespace {

const HeaderList kJson{{"Content-Type", "application/json"}};

struct WrongCall {
  const char* what;
  const char* method;
  const char* target;
  HeaderList headers;
  std::string body;
  int status;
  const char* code;
};

const WrongCall kCases[] = {
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
    {"38a last_n below zero", "PATCH", "/v1/rooms/x", kJson, R"({"last_n": -1})", 400, "field_invalid"},
    {"38b loudest beyond", "PATCH", "/v1/rooms/x", kJson, R"({"loudest": 256})", 400, "field_invalid"},
    {"38c silence in words", "POST", "/v1/rooms", kJson, R"({"name": "z", "forward_silence": "no"})", 400,
     "field_invalid"},
    {"38d last_n of nobody", "PATCH", "/v1/rooms/x/participants/p9", kJson, R"({"last_n": 2})", 404,
     "participant_unknown"},
    {"38e last_n in words", "PATCH", "/v1/rooms/x/participants/p9", kJson, R"({"last_n": "all"})", 400,
     "field_invalid"},
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
    {"52 room is full", "POST", "/whip/full", {{"Content-Type", "application/sdp"}}, "v=0\r\n", 503, "room_full"},
    {"53 no row is free", "POST", "/whip/x", {{"Content-Type", "application/sdp"}}, "v=0 too much", 503, "overloaded"},
};

TEST(Http, table_of_wrong_calls) {
  Relay relay;
  relay.run([](FakeService& service) {
    (void)service.openRoom("full", {1, 8});
    (void)service.join({.room = "full", .name = "Ada"}, nullptr);
    service.rooms_max = 2;
    (void)service.openRoom("x", {});
  });
  for (const WrongCall& c : kCases) {
    const Reply reply = fetch(relay.port(), c.method, c.target, c.headers, c.body);
    EXPECT_EQ(reply.status, c.status) << c.what << ": " << reply.body;
    EXPECT_EQ(reply.code(), c.code) << c.what;
    EXPECT_EQ(reply.header("content-type"), "application/json") << c.what;
    EXPECT_EQ(reply.header("x-content-type-options"), "nosniff") << c.what;
    EXPECT_EQ(reply.header("retry-after").empty(), c.status != 503) << c.what;
  }
}

}  // namespace
}  // namespace penstock::test
