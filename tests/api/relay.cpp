// See relay.h.
#include "tests/api/relay.h"

#include <future>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "control/api/encoding.h"
#include "control/api/jwt.h"

namespace penstock::test {

using namespace std::chrono_literals;

HttpTuning shortTuning() {
  HttpTuning tuning;
  tuning.web_directory = "/nonexistent";
  tuning.request_timeout = 2s;
  tuning.idle_timeout = 2s;
  return tuning;
}

struct Relay::Impl {
  explicit Impl(const Config& config, const HttpTuning& tuning) : server(io, config, service, metrics, tuning) {}

  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  FakeService service;
  FakeReports reports;
  Metrics metrics{reports};
  HttpServer server;
  std::thread thread;
  bool stopped = false;
};

Relay::Relay(Config config, HttpTuning tuning) {
  config.http.listen = {"127.0.0.1:0"};
  impl_ = std::make_unique<Impl>(config, tuning);
  impl_->server.start();
  port_ = impl_->server.ports().at(0);
  impl_->thread = std::thread([this] { impl_->io.run(); });
}

Relay::~Relay() {
  stop();
  impl_->work.reset();
  impl_->io.stop();
  impl_->thread.join();
}

void Relay::post(std::function<void()> work) {
  boost::asio::post(impl_->io, std::move(work));
}

void Relay::run(const std::function<void(FakeService&)>& work) {
  std::promise<void> done;
  post([&] {
    work(impl_->service);
    done.set_value();
  });
  done.get_future().get();
}

void Relay::runReports(const std::function<void(FakeReports&)>& work) {
  run([&](FakeService&) { work(impl_->reports); });
}

std::string Relay::metrics() {
  std::string text;
  run([&](FakeService& service) { text = impl_->metrics.expose(service.rooms()); });
  return text;
}

void Relay::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  std::promise<void> done;
  post([&] { impl_->server.stop([&] { done.set_value(); }); });
  done.get_future().get();
}

std::string token(const std::string& room, const std::string& rights, int64_t expires_in_s,
                  const std::string& subject) {
  boost::json::object grant{{"name", room}};
  for (const char* right : {"join", "publish", "subscribe", "moderate", "admin"}) {
    if (rights.find(right) != std::string::npos) grant[right] = true;
  }
  const auto now = static_cast<int64_t>(unixNowMs() / 1000);
  return signToken({{"alg", "HS256"}, {"kid", kKeyId}},
                   {{"exp", now + expires_in_s}, {"sub", subject}, {"room", grant}}, kSecret);
}

void startAndStop(const Config& config) {
  boost::asio::io_context io;
  FakeService service;
  FakeReports reports;
  Metrics metrics(reports);
  HttpServer server(io, config, service, metrics, shortTuning());
  server.start();
  server.stop([] {});
  io.run_for(1s);
}

Config configWithKeys() {
  Config config;
  config.auth.key = {kKeyId + ":" + kSecret};
  return config;
}

}  // namespace penstock::test
