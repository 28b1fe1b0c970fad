// See tls_handshakes.h. OpenSSL works on the socket itself here: it reads no byte behind the record that it wants, so
// that whoever takes the session over can give it another way to read and write.
#include "control/api/tls_handshakes.h"

#include <pthread.h>
#include <signal.h>

#include <openssl/err.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "control/api/stream.h"

namespace penstock {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class Handshake : public TlsHandshake, public std::enable_shared_from_this<Handshake> {
 public:
  Handshake(asio::io_context& io, asio::any_io_executor control, tcp::socket socket, TlsDone done)
      : control_(std::move(control)),
        protocol_(protocolOf(socket)),
        socket_(io, protocol_, socket.release()),
        deadline_(io),
        done_(std::move(done)) {}

  void cancel() override {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->giveUp(); });
  }

  asio::awaitable<void> run(SSL_CTX* context, std::chrono::milliseconds timeout);

 private:
  static tcp protocolOf(const tcp::socket& socket) {
    boost::system::error_code gone;
    return socket.local_endpoint(gone).protocol();
  }
  asio::awaitable<bool> accept();
  void giveUp() {
    given_up_ = true;
    boost::system::error_code ignored;
    if (socket_.is_open()) socket_.cancel(ignored);
  }

  const asio::any_io_executor control_;
  const tcp protocol_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  TlsDone done_;
  TlsSession session_;
  bool given_up_ = false;
};

asio::awaitable<bool> Handshake::accept() {
  while (!given_up_) {
    ERR_clear_error();
    const int result = SSL_accept(session_.get());
    if (result == 1) co_return true;
    const int wanted = SSL_get_error(session_.get(), result);
    if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) co_return false;
    auto [error] = co_await socket_.async_wait(
        wanted == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write, kAwait);
    if (error) co_return false;
  }
  co_return false;
}

asio::awaitable<void> Handshake::run(SSL_CTX* context, std::chrono::milliseconds timeout) {
  const auto keep_alive = shared_from_this();
  deadline_.expires_after(timeout);
  deadline_.async_wait([this, keep_alive](boost::system::error_code error) {
    if (!error) giveUp();
  });
  boost::system::error_code error;
  socket_.native_non_blocking(true, error);
  session_.reset(error ? nullptr : SSL_new(context));
  const bool ready = session_ && SSL_set_fd(session_.get(), socket_.native_handle()) == 1;
  if (!ready || !co_await accept()) session_.reset();
  deadline_.cancel();
  tcp::socket back(control_, protocol_, socket_.release());
  asio::post(control_, [done = std::move(done_), socket = std::move(back), session = std::move(session_)]() mutable {
    done(std::move(socket), std::move(session));
  });
}

}  // namespace

TlsHandshakes::TlsHandshakes(asio::any_io_executor control, asio::ssl::context context)
    : control_(std::move(control)), context_(std::move(context)), thread_([this] {
        // OpenSSL writes by write(2): of a peer that is gone, SIGPIPE tells. Other signals are the control thread's.
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        pthread_setname_np(pthread_self(), "tls");
        io_.run();
      }) {}

TlsHandshakes::~TlsHandshakes() {
  io_.stop();
  thread_.join();
}

std::shared_ptr<TlsHandshake> TlsHandshakes::start(tcp::socket socket, std::chrono::milliseconds timeout,
                                                   TlsDone done) {
  const auto handshake = std::make_shared<Handshake>(io_, control_, std::move(socket), std::move(done));
  asio::co_spawn(
      io_, [handshake, context = context_.native_handle(), timeout] { return handshake->run(context, timeout); },
      asio::detached);
  return handshake;
}

}  // namespace penstock
