// See websocket.h. Three strands of work share one session: a reader (the connection's own coroutine), a writer that
// empties the queue, and a keeper that pings and notices silence.
#include "control/api/websocket.h"

#include <deque>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "control/api/conference.h"

namespace penstock {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPauseMax{10};  // a client that would have to wait longer for its next message is closed

class SocketSession : public MessageChannel, public std::enable_shared_from_this<SocketSession> {
 public:
  SocketSession(ServerState& server, Stream& stream, std::shared_ptr<MessageHandler> handler, std::string payer)
      : server_(server),
        stream_(stream),
        ws_(stream),
        handler_(std::move(handler)),
        payer_(std::move(payer)),
        pause_(stream.get_executor()),
        wake_(stream.get_executor()),
        tick_(stream.get_executor()),
        finished_(stream.get_executor()) {}

  asio::awaitable<void> run(UpgradeRequest upgrade, Headers headers);

  void send(std::string text) override;
  void close(uint16_t code, std::string reason) override;

 private:
  asio::awaitable<bool> accept(const UpgradeRequest& upgrade, Headers headers);
  asio::awaitable<void> read();
  void handle(std::string_view message);
  asio::awaitable<void> untilSolvent();
  asio::awaitable<void> write();
  asio::awaitable<void> keep();
  void ping();
  void end(std::string_view reason);
  template <class Work>
  void start(Work work);
  void stopped() {
    if (--running_ == 0) finished_.cancel();
  }

  ServerState& server_;
  Stream& stream_;
  websocket::stream<Stream&, false> ws_;
  std::shared_ptr<MessageHandler> handler_;
  const std::string payer_;
  asio::steady_timer pause_;     // the reader's, whose client has spent its budget
  asio::steady_timer wake_;      // the writer's: something is in the queue
  asio::steady_timer tick_;      // the keeper's
  asio::steady_timer finished_;  // run()'s: writer, keeper and ping are done
  std::deque<std::string> queue_;
  size_t queued_bytes_ = 0;
  std::optional<websocket::close_reason> close_reason_;
  std::string_view ended_;  // why, once it has
  bool pinging_ = false;
  int running_ = 0;
  Clock::time_point heard_ = Clock::now();
};

void SocketSession::send(std::string text) {
  if (!ended_.empty() || close_reason_) return;
  if (queue_.size() >= server_.tuning.socket_queue_max_messages ||
      queued_bytes_ + text.size() > server_.tuning.socket_queue_max_bytes) {
    return end("slow_client");
  }
  queued_bytes_ += text.size();
  queue_.push_back(std::move(text));
  wake_.cancel();
}

void SocketSession::close(uint16_t code, std::string reason) {
  if (!ended_.empty() || close_reason_) return;
  close_reason_.emplace(static_cast<websocket::close_code>(code), reason.substr(0, 120));
  wake_.cancel();
}

void SocketSession::end(std::string_view reason) {
  if (!ended_.empty()) return;
  ended_ = reason;
  stream_.close();
  wake_.cancel();
  tick_.cancel();
  pause_.cancel();
}

template <class Work>
void SocketSession::start(Work work) {
  ++running_;
  asio::co_spawn(stream_.get_executor(), std::move(work),
                 [self = shared_from_this()](std::exception_ptr) { self->stopped(); });
}

asio::awaitable<bool> SocketSession::accept(const UpgradeRequest& upgrade, Headers headers) {
  ws_.set_option(websocket::stream_base::timeout{std::chrono::seconds(5), websocket::stream_base::none(), false});
  ws_.set_option(websocket::stream_base::decorator([headers = std::move(headers)](websocket::response_type& response) {
    for (const auto& [name, value] : headers) response.set(name, value);
  }));
  ws_.read_message_max(server_.tuning.socket_message_max_bytes);
  ws_.auto_fragment(false);
  ws_.text(true);
  ws_.control_callback([this](websocket::frame_type, std::string_view) { heard_ = Clock::now(); });
  auto [error] = co_await ws_.async_accept(upgrade, kAwait);
  co_return !error;
}

asio::awaitable<void> SocketSession::run(UpgradeRequest upgrade, Headers headers) {
  const bool accepted = co_await accept(upgrade, std::move(headers));
  if (accepted) {
    handler_->onOpen(shared_from_this());
    start([this] { return write(); });
    start([this] { return keep(); });
    co_await read();
  }
  end(accepted ? "closed" : "handshake_failed");
  while (running_ > 0) {
    finished_.expires_at(asio::steady_timer::time_point::max());
    (void)co_await finished_.async_wait(kAwait);
  }
  server_.metrics.webSocketClosed(ended_);
  handler_->onClosed();
}

asio::awaitable<void> SocketSession::read() {
  boost::beast::flat_buffer buffer;
  while (ended_.empty()) {
    auto [error, length] = co_await ws_.async_read(buffer, kAwait);
    if (error) {
      if (error == websocket::error::message_too_big) end("message_too_long");
      co_return;
    }
    heard_ = Clock::now();
    handle({static_cast<const char*>(buffer.data().data()), buffer.size()});
    buffer.consume(buffer.size());
    if (handler_->settled()) ws_.read_message_max(server_.tuning.socket_joined_message_max_bytes);
    co_await untilSolvent();
  }
}

void SocketSession::handle(std::string_view message) {
  if (close_reason_) return;
  const Spending spending(server_.budgets, payer_);
  if (ws_.got_text())
    handler_->onText(message);
  else
    handler_->onBinary();
}

/// What is not read fills the client's window: it cannot send more than we want to know.
asio::awaitable<void> SocketSession::untilSolvent() {
  for (bool counted = false; ended_.empty() && !close_reason_;) {
    const auto wait = server_.budgets.wait(payer_, CpuBudgets::now());
    if (wait.count() == 0) co_return;
    if (!std::exchange(counted, true)) server_.metrics.clientBudgetSpent("message");
    if (wait > kPauseMax) co_return close(kClosePolicy, "budget_spent");
    pause_.expires_after(wait);
    (void)co_await pause_.async_wait(kAwait);
    heard_ = Clock::now();
  }
}

asio::awaitable<void> SocketSession::write() {
  while (ended_.empty()) {
    if (!queue_.empty()) {
      const std::string text = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= text.size();
      auto [error, length] = co_await ws_.async_write(asio::buffer(text), kAwait);
      if (error) co_return;
    } else if (close_reason_) {
      (void)co_await ws_.async_close(*close_reason_, kAwait);
      co_return;
    } else {
      wake_.expires_at(asio::steady_timer::time_point::max());
      (void)co_await wake_.async_wait(kAwait);
    }
  }
}

asio::awaitable<void> SocketSession::keep() {
  const auto opened = Clock::now();
  auto next_ping = opened + server_.tuning.ping_interval;
  const auto interval = std::min<Clock::duration>(std::chrono::seconds(1), server_.tuning.ping_interval / 2);
  while (ended_.empty()) {
    tick_.expires_after(interval);
    (void)co_await tick_.async_wait(kAwait);
    if (!ended_.empty()) co_return;
    handler_->onTick();
    const auto now = Clock::now();
    if (now - heard_ > server_.tuning.silence_max) co_return end("silent");
    if (!handler_->settled() && now - opened > server_.tuning.request_timeout) close(kClosePolicy, "join_first");
    if (now < next_ping) continue;
    next_ping = now + server_.tuning.ping_interval;
    ping();
  }
}

/// Not awaited: behind a write that does not get through, the keeper must still notice the silence.
void SocketSession::ping() {
  if (pinging_ || close_reason_) return;
  pinging_ = true;
  ++running_;
  ws_.async_ping({}, [self = shared_from_this()](boost::system::error_code) {
    self->pinging_ = false;
    self->stopped();
  });
}

}  // namespace

asio::awaitable<void> runWebSocket(ServerState& server, Stream& stream, UpgradeRequest upgrade, Response response,
                                   std::string payer, WebSocketControl& control) {
  const auto session = std::make_shared<SocketSession>(server, stream, response.socket, std::move(payer));
  control.stop = [weak = std::weak_ptr<SocketSession>(session)] {
    if (const auto running = weak.lock()) running->close(kCloseStopping, "the relay stops");
  };
  co_await session->run(std::move(upgrade), std::move(response.headers));
  control.stop = nullptr;
}

}  // namespace penstock
