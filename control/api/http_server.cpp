// See http_server.h.
#include "control/api/http_server.h"

#include <stdexcept>

#include <spdlog/spdlog.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "control/api/connection.h"
#include "control/api/stream.h"
#include "control/api/tls_handshakes.h"

namespace penstock {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr size_t kRefusedAtOnceMax = 64;  // connections over the limit that are told so; more are just closed

std::runtime_error wrong(const std::string& setting, const std::string& value, const std::string& what) {
  return std::runtime_error(setting + ": \"" + value + "\": " + what);
}

/// "127.0.0.1:8080", "[::1]:8080", "localhost:8080"
tcp::endpoint parseListen(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon == std::string::npos ? 0 : colon);
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    host.clear();
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  const bool is_number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (error || !is_number || std::stoul(port) > 65535) {
    throw wrong("http.listen", text, "write address:port, an IPv6 address in brackets");
  }
  return {address, static_cast<uint16_t>(std::stoul(port))};
}

std::vector<tcp::endpoint> listenEndpoints(const Config& config) {
  std::vector<tcp::endpoint> endpoints;
  for (const std::string& text : config.http.listen) {
    endpoints.push_back(parseListen(text));
    if (config.auth.key.empty() && !endpoints.back().address().is_loopback()) {
      throw wrong("http.listen", text,
                  "without auth.key anybody who reaches the API may do everything, so only loopback addresses are "
                  "listened on; configure a key, or listen on 127.0.0.1 or [::1]");
    }
  }
  return endpoints;
}

std::unique_ptr<TlsHandshakes> readTls(asio::io_context& io, const HttpConfig& http) {
  if (http.tls_certificate.empty() != http.tls_key.empty()) {
    throw std::runtime_error("http.tls-certificate and http.tls-key: set both or neither");
  }
  if (http.tls_certificate.empty()) return nullptr;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(tls.native_handle(),
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  boost::system::error_code error;
  tls.use_certificate_chain_file(http.tls_certificate, error);
  if (error) throw wrong("http.tls-certificate", http.tls_certificate, error.message());
  tls.use_private_key_file(http.tls_key, asio::ssl::context::pem, error);
  if (error) throw wrong("http.tls-key", http.tls_key, error.message());
  if (SSL_CTX_check_private_key(tls.native_handle()) != 1) {
    throw wrong("http.tls-key", http.tls_key, "it does not belong to the certificate");
  }
  return std::make_unique<TlsHandshakes>(io.get_executor(), std::move(tls));
}

HttpTuning complete(HttpTuning tuning, const Config& config) {
  if (tuning.request_timeout.count() == 0) tuning.request_timeout = std::chrono::seconds(config.http.request_timeout_s);
  if (tuning.client_cpu.count() == 0)
    tuning.client_cpu = config.http.client_cpu_percent * std::chrono::milliseconds(10);
  if (tuning.web_directory.empty()) tuning.web_directory = config.http.web_directory;
  if (tuning.web_directory.empty()) tuning.web_directory = PENSTOCK_WEB_DIRECTORY;
  return tuning;
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(asio::io_context& io_, const Config& config_, Service& service, Metrics& metrics, const HttpTuning& tuning)
      : io(io_),
        config(config_),
        endpoints(listenEndpoints(config)),
        tls(readTls(io, config.http)),
        pages(complete(tuning, config).web_directory),
        events(tuning.event_queue_max, metrics),
        state(std::make_shared<ServerState>(ServerState{
            Api(ApiContext{config, service, metrics, events, pages, readKeys(config.auth), tuning.unix_now_ms}),
            metrics,
            complete(tuning, config),
            ConnectionLimits(config.http.connections_max),
            size_t{config.http.body_max_kib} * 1024,
            tls.get(),
            ConnectionLimits(kHandshakesMax),
            CpuBudgets(complete(tuning, config).client_cpu, tuning.client_cpu_burst),
            false,
            {}})),
        second(io),
        goodbye(io) {
    if (pages.count() == 0) spdlog::warn("no pages in {}: set http.web-directory", state->tuning.web_directory);
    service.addSink(&events);
  }

  asio::awaitable<void> accept(tcp::acceptor& acceptor);
  asio::awaitable<void> sample();
  void open(const tcp::endpoint& endpoint);

  asio::io_context& io;
  const Config config;
  std::vector<tcp::endpoint> endpoints;
  std::unique_ptr<TlsHandshakes> tls;
  Pages pages;
  EventHub events;
  std::shared_ptr<ServerState> state;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors;
  asio::steady_timer second;
  asio::steady_timer goodbye;
};

void HttpServer::Impl::open(const tcp::endpoint& endpoint) {
  auto acceptor = std::make_unique<tcp::acceptor>(io);
  boost::system::error_code error;
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor->set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    throw wrong("http.listen", endpoint.address().to_string() + ":" + std::to_string(endpoint.port()), error.message());
  }
  acceptors.push_back(std::move(acceptor));
}

asio::awaitable<void> HttpServer::Impl::accept(tcp::acceptor& acceptor) {
  const auto keep_alive = shared_from_this();
  while (!state->stopping) {
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (error == asio::error::operation_aborted || state->stopping) co_return;
    if (error) {
      // Out of descriptors or memory: trying again at once would spin.
      state->metrics.httpConnectionRefused("accept_failed");
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      (void)co_await pause.async_wait(kAwait);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto remote = socket.remote_endpoint(ignored);
    const bool room = state->limits.makeRoom(ConnectionLimits::placeOf(remote.address()));
    if (!room && state->connections.size() >= config.http.connections_max + kRefusedAtOnceMax) {
      state->metrics.httpConnectionRefused("connections_max");
      continue;
    }
    startConnection(state, std::move(socket), !room);
  }
}

/// The load signal needs counters a second apart; tokens expire meanwhile.
asio::awaitable<void> HttpServer::Impl::sample() {
  const auto keep_alive = shared_from_this();
  while (!state->stopping) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    state->metrics.tick(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
    events.expire(state->tuning.unix_now_ms());
    second.expires_after(std::chrono::seconds(1));
    (void)co_await second.async_wait(kAwait);
  }
}

HttpServer::HttpServer(asio::io_context& io, const Config& config, Service& service, Metrics& metrics,
                       const HttpTuning& tuning)
    : impl_(std::make_shared<Impl>(io, config, service, metrics, tuning)) {}

HttpServer::~HttpServer() {
  impl_->tls.reset();
}

void HttpServer::start() {
  for (const tcp::endpoint& endpoint : impl_->endpoints) impl_->open(endpoint);
  for (const auto& acceptor : impl_->acceptors) {
    const auto at = acceptor->local_endpoint();
    spdlog::info("listening on {}://{}:{}", impl_->tls ? "https" : "http",
                 at.address().is_v6() ? "[" + at.address().to_string() + "]" : at.address().to_string(), at.port());
    asio::co_spawn(impl_->io, impl_->accept(*acceptor), asio::detached);
  }
  asio::co_spawn(impl_->io, impl_->sample(), asio::detached);
}

std::vector<uint16_t> HttpServer::ports() const {
  std::vector<uint16_t> ports;
  for (const auto& acceptor : impl_->acceptors) ports.push_back(acceptor->local_endpoint().port());
  return ports;
}

void HttpServer::stop(std::function<void()> done) {
  if (impl_->state->stopping) return;
  impl_->state->stopping = true;
  impl_->second.cancel();
  for (const auto& acceptor : impl_->acceptors) {
    boost::system::error_code ignored;
    acceptor->close(ignored);
  }
  const std::set<Connection*> connections = impl_->state->connections;
  for (Connection* connection : connections) connection->stop();
  asio::co_spawn(
      impl_->io,
      [impl = impl_, done = std::move(done)]() -> asio::awaitable<void> {
        for (int tenths = 0; tenths < 20 && !impl->state->connections.empty(); ++tenths) {
          impl->goodbye.expires_after(std::chrono::milliseconds(100));
          (void)co_await impl->goodbye.async_wait(kAwait);
        }
        const std::set<Connection*> left = impl->state->connections;
        for (Connection* connection : left) connection->abort();
        if (done) done();
      },
      asio::detached);
}

}  // namespace penstock
