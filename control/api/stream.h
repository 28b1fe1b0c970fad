// A TCP connection with or without TLS as one type, with one deadline. Included by connection.cpp,
// websocket.cpp and tls_handshakes.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>

#include "control/api/tls_handshakes.h"

namespace penstock {

/// Operations return (error, result) instead of throwing: a broken connection is no exception.
inline constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

class Stream {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Socket = boost::asio::ip::tcp::socket;

  /// `session`: what came of the TLS handshake; nullptr without TLS.
  Stream(Socket socket, TlsSession session) : socket_(std::move(socket)), deadline_(socket_.get_executor()) {
    if (session) tls_.emplace(socket_, session.release());
  }

  executor_type get_executor() { return socket_.get_executor(); }
  bool secure() const { return tls_.has_value(); }
  Socket& socket() { return socket_; }
  boost::asio::ssl::stream<Socket&>& tls() { return *tls_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
    return socket_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
    return socket_.async_write_some(buffers, std::forward<Token>(token));
  }

  /// What is under way then ends with operation_aborted; the socket stays open, so that a plain client can be told why.
  void expireAfter(std::chrono::milliseconds time) {
    expireNever();
    deadline_.expires_after(time);
    deadline_.async_wait([this, life = std::weak_ptr<uint64_t>(deadline_number_),
                          number = *deadline_number_](boost::system::error_code error) {
      const auto current = life.lock();
      if (error || !current || *current != number) return;
      expired_ = true;
      boost::system::error_code ignored;
      socket_.cancel(ignored);
    });
  }
  void expireNever() {
    ++*deadline_number_;  // an expiry that is already queued is about the past
    expired_ = false;
    deadline_.cancel();
  }
  bool expired() const { return expired_; }

  /// Ends whatever is under way; may be called at any time, more than once.
  void close() {
    expireNever();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  boost::asio::steady_timer deadline_;
  std::shared_ptr<uint64_t> deadline_number_ = std::make_shared<uint64_t>(0);
  bool expired_ = false;
};

inline void beast_close_socket(Stream& stream) {
  stream.close();
}

/// Beast asks for this at the end of a WebSocket. TCP's own end is all: the close frames have been exchanged.
template <class Handler>
void async_teardown(boost::beast::role_type, Stream& stream, Handler&& handler) {
  boost::system::error_code ignored;
  stream.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  boost::asio::post(stream.get_executor(),
                    boost::beast::bind_front_handler(std::forward<Handler>(handler), boost::system::error_code{}));
}
inline void teardown(boost::beast::role_type, Stream& stream, boost::system::error_code& error) {
  stream.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_both, error);
}

}  // namespace penstock
