// TLS handshakes on a thread of their own: the work with the private key delays nothing on the control thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include <openssl/ssl.h>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

namespace penstock {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using TlsSession = std::unique_ptr<SSL, FreeSsl>;

/// One handshake. Its socket and its session are used on the thread of the handshakes only, until both are handed back.
class TlsHandshake {
 public:
  virtual ~TlsHandshake() = default;
  /// From the control thread: the handshake fails soon, unless it is done already.
  virtual void cancel() = 0;
};

/// Called on the control thread, with a socket of its executor. nullptr: the handshake failed.
using TlsDone = std::function<void(boost::asio::ip::tcp::socket socket, TlsSession session)>;

class TlsHandshakes {
 public:
  TlsHandshakes(boost::asio::any_io_executor control, boost::asio::ssl::context context);
  /// Waits for the thread; handshakes that are not done are dropped, and nothing is called back.
  ~TlsHandshakes();
  TlsHandshakes(const TlsHandshakes&) = delete;
  TlsHandshakes& operator=(const TlsHandshakes&) = delete;

  std::shared_ptr<TlsHandshake> start(boost::asio::ip::tcp::socket socket, std::chrono::milliseconds timeout,
                                      TlsDone done);

 private:
  boost::asio::any_io_executor control_;
  boost::asio::ssl::context context_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  std::thread thread_;
};

}  // namespace penstock
