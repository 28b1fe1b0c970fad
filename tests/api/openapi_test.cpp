// openapi.json against the live server: the same paths and methods, and every answer as it is described.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <set>
#include <span>

#include <boost/json/parse.hpp>

#include "control/api/api.h"
#include "control/api/openapi.h"
#include "control/api/views.h"
#include "tests/api/client.h"
#include "tests/api/relay.h"
#include "tests/api/schema.h"

namespace penstock::test {
namespace {

namespace json = boost::json;

json::object document() {
  return json::parse(kOpenApi).as_object();
}

const std::set<std::string> kMethods{"get", "put", "post", "patch", "delete"};

std::set<std::string> describedOperations() {
  std::set<std::string> operations;
  const json::object doc = document();
  for (const auto& path : doc.at("paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      EXPECT_TRUE(kMethods.contains(std::string(method.key()))) << method.key();
      std::string upper(method.key());
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      operations.insert(upper + " " + std::string(path.key()));
    }
  }
  return operations;
}

TEST(OpenApi, describes_exactly_the_routes_there_are) {
  std::set<std::string> routes;
  for (const Route& route : apiRoutes()) {
    std::string path(route.path);
    std::erase(path, '*');
    routes.insert(std::string(route.method) + " " + path);
  }
  EXPECT_EQ(describedOperations(), routes);
}

TEST(OpenApi, every_described_operation_is_answered_by_the_live_server) {
  Relay relay;
  for (const std::string& operation : describedOperations()) {
    const size_t space = operation.find(' ');
    std::string path = operation.substr(space + 1);
    for (size_t open; (open = path.find('{')) != std::string::npos;) path.replace(open, path.find('}') - open + 1, "q");
    if (path == "/v1/events") continue;  // does not end; see events_test
    const bool is_page =
        path == "/" || path == "/status" || path.starts_with("/assets");  // there are none in this test
    const Reply reply = fetch(relay.port(), operation.substr(0, space), path);
    EXPECT_NE(reply.status, 0) << operation;
    EXPECT_NE(reply.status, 405) << operation;
    EXPECT_EQ(reply.code() == "not_found", is_page) << operation;
  }
}

TEST(OpenApi, is_sound_in_itself) {
  const json::object doc = document();
  EXPECT_EQ(doc.at("openapi").as_string(), "3.0.3");
  std::set<std::string> ids;
  for (const auto& path : doc.at("paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      const json::object& operation = method.value().as_object();
      const std::string name = std::string(method.key()) + " " + std::string(path.key());
      EXPECT_TRUE(ids.insert(std::string(operation.at("operationId").as_string())).second) << name;
      EXPECT_FALSE(operation.at("responses").as_object().empty()) << name;
      std::set<std::string> in_path, declared;
      const std::string text(path.key());
      for (size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
        in_path.insert(text.substr(open + 1, text.find('}', open) - open - 1));
      }
      if (operation.contains("parameters")) {
        for (const json::value& parameter : operation.at("parameters").as_array()) {
          const json::object& resolved = resolve(doc, parameter.as_object());
          if (resolved.at("in").as_string() == "path") declared.insert(std::string(resolved.at("name").as_string()));
        }
      }
      EXPECT_EQ(in_path, declared) << name;
    }
  }
}

/// The schema's judgement of an answer; an answer whose status is not described is wrong too.
std::vector<std::string> judge(const json::object& doc, const std::string& path, const std::string& method,
                               const Reply& reply) {
  const json::object& responses =
      doc.at("paths").as_object().at(path).as_object().at(method).as_object().at("responses").as_object();
  const std::string status = std::to_string(reply.status);
  if (!responses.contains(status)) return {"status " + status + " is not described: " + reply.body};
  const json::object& response = resolve(doc, responses.at(status).as_object());
  if (!response.contains("content")) {
    return reply.body.empty() ? std::vector<std::string>{} : std::vector<std::string>{"a body that is not described"};
  }
  const json::object& content = response.at("content").as_object();
  const std::string type = reply.header("content-type").substr(0, reply.header("content-type").find(';'));
  if (!content.contains(type)) return {"the type " + type + " is not described"};
  if (type != "application/json") return {};
  return violations(doc, content.at(type).as_object().at("schema").as_object(), json::parse(reply.body));
}

struct Case {
  const char* method;
  const char* path;    // as described
  const char* target;  // as asked
  HeaderList headers;
  std::string body;
  int status;
};

const HeaderList kJson{{"Content-Type", "application/json"}};

const char kPlain[] = R"({"remote": {"address": "198.18.0.9", "port": 4000},
    "srtp": {"profile": "AEAD_AES_128_GCM", "receive_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
             "send_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ=="},
    "publish": [{"ssrc": 4000000000, "codecs": [{"name": "opus", "payload_type": 111}]}],
    "subscribe": {"tracks": ["t2"], "codecs": [{"name": "VP8", "payload_type": 96, "rtx_payload_type": 97}]}})";

/// A room "x" with p1, who publishes t2 (transport x3), and p4, who subscribes to it; figures for all.
void fill(Relay& relay) {
  relay.run([](FakeService& service) {
    (void)service.openRoom("x", {4, 8});
    (void)service.join({.room = "x", .name = "Ada", .identity = "ada", .protocol = "websocket"}, nullptr);
    (void)service.publish("x", "p1", "v=0", {});
    (void)service.join({.room = "x", .name = "Bob", .protocol = "whep"}, nullptr);
    (void)service.play("x", "p4", "v=0", "");
    (void)service.subscribe("x", "p4", "t2");
  });
  relay.runReports([](FakeReports& reports) {
    reports.now.attached = true;
    reports.now.workers.resize(2);
    contract::TransportStats transport{};
    transport.nominated = 1;
    transport.remote = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 7}, 0x409c, {}};
    transport.round_trip_time_us = 12'500;
    reports.transport_stats = transport;
    reports.track_stats = contract::TrackStats{.packets = 10, .bytes = 1000, .jitter_us = 250};
    reports.subscription_stats = contract::SubscriptionStats{.encoding = 1, .packets = 9, .fraction_lost_q8 = 64};
    reports.speaker_stats = contract::SpeakerStats{.order = 2, .dominant = 0, .loud = 1};
  });
}

void judgeAll(const Relay& relay, std::span<const Case> cases) {
  const json::object doc = document();
  for (const Case& c : cases) {
    std::string method(c.method);
    for (char& letter : method) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    const Reply reply = fetch(relay.port(), method, c.target, c.headers, c.body);
    EXPECT_EQ(reply.status, c.status) << c.method << " " << c.target << ": " << reply.body;
    for (const std::string& wrong : judge(doc, c.path, c.method, reply))
      ADD_FAILURE() << c.method << " " << c.target << ": " << wrong;
  }
}

TEST(OpenApi, every_answer_is_as_described) {
  Relay relay;
  fill(relay);
  const Case cases[] = {
      {"get", "/v1/rooms", "/v1/rooms", {}, "", 200},
      {"post", "/v1/rooms", "/v1/rooms", kJson, R"({"name": "y", "participants_max": 3})", 201},
      {"post", "/v1/rooms", "/v1/rooms", kJson, R"({"name": "y"})", 409},
      {"post", "/v1/rooms", "/v1/rooms", {}, "{}", 415},
      {"post", "/v1/rooms", "/v1/rooms", kJson, "", 411},
      {"get", "/v1/rooms/{room}", "/v1/rooms/x", {}, "", 200},
      {"get", "/v1/rooms/{room}", "/v1/rooms/none", {}, "", 404},
      {"get", "/v1/rooms/{room}", "/v1/rooms/a%20b", {}, "", 400},
      {"patch", "/v1/rooms/{room}", "/v1/rooms/x", kJson, R"({"tracks_max": 9, "last_n": 4, "loudest": 3})", 200},
      {"patch", "/v1/rooms/{room}", "/v1/rooms/x", kJson, R"({"last_n": null, "forward_silence": false})", 200},
      {"patch", "/v1/rooms/{room}", "/v1/rooms/x", kJson, "no", 400},
      {"get", "/v1/rooms/{room}/participants", "/v1/rooms/x/participants", {}, "", 200},
      {"patch", "/v1/rooms/{room}/participants/{participant}", "/v1/rooms/x/participants/p1", kJson, R"({"last_n": 3})",
       200},
      {"get", "/v1/rooms/{room}/participants/{participant}", "/v1/rooms/x/participants/p1", {}, "", 200},
      {"get",
       "/v1/rooms/{room}/participants/{participant}/subscriptions",
       "/v1/rooms/x/participants/p4/subscriptions",
       {},
       "",
       200},
      {"get", "/v1/rooms/{room}/tracks", "/v1/rooms/x/tracks", {}, "", 200},
      {"get", "/v1/rooms/{room}/tracks/{track}", "/v1/rooms/x/tracks/t2", {}, "", 200},
      {"patch", "/v1/rooms/{room}/tracks/{track}", "/v1/rooms/x/tracks/t2", kJson, R"({"muted": true})", 200},
      {"get", "/v1/rooms/{room}/stats", "/v1/rooms/x/stats", {}, "", 200},
      {"get", "/v1/stats", "/v1/stats", {}, "", 200},
      {"get", "/v1/counters", "/v1/counters", {}, "", 200},
      {"get", "/v1/rooms/{room}/ws", "/v1/rooms/x/ws", {}, "", 426},
      {"get", "/v1/openapi.json", "/v1/openapi.json", {}, "", 200},
      {"get", "/metrics", "/metrics", {}, "", 200},
      {"get", "/healthz", "/healthz", {}, "", 200},
      {"get", "/readyz", "/readyz", {}, "", 200},
      {"get", "/", "/", {}, "", 404},
      {"delete",
       "/v1/rooms/{room}/participants/{participant}/subscriptions/{track}",
       "/v1/rooms/x/participants/p4/subscriptions/t2",
       {},
       "",
       204},
      {"put",
       "/v1/rooms/{room}/participants/{participant}/subscriptions/{track}",
       "/v1/rooms/x/participants/p4/subscriptions/t2",
       {},
       "",
       204},
      {"delete", "/v1/rooms/{room}/tracks/{track}", "/v1/rooms/x/tracks/t2", {}, "", 204},
      {"delete", "/v1/rooms/{room}/participants/{participant}", "/v1/rooms/x/participants/p1", {}, "", 204},
      {"post", "/whip/{room}", "/whip/x", {{"Content-Type", "application/sdp"}}, "v=0", 201},
      {"post", "/whip/{room}", "/whip/x", {{"Content-Type", "application/sdp"}}, "no SDP", 400},
      {"post", "/whip/{room}", "/whip/x", {{"Content-Type", "application/sdp"}}, "v=0 strange", 422},
      {"post", "/whip/{room}", "/whip/x", {{"Content-Type", "application/sdp"}}, "v=0 too much", 503},
      {"post", "/whep/{room}", "/whep/x", {{"Content-Type", "application/sdp"}}, "v=0", 201},
      {"get", "/whip/{room}", "/whip/x", {}, "", 204},
      {"delete", "/v1/rooms/{room}", "/v1/rooms/x", {}, "", 204},
      {"delete", "/v1/rooms/{room}", "/v1/rooms/x", {}, "", 404},
  };
  judgeAll(relay, cases);
}

TEST(OpenApi, answers_about_plain_transports_are_as_described) {
  Relay relay;
  fill(relay);
  const Case cases[] = {
      {"post", "/v1/rooms/{room}/plain-transports", "/v1/rooms/x/plain-transports", kJson, kPlain, 201},
      {"post", "/v1/rooms/{room}/plain-transports", "/v1/rooms/x/plain-transports", kJson, kPlain, 409},
      {"post", "/v1/rooms/{room}/plain-transports", "/v1/rooms/x/plain-transports", kJson, "{}", 400},
      {"get", "/v1/rooms/{room}/plain-transports", "/v1/rooms/x/plain-transports", {}, "", 200},
      {"get", "/v1/rooms/{room}/plain-transports/{participant}", "/v1/rooms/x/plain-transports/p1", {}, "", 404},
      {"get", "/v1/rooms/{room}/participants", "/v1/rooms/x/participants", {}, "", 200},
  };
  judgeAll(relay, cases);
}

TEST(OpenApi, the_judge_can_say_no) {
  const json::object doc = document();
  const json::object room = json::parse(R"({"$ref": "#/components/schemas/Room"})").as_object();
  const char good[] = R"({"name": "x", "participants": 1, "tracks": 0, "participants_max": 2, "tracks_max": 8,
                          "last_n": null, "loudest": 0, "forward_silence": false, "keep_when_empty": true,
                          "created": "2024-02-29T12:34:56.007Z"})";
  EXPECT_TRUE(violations(doc, room, json::parse(good)).empty());
  const std::pair<const char*, const char*> edits[] = {{"\"x\"", "\"a b\""},
                                                       {"\"participants\": 1,", ""},
                                                       {"\"participants\": 1", "\"participants\": -1"},
                                                       {"\"participants\": 1", "\"participants\": 1.5"},
                                                       {"true", "\"true\""},
                                                       {"\"tracks\": 0", "\"tracks\": 0, \"more\": 1"},
                                                       {"2024-02-29T", "29.2.2024 "}};
  for (const auto& [from, to] : edits) {
    std::string text = good;
    text.replace(text.find(from), std::string(from).size(), to);
    EXPECT_EQ(violations(doc, room, json::parse(text)).size(), 1u) << to;
  }
}

TEST(Stats, tell_what_the_dataplane_reports) {
  Relay relay;
  fill(relay);
  relay.runReports([](FakeReports& reports) {
    reports.now.workers[0][static_cast<size_t>(contract::Counter::received)] = 5;
    reports.now.workers[1][static_cast<size_t>(contract::Counter::received)] = 7;
    reports.now.workers[1][static_cast<size_t>(contract::Counter::srtp_replayed)] = 2;
    reports.now.workers[1][static_cast<size_t>(contract::Counter::send_no_route)] = 3;
  });
  const json::object stats = fetch(relay.port(), "GET", "/v1/stats").json();
  EXPECT_EQ(stats.at("rooms"), 1);
  EXPECT_EQ(stats.at("participants"), 2);
  EXPECT_EQ(stats.at("transports"), 2);
  EXPECT_EQ(stats.at("counters").at("received").to_number<int>(), 12);
  EXPECT_EQ(stats.at("receive_drops").at("srtp_replayed").to_number<int>(), 2);
  EXPECT_EQ(stats.at("send_drops").at("send_no_route").to_number<int>(), 3);
  EXPECT_FALSE(stats.at("counters").as_object().contains("srtp_replayed"));
  EXPECT_TRUE(stats.at("dataplane").at("alive").as_bool());
  relay.runReports([](FakeReports& reports) { reports.now.heartbeat_age_ns = 2'000'000'000; });
  EXPECT_FALSE(fetch(relay.port(), "GET", "/v1/stats").json().at("dataplane").at("alive").as_bool());
  EXPECT_EQ(fetch(relay.port(), "GET", "/readyz").status, 503);

  const json::object room = fetch(relay.port(), "GET", "/v1/rooms/x/stats").json();
  const json::value& ada = room.at("participants").at(0);
  EXPECT_EQ(ada.at("publish_transport").at("remote").as_string(), "198.18.0.7:40000");
  EXPECT_EQ(ada.at("publish_transport").at("round_trip_time_ms"), 12.5);
  EXPECT_TRUE(ada.at("subscribe_transport").is_null());
  EXPECT_EQ(ada.at("tracks").at(0).at("jitter_ms"), 0.25);
  EXPECT_EQ(room.at("participants").at(1).at("subscriptions").at(0).at("fraction_lost"), 0.25);
}

/// Each is subscribed to both tracks of everybody else.
Room largeRoom(int people) {
  Room large{.name = "large"};
  for (int i = 0; i < people; ++i) {
    Participant who{.id = "p" + std::to_string(i)};
    for (int j = 0; j < 2; ++j) who.tracks.push_back({.id = "t" + std::to_string(2 * i + j), .encodings = {{}}});
    for (int j = 0; j < 2 * people; ++j)
      if (j / 2 != i) who.subscriptions.push_back({.track = "t" + std::to_string(j), .active = true});
    who.subscribe_transport.emplace().id = "x";
    large.participants[who.id] = who;
  }
  return large;
}

/// The whole text; `between` is done before each piece but the first.
std::string allOf(
    Pieces pieces, const std::function<void()>& between = [] {}) {
  std::string text, piece;
  while (true) {
    const bool more = pieces(piece);
    EXPECT_LT(piece.size(), kPieceBytes + 2048) << "a piece is short, whatever the room";
    text += piece;
    if (!more) return text;
    piece.clear();
    between();
  }
}

TEST(Stats, of_a_large_room_come_in_pieces_and_are_whole) {
  FakeReports reports;
  reports.subscription_stats.emplace();
  const std::map<std::string, Room> rooms{{"large", largeRoom(60)}};
  const json::value stats = json::parse(allOf(roomStats(rooms, "large", reports)));
  EXPECT_EQ(stats.at("room").at("tracks"), 120);
  const json::array& people = stats.at("participants").as_array();
  ASSERT_EQ(people.size(), 60u);
  for (const json::value& who : people) {
    EXPECT_EQ(who.at("tracks").as_array().size(), 2u);
    EXPECT_EQ(who.at("subscriptions").as_array().size(), 118u);
  }
}

TEST(Stats, are_json_also_of_a_room_that_changes_or_closes_meanwhile) {
  FakeReports reports;
  reports.subscription_stats.emplace();
  std::map<std::string, Room> rooms{{"large", largeRoom(60)}};
  auto& people = rooms["large"].participants;
  const json::value shrinking = json::parse(allOf(roomStats(rooms, "large", reports), [&people] {
    people.begin()->second.subscriptions.clear();
    people.begin()->second.tracks.clear();
    if (people.size() > 1) people.erase(people.begin());
  }));
  EXPECT_GT(shrinking.at("participants").as_array().size(), 1u);

  rooms["large"] = largeRoom(60);
  const json::value closed = json::parse(allOf(roomStats(rooms, "large", reports), [&rooms] { rooms.erase("large"); }));
  EXPECT_GT(closed.at("participants").as_array().size(), 1u);
}

TEST(Lists, that_are_long_come_in_chunks) {
  Relay relay;
  constexpr int kRooms = 1000;
  relay.run([](FakeService& service) {
    service.rooms_max = kRooms;
    for (int i = 0; i < kRooms; ++i)
      ASSERT_TRUE(service.openRoom("room" + std::to_string(i), {.participants_max = 500}));
    for (int i = 0; i < 500; ++i) {
      const auto who = service.join({.room = "room0", .protocol = "whip"}, nullptr);
      ASSERT_TRUE(service.publish("room0", *who, "v=0", {}));
    }
  });
  Client client(relay.port());
  const std::pair<const char*, size_t> lists[] = {
      {"/v1/rooms", kRooms}, {"/v1/rooms/room0/participants", 500}, {"/v1/rooms/room0/tracks", 500}};
  for (const auto& [target, size] : lists) {
    const Reply reply = client.request("GET", target);
    const std::string name = std::string(target).substr(std::string(target).rfind('/') + 1);
    ASSERT_TRUE(reply.json().contains(name)) << target;
    EXPECT_EQ(reply.json().at(name).as_array().size(), size);
    EXPECT_GT(reply.largest_chunk, 0u) << target;
    EXPECT_LT(reply.largest_chunk, kPieceBytes + 2048) << target;
    EXPECT_EQ(client.request("HEAD", target).header("transfer-encoding"), "chunked");
    client.sendRaw(std::string("GET ") + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.readReply().body, reply.body) << "the connection goes on";
  }
  client.sendRaw("GET /v1/rooms HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const Reply old = client.readReply();
  EXPECT_EQ(old.header("transfer-encoding"), "") << "HTTP/1.0 knows no chunks";
  EXPECT_TRUE(client.readUntil("\"}]}"));
  EXPECT_TRUE(client.closesWithin(20'000));
}

TEST(Counters, are_told_with_kind_meaning_and_value) {
  Relay relay;
  relay.runReports([](FakeReports& reports) {
    reports.now.attached = true;
    reports.now.workers.resize(2);
    reports.now.workers[0][static_cast<size_t>(contract::Counter::srtp_replayed)] = 2;
    reports.now.workers[1][static_cast<size_t>(contract::Counter::srtp_replayed)] = 3;
  });
  const json::object stats = fetch(relay.port(), "GET", "/v1/stats").json();
  const json::object list = fetch(relay.port(), "GET", "/v1/counters").json();
  std::map<std::string, size_t> kinds;
  for (const json::value& counter : list.at("counters").as_array()) {
    const std::string name(counter.at("name").as_string());
    ++kinds[std::string(counter.at("kind").as_string())];
    EXPECT_FALSE(counter.at("meaning").as_string().empty()) << name;
    if (name != "srtp_replayed") continue;
    EXPECT_EQ(counter.at("kind").as_string(), "receive_drop");
    EXPECT_EQ(counter.at("value").to_number<int>(), 5);
  }
  EXPECT_EQ(kinds["counter"], stats.at("counters").as_object().size());
  EXPECT_EQ(kinds["receive_drop"], stats.at("receive_drops").as_object().size());
  EXPECT_EQ(kinds["send_drop"], stats.at("send_drops").as_object().size());
}

}  // namespace
}  // namespace penstock::test
