// Room events on their way out: server-sent events, and the webhook. Also the pages, and TLS.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>

#include "control/api/digest.h"
#include "control/api/encoding.h"
#include "control/api/event_hub.h"
#include "control/api/webhook.h"
#include "tests/api/client.h"
#include "tests/api/relay.h"

namespace penstock::test {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

TEST(Events, are_told_as_they_happen_with_room_and_time) {
  Relay relay;
  Client all(relay.port()), one(relay.port());
  all.sendRaw("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  one.sendRaw("GET /v1/events?room=x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (Client* client : {&all, &one}) {
    const Reply head = client->readReply();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.header("content-type"), "text/event-stream");
    EXPECT_TRUE(client->readUntil("retry: 2000\n\n"));
  }
  relay.run([](FakeService& service) {
    (void)service.openRoom("y", {});
    (void)service.openRoom("x", {});
  });
  const auto first = all.readUntil("\n\n"), second = all.readUntil("\n\n"), only = one.readUntil("\n\n");
  ASSERT_TRUE(first && second && only);
  EXPECT_TRUE(first->starts_with("event: room_opened\nid: 1\ndata: {")) << *first;
  EXPECT_TRUE(second->starts_with("event: room_opened\nid: 2\ndata: {")) << *second;
  EXPECT_EQ(*only, *second);
  const size_t data = second->find("data: ") + 6;
  const json::object event = json::parse(second->substr(data, second->size() - data - 2)).as_object();
  EXPECT_EQ(event.at("type").as_string(), "room_opened");
  EXPECT_EQ(event.at("room").as_string(), "x");
  EXPECT_EQ(event.at("time").as_string().size(), 24u);
}

TEST(Events, a_quiet_stream_has_a_heartbeat_and_ends_with_the_relay) {
  HttpTuning tuning = shortTuning();
  tuning.event_heartbeat = 50ms;
  Relay relay({}, tuning);
  Client client(relay.port());
  client.sendRaw("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.readUntil(": still here\n\n"));
  relay.stop();
  EXPECT_TRUE(client.closesWithin(20'000));
}

TEST(Events, a_slow_client_is_dropped_and_counted) {
  HttpTuning tuning = shortTuning();
  tuning.event_queue_max = 8;
  Relay relay({}, tuning);
  Client client(relay.port());
  client.setReceiveBuffer(4096);
  client.sendRaw("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(client.readUntil("retry: 2000\n\n"));
  const std::string large(200'000, 'x');
  bool dropped = false;
  for (int i = 0; i < 200 && !dropped; ++i) {
    relay.run([&](FakeService& service) { service.say("x", "", {{"type", "speakers"}, {"filler", large}}); });
    dropped = relay.metrics().find("penstock_event_clients_dropped_total 1") != std::string::npos;
  }
  EXPECT_TRUE(dropped);
  EXPECT_EQ(fetch(relay.port(), "GET", "/healthz").status, 200);
}

TEST(Events, with_keys_a_browser_brings_its_token_in_the_query) {
  Relay relay(configWithKeys());
  Client client(relay.port());
  client.sendRaw("GET /v1/events?room=x&access_token=" + token("x", "moderate") +
                 " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.readReply().status, 200);
}

TEST(Events, a_stream_ends_with_the_token_that_opened_it) {
  std::atomic<uint64_t> now = unixNowMs();
  HttpTuning tuning = shortTuning();
  tuning.unix_now_ms = [&now] { return now.load(); };
  Relay relay(configWithKeys(), tuning);
  Client brief(relay.port()), lasting(relay.port());
  const auto open = [](Client& client, int64_t seconds) {
    client.sendRaw("GET /v1/events?room=x&access_token=" + token("x", "moderate", seconds) +
                   " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(client.readUntil("retry: 2000\n\n"));
  };
  open(brief, 60);
  open(lasting, 3600);
  now += 66'000;
  const auto last = brief.readUntil("\n\n");
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->starts_with("event: token_expired\ndata: {\"type\":\"token_expired\",")) << *last;
  EXPECT_TRUE(brief.closesWithin(20'000));
  relay.run([](FakeService& service) { service.say("x", "", {{"type", "track_muted"}}); });
  const auto next = lasting.readUntil("\n\n");
  EXPECT_TRUE(next && next->starts_with("event: track_muted\n")) << "it goes on";
}

TEST(Events, are_not_told_to_who_has_no_right_any_more) {
  FakeReports reports;
  Metrics metrics(reports);
  EventHub hub(8, metrics);
  const auto brief = hub.open("", 5'000), without = hub.open("", std::nullopt);
  (void)brief->take();
  (void)without->take();
  hub.expire(4'999);
  EXPECT_FALSE(brief->ended());
  hub.onNotice({"x", {{"type", "room_opened"}}});
  hub.expire(5'000);
  EXPECT_TRUE(brief->ended());
  hub.onNotice({"x", {{"type", "room_closed"}}});
  const std::string told = brief->take();
  EXPECT_NE(told.find("room_opened"), std::string::npos) << "what happened before still arrives";
  EXPECT_NE(told.find("token_expired"), std::string::npos);
  EXPECT_EQ(told.find("room_closed"), std::string::npos);
  EXPECT_FALSE(without->ended());
}

/// Answers each POST of the webhook as the test says, one connection after the other.
class Hook {
 public:
  explicit Hook(std::vector<std::string> answers) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof(at)) != 0 || listen(listener_, 8) != 0) std::abort();
    socklen_t length = sizeof(at);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) requests_.push_back(serve(answer));
    });
  }
  ~Hook() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook?a=b"; }
  std::vector<std::string> requests() {
    thread_.join();
    return requests_;
  }

 private:
  std::string serve(const std::string& answer) {
    const int fd = accept(listener_, nullptr, nullptr);
    std::string request;
    size_t need = std::string::npos;
    while (request.size() < need) {
      char bytes[4096];
      const ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
      if (n <= 0) break;
      request.append(bytes, static_cast<size_t>(n));
      const size_t end = request.find("\r\n\r\n"), length = request.find("Content-Length: ");
      if (end != std::string::npos) need = end + 4 + std::stoul(request.substr(length + 16));
    }
    (void)!write(fd, answer.data(), answer.size());
    close(fd);
    return request;
  }

  int listener_;
  uint16_t port_ = 0;
  std::thread thread_;
  std::vector<std::string> requests_;
};

constexpr char kOk[] = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr char kBusy[] = "HTTP/1.1 503 Service Unavailable\r\n\r\n";

TEST(WebhookDelivery, is_signed_in_order_and_tried_again) {
  Hook hook({kBusy, "", "nonsense\r\n", kOk, kOk});
  boost::asio::io_context io;
  FakeReports reports;
  Metrics metrics(reports);
  Webhook webhook(io, {hook.url(), "secret"}, metrics, {.retry_first_ms = 1, .retry_max_ms = 5});
  webhook.onNotice({"x", {{"type", "room_opened"}}});
  webhook.onNotice({"x", {{"type", "room_closed"}}});
  const auto count = [&](const char* result) {
    const std::string line = "penstock_webhook_notices_total{result=\"" + std::string(result) + "\"} ";
    const std::string text = metrics.expose({});
    const size_t at = text.find(line);
    return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + line.size());
  };
  for (int i = 0; i < 500 && count("delivered") < 2; ++i) io.run_for(10ms);
  EXPECT_EQ(count("delivered"), 2);
  EXPECT_EQ(count("retried"), 3);
  webhook.stop();
  io.run_for(100ms);
  const auto requests = hook.requests();
  ASSERT_EQ(requests.size(), 5u);
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string& request = requests[i];
    EXPECT_TRUE(request.starts_with("POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:")) << request;
    const std::string body = request.substr(request.find("\r\n\r\n") + 4);
    EXPECT_NE(request.find("Penstock-Signature: sha256=" + hexadecimal(hmacSha256("secret", body)) + "\r\n"),
              std::string::npos);
    EXPECT_EQ(json::parse(body).at("type").as_string(), i < 4 ? "room_opened" : "room_closed");
    EXPECT_EQ(json::parse(body).at("room").as_string(), "x");
  }
}

TEST(WebhookDelivery, gives_up_and_drops_but_never_blocks) {
  boost::asio::io_context io;
  FakeReports reports;
  Metrics metrics(reports);
  // Port 1 of loopback: refused at once.
  Webhook webhook(io, {"http://127.0.0.1:1/", ""}, metrics,
                  {.queue_max = 3, .attempts_max = 2, .retry_first_ms = 1, .retry_max_ms = 1});
  for (int i = 0; i < 5; ++i) webhook.onNotice({"x", {{"type", "room_opened"}}});
  EXPECT_NE(metrics.expose({}).find("{result=\"dropped\"} 2\n"), std::string::npos) << "the queue holds three";
  for (int i = 0; i < 300 && metrics.expose({}).find("{result=\"dropped\"} 5\n") == std::string::npos; ++i)
    io.run_for(10ms);
  EXPECT_NE(metrics.expose({}).find("{result=\"dropped\"} 5\n"), std::string::npos);
  EXPECT_NE(metrics.expose({}).find("{result=\"retried\"} 3\n"), std::string::npos);
}

TEST(WebhookDelivery, a_url_that_cannot_be_used_stops_the_start) {
  boost::asio::io_context io;
  FakeReports reports;
  Metrics metrics(reports);
  EXPECT_THROW(Webhook(io, {"https://hooks.example/", ""}, metrics), std::runtime_error);
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "penstock_api_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(PagesServed, with_type_tag_and_policy) {
  TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "web/assets/deep");
  std::ofstream(directory / "web/index.html") << "<!doctype html>";
  std::ofstream(directory / "web/status.html") << "status";
  std::ofstream(directory / "web/assets/room.js") << "export {}";
  std::ofstream(directory / "web/assets/deep/a.css") << "a{}";
  std::ofstream(directory / "web/assets/.hidden") << "hidden";
  std::ofstream(directory / "secret") << "secret";
  HttpTuning tuning = shortTuning();
  tuning.web_directory = directory / "web";
  Relay relay(configWithKeys(), tuning);
  const Reply page = fetch(relay.port(), "GET", "/", {{"Host", "relay.example:8443"}});
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<!doctype html>");
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(page.header("x-frame-options"), "DENY");
  const std::string policy = page.header("content-security-policy");
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_NE(policy.find("connect-src 'self' ws://relay.example:8443 wss://relay.example:8443;"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  const Reply injected = fetch(relay.port(), "GET", "/", {{"Host", "a; script-src *"}});
  EXPECT_EQ(injected.header("content-security-policy").find("script-src *"), std::string::npos);

  EXPECT_EQ(fetch(relay.port(), "GET", "/", {{"If-None-Match", page.header("etag")}}).status, 304);
  EXPECT_EQ(fetch(relay.port(), "GET", "/", {{"If-None-Match", "\"other\""}}).status, 200);
  EXPECT_EQ(fetch(relay.port(), "GET", "/status").body, "status");
  EXPECT_EQ(fetch(relay.port(), "GET", "/assets/room.js").header("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(fetch(relay.port(), "GET", "/assets/deep/a.css").body, "a{}");
  for (const char* outside :
       {"/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/..%2f..%2fsecret", "/assets/.hidden", "/assets/",
        "/assets", "/assets/deep", "/index.html", "/assets/%2fetc%2fpasswd"}) {
    const int status = fetch(relay.port(), "GET", outside).status;
    EXPECT_TRUE(status == 404 || status == 400) << outside << " " << status;
  }
}

TEST(Tls, is_1_2_or_newer_and_serves_the_same) {
  TemporaryDirectory directory;
  const std::string certificate = directory / "c.pem", key = directory / "k.pem";
  ASSERT_EQ(std::system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "
                         "/CN=localhost -keyout " +
                         key + " -out " + certificate + " 2>/dev/null")
                            .c_str()),
            0);
  Config config;
  config.http.tls_certificate = certificate;
  config.http.tls_key = key;
  Relay relay(config);
  const std::string output = directory / "out";
  const auto ask = [&](const std::string& options) {
    const std::string command =
        "printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' | "
        "timeout 10 openssl s_client -quiet -connect 127.0.0.1:" +
        std::to_string(relay.port()) + " " + options + " >" + output + " 2>&1";
    (void)!std::system(command.c_str());
    std::ifstream in(output);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_NE(ask("-tls1_3").find("HTTP/1.1 200 OK"), std::string::npos);
  EXPECT_NE(ask("-tls1_2").find("HTTP/1.1 200 OK"), std::string::npos);
  EXPECT_EQ(ask("-tls1_1 -cipher ALL:@SECLEVEL=0").find("HTTP/1.1"), std::string::npos);
  Client plain(relay.port());
  plain.sendRaw("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(plain.readReply().status, 0) << "no plain text on a TLS port";
}

}  // namespace
}  // namespace penstock::test
