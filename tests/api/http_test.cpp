// The HTTP server against clients that are wrong, slow, large or many. Real sockets on loopback.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/api/client.h"
#include "tests/api/relay.h"
#include "tests/support/eventually.h"

namespace penstock::test {
namespace {

using namespace std::chrono_literals;

const HeaderList kJson{{"Content-Type", "application/json"}};

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
  EXPECT_TRUE(client.closesWithin(20'000));
}

TEST(Http, http_1_0_is_answered_and_closed) {
  Relay relay;
  Client client(relay.port());
  client.sendRaw("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.readReply().status, 200);
  EXPECT_TRUE(client.closesWithin(20'000));
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
    EXPECT_TRUE(client.closesWithin(20'000)) << bytes;
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

TEST(Http, what_is_neither_head_nor_body_is_bounded_too) {
  Relay relay;
  const std::string post =
      "POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  const std::string many_extensions = [] {
    std::string chunks;
    for (int i = 0; i < 200; ++i) chunks += "1;" + std::string(100, 'x') + "\r\n \r\n";
    return chunks + "0\r\n\r\n";
  }();
  struct {
    const char* what;
    std::string bytes;
    int status;
  } const cases[] = {
      {"1 an extension longer than any head", post + "5;a=" + std::string(40'000, 'x'), 431},
      {"2 a quoted extension", post + "5;a=\"" + std::string(40'000, 'x'), 431},
      {"3 the extension of the last chunk", post + "0;a=" + std::string(40'000, 'x'), 431},
      {"4 trailers", post + "0\r\nX: " + std::string(40'000, 'x'), 431},
      {"5 many trailers",
       post + "0\r\n" +
           [] {
             std::string lines;
             for (int i = 0; i < 4000; ++i) lines += "X: 12345\r\n";
             return lines;
           }(),
       431},
      {"6 many small extensions", post + many_extensions, 400},
      {"7 a chunk size of many digits", post + std::string(40'000, '0'), 431},
  };
  for (const auto& [what, bytes, status] : cases) {
    Client client(relay.port());
    client.sendRaw(bytes);
    const Reply reply = client.readReply();
    EXPECT_TRUE(reply.status == status || (status == 431 && reply.status == 400)) << what << ": " << reply.status;
    EXPECT_TRUE(client.closesWithin(3000)) << what;
  }
  Client client(relay.port());
  client.sendRaw(post + "1;ok=1\r\n{\r\n10;b=\"c\"\r\n\"name\": \"small\"}\r\n0\r\nX: y\r\n\r\n");
  EXPECT_EQ(client.readReply().status, 201) << "a short extension and a trailer harm nobody";
}

TEST(Http, a_body_where_none_is_taken_is_refused_and_not_read) {
  Relay relay;
  for (const char* framing : {"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5;"}) {
    for (const char* request : {"GET /healthz", "GET /", "DELETE /v1/rooms/x", "GET /v1/rooms/x/ws"}) {
      Client client(relay.port());
      client.sendRaw(std::string(request) + " HTTP/1.1\r\nHost: localhost\r\n" + framing);
      const Reply reply = client.readReply();
      EXPECT_EQ(reply.status, 400) << request << framing;
      EXPECT_EQ(reply.code(), "body_unexpected") << request << framing;
    }
  }
  Client client(relay.port());
  EXPECT_EQ(client.request("DELETE", "/v1/rooms/x", {{"Content-Length", "0"}}).status, 404) << "an empty one is none";
}

TEST(Http, a_body_is_not_waited_for_when_the_head_is_refused) {
  Relay relay(configWithKeys());
  Client client(relay.port());
  client.sendRaw(
      "POST /v1/rooms HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(client.readReply().status, 401) << "none of the body was sent";
}

TEST(Http, expect_100_continue_is_answered_however_it_is_spelled) {
  Relay relay;
  for (const std::string expect : {"100-continue", "100-Continue", "100-CONTINUE"}) {
    Client client(relay.port());
    const std::string body = R"({"name": ")" + expect + R"("})";
    client.sendRaw("POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\nExpect: " + expect + "\r\n\r\n");
    EXPECT_EQ(client.readReply().status, 100) << expect;
    client.sendRaw(body);
    EXPECT_EQ(client.readReply().status, 201) << expect;
  }
}

TEST(Http, slow_clients_are_told_and_closed) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 1s;
  tuning.idle_timeout = 1s;
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
  EXPECT_TRUE(silent.closesWithin(20'000));
  EXPECT_TRUE(between.closesWithin(20'000));
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz").status, 200) << "others are served meanwhile";
}

TEST(Http, a_trickle_of_bytes_does_not_prolong_a_request) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 400ms;
  Relay relay({}, tuning);
  Client client(relay.port());
  client.sendRaw("GET /healthz HTTP/1.1\r\n");
  std::atomic<bool> answered = false, gave_up = false;
  std::thread trickle([&] {
    for (int i = 0; i < 200 && !answered; ++i) {
      client.sendRaw("X: y\r\n");
      std::this_thread::sleep_for(50ms);
    }
    gave_up = !answered;
  });
  EXPECT_EQ(client.readReply().status, 408);
  EXPECT_FALSE(gave_up) << "answered while bytes still came";
  answered = true;
  trickle.join();
}

/// The answers are far more than any socket buffer holds, and nobody reads them.
void askTooMuch(Client& client) {
  client.setReceiveBuffer(4096);
  std::string many;
  for (int i = 0; i < 400; ++i) many += "GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.sendRaw(many);
}

TEST(Http, a_client_that_does_not_read_is_closed) {
  HttpTuning tuning = shortTuning();
  tuning.request_timeout = 300ms;
  Relay relay({}, tuning);
  Client client(relay.port());
  askTooMuch(client);
  EXPECT_TRUE(eventually([&relay] {
    return relay.metrics().find("penstock_http_connections_refused_total{reason=\"slow_client\"} 1") !=
           std::string::npos;
  }));
}

TEST(Http, connections_over_the_limit_are_told_so_where_all_have_tokens) {
  Config config = configWithKeys();
  config.http.connections_max = 2;
  Relay relay(config);
  const HeaderList bearer{{"Authorization", "Bearer " + token("*", "admin")}};
  Client first(relay.port()), second(relay.port());
  EXPECT_EQ(first.request("GET", "/v1/rooms", bearer).status, 200);
  EXPECT_EQ(second.request("GET", "/v1/rooms", bearer).status, 200);
  {
    Client third(relay.port());
    const Reply reply = third.request("GET", "/healthz");
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.code(), "overloaded");
    EXPECT_FALSE(reply.header("retry-after").empty());
    EXPECT_TRUE(third.closesWithin(20'000));
  }
  EXPECT_EQ(fetch(relay.port(), "GET", "/v1/rooms", bearer).status, 200) << "a token is looked at even so";
  EXPECT_EQ(first.request("GET", "/v1/rooms", bearer).status, 200);
}

TEST(Http, one_address_without_a_token_cannot_hold_all_connections) {
  Config config = configWithKeys();
  config.http.connections_max = 640;
  Relay relay(config);
  const HeaderList bearer{{"Authorization", "Bearer " + token("*", "admin")}};
  Client honest(relay.port());
  EXPECT_EQ(honest.request("GET", "/v1/rooms", bearer).status, 200);
  std::vector<std::unique_ptr<Client>> crowd;  // 16 of 640 may be of one address
  for (int i = 0; i < 100; ++i) {
    crowd.push_back(std::make_unique<Client>(relay.port()));
    crowd.back()->sendRaw("GET /healthz HTT");  // for ever
  }
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz").status, 200) << "the newest is served";
  EXPECT_TRUE(crowd[0]->closesWithin(1000)) << "the oldest is gone";
  EXPECT_EQ(honest.request("GET", "/v1/rooms", bearer).status, 200) << "with a token it does not count";
  crowd.back()->sendRaw("P/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(crowd.back()->readReply().status, 200) << "one of the newest";
}

TEST(Http, an_exception_is_an_answer_too) {
  Relay relay;
  relay.run([](FakeService& service) { service.throw_on_join = true; });
  const Reply reply = fetch(relay.port(), "POST", "/whip/x", {{"Content-Type", "application/sdp"}}, "v=0\r\n");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.code(), "internal");
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz").status, 200);
}

std::chrono::nanoseconds stoppingTakes(Relay& relay) {
  const auto start = std::chrono::steady_clock::now();
  relay.stop();
  return std::chrono::steady_clock::now() - start;
}

TEST(Http, stopping_lets_go_of_idle_connections_at_once) {
  Relay relay, busy;
  Client idle(relay.port()), silent(busy.port());
  askTooMuch(silent);
  EXPECT_EQ(idle.request("GET", "/healthz").status, 200);
  const auto took = stoppingTakes(relay);
  EXPECT_LT(took, stoppingTakes(busy) / 2) << "two seconds is for those that do not let go";
  EXPECT_TRUE(idle.closesWithin(20'000));
  EXPECT_THROW(Client another(relay.port()), std::runtime_error);
}

TEST(Http, cors_is_for_the_configured_origin_only) {
  Config config;
  config.http.allow_origin = "https://app.example";
  Relay relay(config);
  const HeaderList ours{{"Origin", "https://app.example"}}, foreign{{"Origin", "https://evil.example"}};
  const Reply good = fetch(relay.port(), "GET", "/v1/rooms", ours);
  EXPECT_EQ(good.header("access-control-allow-origin"), "https://app.example");
  for (const char* name : {"Location", "ETag", "Link", "Accept-Patch", "Accept-Post", "Retry-After"})
    EXPECT_NE(good.header("access-control-expose-headers").find(name), std::string::npos) << name;
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

}  // namespace
}  // namespace penstock::test
