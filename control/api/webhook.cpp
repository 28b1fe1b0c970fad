// See webhook.h. One POST per connection, and no HTTP library: the answer's status line is all that matters.
#include "control/api/webhook.h"

#include <algorithm>
#include <deque>
#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>

#include "control/api/digest.h"
#include "control/api/encoding.h"
#include "control/api/event_hub.h"

namespace penstock {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

/// Twice as long after each failure.
std::chrono::milliseconds retryAfter(const WebhookTuning& tuning, unsigned failures) {
  uint64_t wait_ms = tuning.retry_first_ms;
  for (unsigned i = 1; i < failures && wait_ms < tuning.retry_max_ms; ++i) wait_ms *= 2;
  return std::chrono::milliseconds(std::min<uint64_t>(wait_ms, tuning.retry_max_ms));
}

/// True for a 2xx status line.
bool isSuccess(std::string_view answer) {
  return answer.starts_with("HTTP/1.") && answer.substr(8, 2) == " 2";
}

}  // namespace

std::optional<WebhookTarget> parseWebhookUrl(const std::string& url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->scheme() != "http" || parsed->host().empty() || parsed->has_userinfo()) return std::nullopt;
  WebhookTarget target;
  target.host = parsed->host_address();
  target.port = parsed->port().empty() ? "80" : std::string(parsed->port());
  target.authority = std::string(parsed->encoded_host_and_port());
  target.path = std::string(parsed->encoded_target());
  if (!target.path.starts_with('/')) target.path.insert(0, "/");
  return target;
}

struct Webhook::Impl : std::enable_shared_from_this<Webhook::Impl> {
  Impl(asio::io_context& io, WebhookTarget target_, std::string secret_, Metrics& metrics_,
       const WebhookTuning& tuning_)
      : target(std::move(target_)),
        secret(std::move(secret_)),
        metrics(metrics_),
        tuning(tuning_),
        resolver(io),
        socket(io),
        deadline(io),
        wake(io) {}

  asio::awaitable<void> run();
  asio::awaitable<bool> deliver(const std::string& body);
  std::string request(const std::string& body) const;
  void expire();

  const WebhookTarget target;
  const std::string secret;
  Metrics& metrics;
  const WebhookTuning tuning;
  tcp::resolver resolver;
  tcp::socket socket;
  asio::steady_timer deadline;
  asio::steady_timer wake;
  std::deque<std::string> queue;
  bool stopped = false;
};

std::string Webhook::Impl::request(const std::string& body) const {
  std::string head =
      "POST " + target.path + " HTTP/1.1\r\nHost: " + target.authority +
      "\r\nContent-Type: application/json\r\nUser-Agent: penstock\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n";
  if (!secret.empty()) head += "Penstock-Signature: sha256=" + hexadecimal(hmacSha256(secret, body)) + "\r\n";
  return head + "\r\n" + body;
}

void Webhook::Impl::expire() {
  deadline.expires_after(std::chrono::milliseconds(tuning.timeout_ms));
  deadline.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (error || !self) return;
    boost::system::error_code ignored;
    self->resolver.cancel();
    self->socket.close(ignored);
  });
}

asio::awaitable<bool> Webhook::Impl::deliver(const std::string& body) {
  boost::system::error_code ignored;
  socket.close(ignored);
  expire();
  auto [resolve_error, addresses] = co_await resolver.async_resolve(target.host, target.port, kAwait);
  if (resolve_error || stopped) co_return false;
  auto [connect_error, address] = co_await asio::async_connect(socket, addresses, kAwait);
  if (connect_error) co_return false;
  const std::string text = request(body);
  auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(text), kAwait);
  if (write_error) co_return false;
  std::string answer;
  auto [read_error, length] =
      co_await asio::async_read_until(socket, asio::dynamic_buffer(answer, 8192), std::string("\r\n"), kAwait);
  deadline.cancel();
  socket.close(ignored);
  co_return !read_error && isSuccess(answer);
}

asio::awaitable<void> Webhook::Impl::run() {
  const auto keep_alive = shared_from_this();
  unsigned failures = 0;
  while (!stopped) {
    if (queue.empty()) {
      wake.expires_at(asio::steady_timer::time_point::max());
      (void)co_await wake.async_wait(kAwait);
      continue;
    }
    const std::string body = queue.front();
    const bool delivered = co_await deliver(body);
    if (stopped) co_return;
    if (delivered || ++failures >= tuning.attempts_max) {
      metrics.webhook(delivered ? "delivered" : "dropped");
      failures = 0;
      queue.pop_front();
      continue;
    }
    metrics.webhook("retried");
    wake.expires_after(retryAfter(tuning, failures));
    (void)co_await wake.async_wait(kAwait);
  }
}

Webhook::Webhook(asio::io_context& io, const WebhookConfig& config, Metrics& metrics, const WebhookTuning& tuning) {
  auto target = parseWebhookUrl(config.url);
  if (!target) throw std::runtime_error("webhook.url: \"" + config.url + "\": write http://host[:port][/path]");
  impl_ = std::make_shared<Impl>(io, std::move(*target), config.secret, metrics, tuning);
  asio::co_spawn(io, impl_->run(), asio::detached);
}

Webhook::~Webhook() {
  stop();
}

void Webhook::onNotice(const Notice& notice) {
  if (impl_->stopped) return;
  if (impl_->queue.size() >= impl_->tuning.queue_max) return impl_->metrics.webhook("dropped");
  impl_->queue.push_back(boost::json::serialize(noticeWithRoomAndTime(notice, unixNowMs())));
  // Only a worker that waits for work is woken; one that waits before a retry goes on waiting.
  if (impl_->queue.size() == 1) impl_->wake.cancel();
}

void Webhook::stop() {
  impl_->stopped = true;
  impl_->queue.clear();
  boost::system::error_code ignored;
  impl_->resolver.cancel();
  impl_->socket.close(ignored);
  impl_->deadline.cancel();
  impl_->wake.cancel();
}

}  // namespace penstock
