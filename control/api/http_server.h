// The one HTTP server of penstockd: JSON API, WebSocket, WHIP, WHEP, events, metrics and the pages. On the control
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "control/api/encoding.h"
#include "control/metrics/metrics.h"
#include "control/signalling/sdp.h"
#include "control/signalling/service.h"

namespace boost::asio {
class io_context;
}

namespace penstock {

/// What is fixed for a running relay, and made short by tests.
struct HttpTuning {
  std::string web_directory;  // where the pages are read from; empty = http.web-directory, else the installed one
  size_t header_max_bytes = 16 * 1024;
  std::chrono::milliseconds request_timeout{0};       // 0 = http.request-timeout
  std::chrono::milliseconds idle_timeout{30'000};     // between two requests of one connection
  std::chrono::milliseconds ready_within{250};        // what Response::ready may hold back
  std::function<uint64_t()> unix_now_ms = unixNowMs;  // what tokens are good by
  std::chrono::milliseconds event_heartbeat{15'000};
  size_t event_queue_max = 1024;  // events waiting for one client of /v1/events
  std::chrono::milliseconds ping_interval{10'000};
  std::chrono::milliseconds silence_max{30'000};
  std::chrono::nanoseconds client_cpu{0};  // of each second, for one client; 0 = http.client-cpu-percent
  std::chrono::nanoseconds client_cpu_burst = std::chrono::seconds(1);
  size_t socket_queue_max_messages = 512;
  size_t socket_message_max_bytes = 64 * 1024;  // of the first message
  /// Of who joined: the answer to the largest offer that there is.
  size_t socket_joined_message_max_bytes = sdp::jsonBytesMax(sdp::kMediaMax);
  size_t socket_queue_max_bytes = 2 * sdp::jsonBytesMax(sdp::kMediaMax);  // an offer, and what comes behind it
};

/// Without auth.key only loopback addresses are listened on: whoever reaches the API may do everything.
/// Lifetime: `service` and `metrics` outlive the server; the server outlives io_context::run().
class HttpServer {
 public:
  /// Reads certificate, key and pages; throws std::runtime_error naming the setting that is wrong.
  HttpServer(boost::asio::io_context& io, const Config& config, Service& service, Metrics& metrics,
             const HttpTuning& tuning = {});
  ~HttpServer();

  /// Binds and listens; throws std::runtime_error naming the address.
  void start();
  /// Bound ports, in the order of http.listen (which may say port 0).
  std::vector<uint16_t> ports() const;
  /// No new connections; requests that are being answered get their answer; WebSockets close with 1011. `done` is
  /// called once, when the last connection is gone or after two seconds.
  void stop(std::function<void()> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace penstock
