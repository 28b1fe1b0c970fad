// A conference client's conversation, message by message, and sockets that misbehave.
#include <gtest/gtest.h>

#include <thread>

#include <boost/json/array.hpp>

#include "control/api/encoding.h"
#include "tests/api/client.h"
#include "tests/api/relay.h"
#include "tests/support/eventually.h"

namespace penstock::test {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

std::string text(const json::object& message, const char* name) {
  return message.contains(name) && message.at(name).is_string() ? std::string(message.at(name).as_string()) : "";
}

/// A joined client.
std::unique_ptr<WebSocketClient> join(Relay& relay, const std::string& name, std::string* id = nullptr) {
  auto client = std::make_unique<WebSocketClient>(relay.port());
  EXPECT_EQ(client->open("/v1/rooms/x/ws", {{"Sec-WebSocket-Protocol", "penstock.v1"}}).status, 101);
  client->send({{"type", "join"}, {"name", name}});
  const json::object joined = client->receive();
  EXPECT_EQ(text(joined, "type"), "joined");
  if (id != nullptr) *id = text(joined, "participant");
  return client;
}

TEST(WebSocket, the_upgrade_names_the_protocol_and_nothing_else) {
  Relay relay;
  WebSocketClient client(relay.port());
  const Reply reply = client.open("/v1/rooms/x/ws", {{"Sec-WebSocket-Protocol", "other, penstock.v1"},
                                                     {"Sec-WebSocket-Extensions", "permessage-deflate"}});
  EXPECT_EQ(reply.status, 101);
  EXPECT_EQ(reply.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") << "RFC 6455 section 1.3";
  EXPECT_EQ(reply.header("sec-websocket-protocol"), "penstock.v1");
  EXPECT_EQ(reply.header("sec-websocket-extensions"), "");
}

TEST(WebSocket, table_of_refused_upgrades) {
  Relay relay;
  Relay locked(configWithKeys());
  const struct {
    const char* what;
    Relay& relay;
    std::string target;
    HeaderList headers;
    int status;
    const char* code;
  } cases[] = {
      {"1 a page of another site",
       relay,
       "/v1/rooms/x/ws",
       {{"Origin", "https://evil.example"}},
       403,
       "origin_not_allowed"},
      {"2 another protocol", relay, "/v1/rooms/x/ws", {{"Sec-WebSocket-Protocol", "chat"}}, 400, "protocol_unknown"},
      {"3 a bad room", relay, "/v1/rooms/a%20b/ws", {}, 400, "room_name_invalid"},
      {"4 no token", locked, "/v1/rooms/x/ws", {}, 401, "token_missing"},
      {"5 a wrong token", locked, "/v1/rooms/x/ws?access_token=a.b.c", {}, 401, "token_invalid"},
      {"6 another room's token", locked, "/v1/rooms/x/ws?access_token=" + token("y", "join"), {}, 403, "not_permitted"},
  };
  for (const auto& c : cases) {
    WebSocketClient client(c.relay.port());
    const Reply reply = client.open(c.target, c.headers);
    EXPECT_EQ(reply.status, c.status) << c.what;
    EXPECT_EQ(reply.code(), c.code) << c.what;
  }
}

TEST(WebSocket, a_token_says_who_somebody_is_and_what_they_may) {
  Relay relay(configWithKeys());
  WebSocketClient client(relay.port());
  ASSERT_EQ(client.open("/v1/rooms/x/ws?access_token=" + token("x", "join,subscribe")).status, 101);
  client.send({{"type", "join"}, {"name", "Ada"}, {"auto_subscribe", false}});
  EXPECT_EQ(text(client.receive(), "type"), "joined");
  relay.run([](FakeService& service) {
    EXPECT_EQ(service.last_join.identity, "someone");
    EXPECT_EQ(service.last_join.name, "Ada");
    EXPECT_EQ(service.last_join.protocol, "websocket");
    EXPECT_TRUE(service.last_join.permissions.subscribe);
    EXPECT_FALSE(service.last_join.permissions.publish || service.last_join.permissions.moderate);
    EXPECT_FALSE(service.last_join.auto_subscribe);
  });
  client.send({{"type", "publish"}, {"id", 1}, {"sdp", "v=0"}});
  EXPECT_EQ(text(client.receive(), "code"), "not_permitted");
}

TEST(WebSocket, a_token_that_expires_ends_the_conversation) {
  Relay relay(configWithKeys());
  WebSocketClient client(relay.port());
  const uint64_t before = unixNowMs() / 1000 * 1000;
  ASSERT_EQ(client.open("/v1/rooms/x/ws?access_token=" + token("x", "join", 600)).status, 101);
  client.send({{"type", "join"}});
  EXPECT_EQ(text(client.receive(), "type"), "joined");
  relay.run([&](FakeService& service) {
    const uint64_t until = service.last_join.expires_unix_ms.value_or(0);
    EXPECT_GE(until, before + 605'000);
    EXPECT_LE(until, unixNowMs() + 605'000);
    (void)service.leave("x", "p1", "token_expired");
  });
  const json::object left = client.receive();
  EXPECT_EQ(text(left, "type"), "left");
  EXPECT_EQ(text(left, "reason"), "token_expired");
  EXPECT_EQ(client.closeCode(), 1000);
}

TEST(WebSocket, a_conversation) {
  Relay relay;
  std::string ada_id, bob_id;
  const auto ada = join(relay, "Ada", &ada_id);
  const auto bob = join(relay, "Bob", &bob_id);
  EXPECT_EQ(text(ada->receive(), "type"), "participant_joined");

  const json::array hints{json::object{{"mid", "0"}, {"source", "screen"}, {"name", "Slides"}, {"muted", true}}};
  ada->send({{"type", "publish"}, {"id", 41}, {"sdp", "v=0\r\n"}, {"tracks", hints}});
  const json::object published = ada->receive();
  EXPECT_EQ(text(published, "type"), "published");
  EXPECT_EQ(published.at("id"), 41);
  EXPECT_EQ(text(published, "sdp"), "v=0\r\na=answer to publish\r\n");
  const std::string track(published.at("tracks").at(0).at("id").as_string());
  EXPECT_EQ(published.at("tracks").at(0).at("mid").as_string(), "0");
  EXPECT_EQ(text(bob->receive(), "type"), "track_published");
  relay.run([](FakeService& service) {
    ASSERT_EQ(service.last_hints.size(), 1u);
    EXPECT_EQ(service.last_hints[0].source, Source::screen);
    EXPECT_EQ(service.last_hints[0].name, "Slides");
    EXPECT_TRUE(service.last_hints[0].muted);
  });

  bob->send({{"type", "subscribe"}, {"tracks", json::array{json::string(track)}}});
  bob->send({{"type", "answer"}, {"id", 7}, {"sdp", "v=0 bob"}});
  bob->send({{"type", "answer"}, {"id", 6}, {"sdp", "v=0 late"}});
  const json::object superseded = bob->receive();
  EXPECT_EQ(text(superseded, "code"), "offer_superseded");
  EXPECT_EQ(superseded.at("id"), 6);
  relay.run([&](FakeService& service) {
    EXPECT_EQ(service.last_answer, "v=0 bob");
    EXPECT_EQ(service.rooms().at("x").participants.at(bob_id).subscriptions.at(0).track, track);
  });

  bob->send({{"type", "wish"}, {"track", track}, {"width", 640}, {"height", 480}, {"frame_rate", 15}});
  bob->send({{"type", "wish"}, {"track", track}, {"paused", true}, {"pinned", true}, {"priority", 200}});
  bob->send({{"type", "last_n"}, {"last_n", 4}});
  ada->send({{"type", "mute"}, {"track", track}, {"muted", true}});
  EXPECT_EQ(text(ada->receive(), "type"), "track_muted");
  EXPECT_EQ(text(bob->receive(), "type"), "track_muted");
  bob->send({{"type", "mute"}, {"track", track}, {"muted", false}});
  EXPECT_EQ(text(bob->receive(), "type"), "track_muted") << "without keys everybody may moderate";
  EXPECT_EQ(text(ada->receive(), "type"), "track_muted");
  relay.run([&](FakeService& service) {
    ASSERT_EQ(service.wishes.size(), 2u);
    EXPECT_EQ(service.wishes[0].first, track);
    EXPECT_EQ(service.wishes[0].second, (Wish{.width_max = 640, .height_max = 480, .frame_rate_max = 15}));
    EXPECT_EQ(service.wishes[1].second, (Wish{.paused = true, .pinned = true, .priority = 200}));
    EXPECT_EQ(service.rooms().at("x").participants.at(bob_id).last_n, 4);
    EXPECT_TRUE(service.rooms().at("x").participants.at(ada_id).tracks.at(0).muted_by_self);
    EXPECT_FALSE(service.rooms().at("x").participants.at(ada_id).tracks.at(0).muted_by_moderator);
  });
  bob->send({{"type", "restart"}, {"purpose", "subscribe"}});
  EXPECT_EQ(text(bob->receive(), "type"), "offer");
  bob->send({{"type", "unsubscribe"}, {"tracks", json::array{json::string(track)}}});
  bob->send({{"type", "kick"}, {"participant", ada_id}});
  EXPECT_EQ(text(bob->receive(), "type"), "participant_left");
  const json::object left = ada->receive();
  EXPECT_EQ(text(left, "type"), "left");
  EXPECT_EQ(text(left, "reason"), "kicked");
  EXPECT_EQ(ada->closeCode(), 1000);
  bob->send({{"type", "leave"}});
  EXPECT_EQ(bob->closeCode(), 1000);
  relay.run([](FakeService& service) {
    EXPECT_TRUE(service.rooms().at("x").participants.empty());
    EXPECT_TRUE(service.detached.empty()) << "who left is not kept";
  });
}

TEST(WebSocket, table_of_wrong_messages) {
  Relay relay;
  const auto client = join(relay, "Ada");
  const struct {
    const char* what;
    const char* message;
    const char* code;
  } cases[] = {
      {"1 not JSON", "{", "bad_message"},
      {"2 a list", "[]", "bad_message"},
      {"3 no type", "{}", "bad_message"},
      {"4 type a number", R"({"type": 1})", "bad_message"},
      {"5 unknown type", R"({"type": "dance"})", "unknown_type"},
      {"6 join again", R"({"type": "join"})", "bad_message"},
      {"7 publish without sdp", R"({"type": "publish", "id": 1})", "bad_message"},
      {"8 publish without id", R"({"type": "publish", "sdp": "v=0"})", "bad_message"},
      {"9 id negative", R"({"type": "publish", "id": -1, "sdp": "v=0"})", "bad_message"},
      {"10 sdp that is none", R"({"type": "publish", "id": 1, "sdp": "x"})", "sdp_invalid"},
      {"11 tracks not a list", R"({"type": "publish", "id": 1, "sdp": "v=0", "tracks": {}})", "bad_message"},
      {"12 a track not an object", R"({"type": "publish", "id": 1, "sdp": "v=0", "tracks": [1]})", "bad_message"},
      {"13 a track without mid", R"({"type": "publish", "id": 1, "sdp": "v=0", "tracks": [{"source": "camera"}]})",
       "bad_message"},
      {"14 a source of its own",
       R"({"type": "publish", "id": 1, "sdp": "v=0", "tracks": [{"mid": "0", "source": "drum"}]})", "bad_message"},
      {"15 answer without id", R"({"type": "answer", "sdp": "v=0"})", "bad_message"},
      {"16 answer to no offer", R"({"type": "answer", "id": 1, "sdp": "v=0"})", "offer_superseded"},
      {"17 subscribe to nothing", R"({"type": "subscribe"})", "bad_message"},
      {"18 subscribe to a number", R"({"type": "subscribe", "tracks": [1]})", "bad_message"},
      {"19 subscribe to no track", R"({"type": "subscribe", "tracks": ["t9"]})", "track_unknown"},
      {"20 unsubscribe from no track", R"({"type": "unsubscribe", "tracks": ["t9"]})", "track_unknown"},
      {"20a wish for nothing", R"({"type": "wish", "width": 1})", "bad_message"},
      {"20b wish for less than nothing", R"({"type": "wish", "track": "t1", "width": -1})", "bad_message"},
      {"20c wish for too much", R"({"type": "wish", "track": "t1", "frame_rate": 256})", "bad_message"},
      {"20d wish in words", R"({"type": "wish", "track": "t1", "height": "large"})", "bad_message"},
      {"20e a pause that is none", R"({"type": "wish", "track": "t1", "paused": 1})", "bad_message"},
      {"20f a pin that is none", R"({"type": "wish", "track": "t1", "pinned": "yes"})", "bad_message"},
      {"20g priority beyond the highest", R"({"type": "wish", "track": "t1", "priority": 256})", "bad_message"},
      {"20h last_n of nothing", R"({"type": "last_n"})", "bad_message"},
      {"20i last_n below nothing", R"({"type": "last_n", "last_n": -1})", "bad_message"},
      {"21 mute nothing", R"({"type": "mute", "muted": true})", "bad_message"},
      {"22 mute without muted", R"({"type": "mute", "track": "t1"})", "bad_message"},
      {"23 mute no track", R"({"type": "mute", "track": "t9", "muted": true})", "track_unknown"},
      {"24 kick nobody named", R"({"type": "kick"})", "bad_message"},
      {"25 kick nobody", R"({"type": "kick", "participant": "p9"})", "participant_unknown"},
      {"26 restart without purpose", R"({"type": "restart"})", "bad_message"},
      {"27 restart the other way", R"({"type": "restart", "purpose": "publish"})", "bad_message"},
      {"28 not UTF-8 inside", "{\"type\": \"\xc3\"}", nullptr},
  };
  for (const auto& c : cases) {
    if (c.code == nullptr) continue;
    client->sendText(c.message);
    const json::object error = client->receive();
    EXPECT_EQ(text(error, "type"), "error") << c.what;
    EXPECT_EQ(text(error, "code"), c.code) << c.what;
    EXPECT_FALSE(text(error, "message").empty()) << c.what;
  }
  client->sendFrame(2, "binary");
  EXPECT_EQ(text(client->receive(), "code"), "bad_message");
  client->sendText("{\"type\": \"\xc3\"}");
  EXPECT_EQ(client->closeCode(), 1007) << "RFC 6455 section 8.1: text that is not UTF-8 fails the connection";
}

TEST(WebSocket, the_first_message_is_join) {
  Relay relay;
  WebSocketClient client(relay.port());
  ASSERT_EQ(client.open("/v1/rooms/x/ws").status, 101);
  client.send({{"type", "mute"}, {"track", "t1"}, {"muted", true}, {"id", 5}});
  const json::object error = client.receive();
  EXPECT_EQ(text(error, "code"), "join_first");
  EXPECT_EQ(error.at("id"), 5);
  client.send({{"type", "join"}, {"name", std::string(65, 'x')}});
  EXPECT_EQ(text(client.receive(), "code"), "bad_message");
  EXPECT_EQ(client.closeCode(), 1008) << "a refused join ends the connection";
}

TEST(WebSocket, a_full_room_and_an_unknown_resume_are_said_and_closed) {
  Relay relay;
  relay.run([](FakeService& service) { (void)service.openRoom("x", {1, 8}); });
  const auto first = join(relay, "Ada");
  WebSocketClient second(relay.port()), third(relay.port());
  ASSERT_EQ(second.open("/v1/rooms/x/ws").status, 101);
  second.send({{"type", "join"}, {"name", "Bob"}});
  EXPECT_EQ(text(second.receive(), "code"), "room_full");
  EXPECT_EQ(second.closeCode(), 1008);
  ASSERT_EQ(third.open("/v1/rooms/x/ws").status, 101);
  third.send({{"type", "join"}, {"resume", "never-was"}});
  EXPECT_EQ(text(third.receive(), "code"), "resume_unknown");
}

TEST(WebSocket, a_broken_connection_is_detached_and_can_be_resumed) {
  Relay relay;
  std::string id;
  { const auto client = join(relay, "Ada", &id); }
  for (int i = 0; i < 100; ++i) {
    bool gone = false;
    relay.run([&](FakeService& service) { gone = !service.detached.empty(); });
    if (gone) break;
    std::this_thread::sleep_for(20ms);
  }
  relay.run([&](FakeService& service) {
    ASSERT_EQ(service.detached.size(), 1u);
    EXPECT_EQ(service.detached[0], std::make_pair(std::string("x"), id));
  });
  WebSocketClient back(relay.port()), again(relay.port());
  ASSERT_EQ(back.open("/v1/rooms/x/ws").status, 101);
  back.send({{"type", "join"}, {"resume", "resume-of-" + id}});
  const json::object joined = back.receive();
  EXPECT_TRUE(joined.at("resumed").as_bool());
  ASSERT_EQ(again.open("/v1/rooms/x/ws").status, 101);
  again.send({{"type", "join"}, {"resume", "resume-of-" + id}});
  EXPECT_EQ(text(again.receive(), "type"), "joined");
  const json::object replaced = back.receive();
  EXPECT_EQ(text(replaced, "type"), "left");
  EXPECT_EQ(text(replaced, "reason"), "replaced");
  EXPECT_EQ(back.closeCode(), 1000);
  relay.run([](FakeService& service) { EXPECT_EQ(service.detached.size(), 1u) << "replaced is not broken"; });
}

TEST(WebSocket, a_message_that_is_too_long_closes_with_1009) {
  HttpTuning tuning = shortTuning();
  tuning.socket_message_max_bytes = 1000;
  tuning.socket_joined_message_max_bytes = 3000;
  Relay relay({}, tuning);
  WebSocketClient stranger(relay.port());
  ASSERT_EQ(stranger.open("/v1/rooms/x/ws").status, 101);
  stranger.sendText(std::string(1001, ' '));
  EXPECT_EQ(stranger.closeCode(), 1009) << "who has not joined has little to say";
  const auto client = join(relay, "Ada");
  client->sendText(std::string(2999, ' '));
  EXPECT_EQ(text(client->receive(), "type"), "error") << "it was read";
  client->sendText(std::string(3001, ' '));
  EXPECT_EQ(client->closeCode(), 1009);
}

TEST(WebSocket, the_answer_to_the_largest_offer_is_taken) {
  Relay relay({}, shortTuning());
  const auto client = join(relay, "Ada");
  std::string sdp;
  while (sdp.size() < sdp::bytesMax(sdp::kMediaMax) - 40) sdp += "a=rtpmap:96 VP8/90000/and so on\r\n";
  client->send({{"type", "answer"}, {"id", 7}, {"sdp", sdp}});
  client->send({{"type", "no such thing"}});
  while (text(client->receive(), "code") != "unknown_type") continue;
  relay.run([&](FakeService& service) { EXPECT_EQ(service.last_answer, sdp); });
}

TEST(WebSocket, silence_is_pinged_and_then_closed) {
  HttpTuning tuning = shortTuning();
  tuning.ping_interval = 200ms;
  tuning.silence_max = 1500ms;
  Relay relay({}, tuning);
  const auto patient = join(relay, "Ada");
  const auto silent = join(relay, "Bob");
  int pings = 0;
  const auto answerPing = [&] {
    const auto frame = patient->readFrame();
    ASSERT_TRUE(frame) << "who answers pings stays";
    if (frame->opcode != 9) return;
    ++pings;
    patient->sendFrame(10, frame->payload);
  };
  const auto closed = [&relay](const char* count) {
    return relay.metrics().find("penstock_websockets_closed_total{reason=\"silent\"} " + std::string(count)) !=
           std::string::npos;
  };
  EXPECT_TRUE(eventually([&] { return closed("1") || HasFatalFailure(); }, answerPing));
  EXPECT_GE(pings, 2);
  // As long again.
  for (const int until = 2 * pings; pings < until && !HasFatalFailure();) answerPing();
  EXPECT_TRUE(silent->closesWithin(20'000));
  EXPECT_TRUE(closed("1")) << "who answers pings stays";
}

TEST(WebSocket, who_never_joins_is_closed) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 200ms;
  tuning.ping_interval = 100ms;
  Relay relay({}, tuning);
  WebSocketClient client(relay.port());
  ASSERT_EQ(client.open("/v1/rooms/x/ws").status, 101);
  EXPECT_EQ(client.closeCode(), 1008);
}

TEST(WebSocket, a_client_that_does_not_read_is_closed_and_nobody_waits_for_it) {
  HttpTuning tuning = shortTuning();
  tuning.socket_queue_max_messages = 16;
  Relay relay({}, tuning);
  std::string slow_id;
  const auto slow = join(relay, "Slow", &slow_id);
  slow->setReceiveBuffer(4096);
  const std::string large(200'000, 'x');
  bool closed = false;
  for (int i = 0; i < 200 && !closed; ++i) {
    relay.run([&](FakeService& service) { service.say("x", "", {{"type", "speakers"}, {"filler", large}}); });
    closed = relay.metrics().find("penstock_websockets_closed_total{reason=\"slow_client\"} 1") != std::string::npos;
  }
  EXPECT_TRUE(closed);
}

TEST(WebSocket, a_flood_of_messages_is_not_looked_at) {
  Relay relay;
  const auto client = join(relay, "Ada");
  for (int i = 0; i < 150; ++i) client->sendText(R"({"type": "dance"})");
  int unknown = 0, overloaded = 0;
  for (int i = 0; i < 150; ++i) {
    const std::string code = text(client->receive(), "code");
    unknown += code == "unknown_type";
    overloaded += code == "overloaded";
  }
  EXPECT_EQ(unknown + overloaded, 150);
  EXPECT_GT(overloaded, 10);
}

TEST(WebSocket, the_last_wish_of_a_flood_is_carried_out_though_nothing_follows_it) {
  HttpTuning tuning = shortTuning();
  tuning.silence_max = 10min;  // at the end of the socket it is carried out too
  Relay relay({}, tuning);
  const auto client = join(relay, "Ada");
  for (int width = 1; width <= 300; ++width) client->send({{"type", "wish"}, {"track", "t1"}, {"width", width}});
  EXPECT_TRUE(eventually([&] {
    uint16_t width = 0;
    relay.run(
        [&](FakeService& service) { width = service.wishes.empty() ? 0 : service.wishes.back().second.width_max; });
    return width == 300;
  }));
}

TEST(WebSocket, the_relay_says_1011_when_it_stops) {
  Relay relay;
  const auto client = join(relay, "Ada");
  std::thread stopper([&relay] { relay.stop(); });
  EXPECT_EQ(client->closeCode(), 1011);
  stopper.join();
}

}  // namespace
}  // namespace penstock::test
