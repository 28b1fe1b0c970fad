// See connection.h. The head is admitted or refused before any of the body is kept; every wait has a deadline.
#include "control/api/connection.h"

#include <algorithm>
#include <array>
#include <functional>

#include <spdlog/fmt/fmt.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "control/api/response_head.h"
#include "control/api/stream.h"
#include "control/api/websocket.h"

namespace penstock {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr std::chrono::milliseconds kGoodbye{1000};  // for a last answer, and for reading what comes after it
constexpr std::chrono::milliseconds kReadyPoll{2};
constexpr size_t kDiscardMax = 1024 * 1024;
constexpr size_t kPieceBytes = 4096;  // what is read at once besides a head

/// RFC 9112 section 7.1.1: "A server ought to limit the total length of chunk extensions received in a request".
/// Nobody sends any, and they count neither as head nor as body.
class ExtensionLimit {
 public:
  explicit ExtensionLimit(Parser& parser) { parser.on_chunk_header(take_); }

 private:
  size_t left_ = 1024;
  std::function<void(uint64_t, boost::beast::string_view, boost::system::error_code&)> take_ =
      [this](uint64_t, boost::beast::string_view extension, boost::system::error_code& error) {
        if (extension.size() > left_) error = http::error::bad_chunk_extension;
        left_ -= std::min(left_, extension.size());
      };
};

/// A request whose head could not be taken: what to say, if anything.
std::optional<Refusal> refusalFor(boost::system::error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Refusal{431, "header_too_long", "The request's head is longer than the relay takes."};
  }
  if (error == http::error::body_limit) {
    return Refusal{413, "body_too_long", "The body is longer than http.body-max-kib."};
  }
  if (error == http::error::bad_version)
    return Refusal{505, "version_unknown", "HTTP/1.0 and HTTP/1.1 are understood."};
  // Other errors of Beast's parser say what is wrong with the request; those of the system say that the client is gone.
  if (error.category() == http::make_error_code(http::error::bad_target).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return Refusal{400, "request_malformed", "The request is not HTTP: " + error.message() + "."};
  }
  return std::nullopt;
}

ConnectionLimits::Place placeOf(const asio::ip::tcp::socket& socket) {
  boost::system::error_code gone;
  return ConnectionLimits::placeOf(socket.remote_endpoint(gone).address());
}

std::string nameOf(const ConnectionLimits::Place& place) {
  return {reinterpret_cast<const char*>(place.data()), place.size()};
}

class HttpConnection : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<ServerState> server, asio::ip::tcp::socket socket, TlsSession session, bool refuse)
      : server_(std::move(server)),
        stream_(std::move(socket), std::move(session)),
        registration_(*server_, this, placeOf(stream_.socket())),
        buffer_(server_->tuning.header_max_bytes + kPieceBytes),
        wake_(stream_.get_executor()),
        address_(nameOf(placeOf(stream_.socket()))),
        refuse_(refuse) {}

  asio::awaitable<void> run();
  void stop() override;
  void abort() override;

 private:
  asio::awaitable<bool> serveRequest();
  asio::awaitable<bool> waitForRequest();
  asio::awaitable<bool> readBody(Parser& parser, Request& request);
  asio::awaitable<bool> refuseRequest(boost::system::error_code error);
  asio::awaitable<bool> respond(const Request& request, Response response, bool keep_alive);
  asio::awaitable<bool> send(const std::string& head, const std::string& body);
  asio::awaitable<void> untilSolvent();
  asio::awaitable<bool> sendPieces(Response response, bool in_chunks);
  asio::awaitable<void> untilReady(const Response& response);
  asio::awaitable<void> streamEvents(Response response);
  asio::awaitable<void> goodbye();
  Request takeHead(const Parser& parser) const;
  /// By its head, and by whether there is room for it.
  Admission admit(Request& request, bool needs_host);
  void refuseSpent(Admission& admission);
  void watchForEnd();

  std::shared_ptr<ServerState> server_;
  Stream stream_;
  Registration registration_;
  boost::beast::flat_buffer buffer_;  // with a limit: what is neither head nor body must fit as well
  asio::steady_timer wake_;           // of an event stream, and between pieces
  WebSocketControl socket_;
  const std::string address_;  // of the client, or its site's
  std::string payer_;          // of the request that is answered
  bool refuse_;
  bool idle_ = true;    // between two requests
  bool first_ = true;   // no request yet
  bool ended_ = false;  // an event stream's client is gone, or must go
  char ignored_[64];    // what such a client sends
};

asio::awaitable<void> HttpConnection::run() {
  const auto keep_alive = shared_from_this();
  while (co_await serveRequest()) {
  }
  stream_.close();
}

void HttpConnection::stop() {
  if (socket_.stop) return socket_.stop();
  ended_ = true;
  wake_.cancel();
  if (idle_) stream_.close();
}

void HttpConnection::abort() {
  ended_ = true;
  wake_.cancel();
  stream_.close();
}

/// A connection may stay silent before a request for longer than it may take over one.
asio::awaitable<bool> HttpConnection::waitForRequest() {
  if (buffer_.size() > 0) co_return true;
  idle_ = true;
  stream_.expireAfter(first_ ? server_->tuning.request_timeout : server_->tuning.idle_timeout);
  auto [error, length] = co_await stream_.async_read_some(buffer_.prepare(kPieceBytes), kAwait);
  idle_ = false;
  if (error) {
    if (first_ && stream_.expired()) server_->metrics.httpConnectionRefused("silent");
    co_return false;
  }
  buffer_.commit(length);
  co_return true;
}

asio::awaitable<bool> HttpConnection::serveRequest() {
  if (server_->stopping || !co_await waitForRequest()) co_return false;
  first_ = false;
  stream_.expireAfter(refuse_ ? kGoodbye : server_->tuning.request_timeout);
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(server_->tuning.header_max_bytes));
  parser.body_limit(server_->body_max_bytes);
  auto [error, length] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
  if (error) co_return co_await refuseRequest(error);

  Request request = takeHead(parser);
  Admission admission = admit(request, parser.get().version() >= 11);
  const std::string label = admission.label;
  Response response;
  if (admission.refused) {
    response = std::move(*admission.refused);
    response.close = response.close || !parser.is_done();
  } else {
    if (!parser.is_done() && !co_await readBody(parser, request)) co_return false;
    const Spending spending(server_->budgets, payer_);
    response = server_->api.answer(request, std::move(admission));
  }
  server_->metrics.httpRequest(label, request.method, response.status);
  if (response.socket) {
    stream_.expireNever();
    // RFC 6455 section 4.1: a client waits for our answer before it sends frames.
    if (buffer_.size() == 0)
      co_await runWebSocket(*server_, stream_, parser.release(), std::move(response), payer_, socket_);
    co_return false;
  }
  server_->api.finish(request, response);
  if (response.ready) co_await untilReady(response);
  if (response.stream) {
    co_await streamEvents(std::move(response));
    co_return false;
  }
  co_return co_await respond(request, std::move(response), parser.get().keep_alive());
}

Admission HttpConnection::admit(Request& request, bool needs_host) {
  Spending spending(server_->budgets, "");
  Admission admission;
  if (!request.splitTarget() || (needs_host && request.header("host").empty())) {
    admission.refused = errorResponse({400, "request_malformed", "The target or the Host header cannot be used."});
    admission.label = "other";
  } else {
    admission = server_->api.admit(request);
  }
  if (!admission.refused && admission.route->access != Access::kOpen) {
    server_->limits.trust(this);
    refuse_ = false;
  }
  payer_ = server_->api.payer(admission, address_);
  spending.by(payer_);
  if (!refuse_) {
    refuseSpent(admission);
    return admission;
  }
  server_->metrics.httpConnectionRefused("connections_max");
  admission.refused = errorResponse({503, "overloaded", "The relay has as many connections as it takes."});
  admission.refused->close = true;
  admission.label = "other";
  return admission;
}

/// A refusal costs less than what it refuses: it is not refused again.
void HttpConnection::refuseSpent(Admission& admission) {
  const auto wait = server_->budgets.wait(payer_, CpuBudgets::now());
  if (admission.refused || wait.count() == 0) return;
  server_->metrics.clientBudgetSpent("request");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
  admission.refused = errorResponse({429, "budget_spent", "This client has used its share of the relay's time."},
                                    static_cast<uint64_t>(seconds.count()));
}

Request HttpConnection::takeHead(const Parser& parser) const {
  const auto& head = parser.get();
  Request request;
  request.method = std::string(head.method_string());
  request.target = std::string(head.target());
  request.secure = stream_.secure();
  request.chunks = head.version() >= 11;
  for (const auto& field : head) {
    std::string name(field.name_string());
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return request;
}

asio::awaitable<bool> HttpConnection::readBody(Parser& parser, Request& request) {
  const ExtensionLimit limit(parser);
  // RFC 9110 section 10.1.1: the client waits to hear whether it may send.
  if (parser.get().version() >= 11 && boost::beast::iequals(request.header("expect"), "100-continue") &&
      buffer_.size() == 0) {
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    auto [error, length] = co_await asio::async_write(stream_, asio::buffer(go_on), kAwait);
    if (error) co_return false;
  }
  auto [error, length] = co_await http::async_read(stream_, buffer_, parser, kAwait);
  if (error) co_return co_await refuseRequest(error);
  request.body = std::move(parser.get().body());
  co_return true;
}

/// What is late is sent all the same: the client tries again.
asio::awaitable<void> HttpConnection::untilReady(const Response& response) {
  const auto deadline = std::chrono::steady_clock::now() + server_->tuning.ready_within;
  while (!response.ready() && std::chrono::steady_clock::now() < deadline) {
    wake_.expires_after(kReadyPoll);
    (void)co_await wake_.async_wait(kAwait);
  }
}

/// Always false: the connection cannot be used again.
asio::awaitable<bool> HttpConnection::refuseRequest(boost::system::error_code error) {
  std::optional<Refusal> refusal = refusalFor(error);
  if (stream_.expired()) {
    refusal = Refusal{408, "request_timeout", "The request did not arrive within http.request-timeout."};
    // A TLS record that was cancelled half way leaves nothing that could carry an answer.
    if (stream_.secure()) {
      server_->metrics.httpConnectionRefused("slow_client");
      co_return false;
    }
  }
  if (!refusal) co_return false;
  server_->metrics.httpRequest("other", "other", static_cast<unsigned>(refusal->status));
  Response response = errorResponse(*refusal);
  response.close = true;
  const Request unread;
  server_->api.finish(unread, response);
  co_return co_await respond(unread, std::move(response), false);
}

asio::awaitable<bool> HttpConnection::respond(const Request& request, Response response, bool keep_alive) {
  const BodyEnd end = !response.more ? BodyEnd::kLength : request.chunks ? BodyEnd::kLastChunk : BodyEnd::kConnection;
  keep_alive = keep_alive && !response.close && !server_->stopping && end != BodyEnd::kConnection;
  stream_.expireAfter(response.close ? kGoodbye : server_->tuning.request_timeout);
  const std::string head = headText(response, keep_alive, end);
  const bool has_body = request.method != "HEAD" && response.status != 204 && response.status != 304;
  const bool in_pieces = has_body && response.more;
  const std::string nothing;
  bool sent = co_await send(head, has_body && !in_pieces ? response.body : nothing);
  if (sent && in_pieces) sent = co_await sendPieces(std::move(response), end == BodyEnd::kLastChunk);
  if (!sent) {
    if (stream_.expired()) server_->metrics.httpConnectionRefused("slow_client");
    co_return false;
  }
  server_->limits.served(this);
  if (keep_alive) co_return true;
  co_await goodbye();
  co_return false;
}

asio::awaitable<bool> HttpConnection::send(const std::string& head, const std::string& body) {
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
  auto [error, length] = co_await asio::async_write(stream_, parts, kAwait);
  co_return !error;
}

asio::awaitable<void> HttpConnection::untilSolvent() {
  auto wait = server_->budgets.wait(payer_, CpuBudgets::now());
  if (wait.count() > 0) server_->metrics.clientBudgetSpent("piece");
  for (; wait.count() > 0 && !ended_; wait = server_->budgets.wait(payer_, CpuBudgets::now())) {
    stream_.expireAfter(std::chrono::ceil<std::chrono::milliseconds>(wait) + server_->tuning.request_timeout);
    wake_.expires_after(wait);
    (void)co_await wake_.async_wait(kAwait);
  }
}

/// The end of a write is a turn of its own: between two pieces others have theirs.
asio::awaitable<bool> HttpConnection::sendPieces(Response response, bool in_chunks) {
  std::string piece = std::move(response.body);
  for (bool more = true;;) {
    stream_.expireAfter(server_->tuning.request_timeout);
    const std::string size = in_chunks ? fmt::format("{:x}\r\n", piece.size()) : std::string();
    if (in_chunks) piece += more ? "\r\n" : "\r\n0\r\n\r\n";
    if (!co_await send(size, piece)) co_return false;
    if (!more) co_return true;
    piece.clear();
    co_await untilSolvent();
    const Spending spending(server_->budgets, payer_);
    more = response.more(piece);
  }
}

/// Closing with unread bytes makes TCP reset the connection, and the client may lose our answer: read a little longer.
asio::awaitable<void> HttpConnection::goodbye() {
  stream_.expireAfter(kGoodbye);
  if (stream_.secure()) {
    (void)co_await stream_.tls().async_shutdown(kAwait);
    co_return;
  }
  boost::system::error_code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  buffer_.consume(buffer_.size());
  for (size_t discarded = 0; discarded < kDiscardMax;) {
    auto [error, length] = co_await stream_.async_read_some(buffer_.prepare(kPieceBytes), kAwait);
    if (error) co_return;
    discarded += length;
  }
}

/// A client of an event stream sends nothing more; what its socket reads is its end.
void HttpConnection::watchForEnd() {
  stream_.async_read_some(asio::buffer(ignored_), [self = shared_from_this()](boost::system::error_code, size_t) {
    self->ended_ = true;
    self->wake_.cancel();
  });
}

asio::awaitable<void> HttpConnection::streamEvents(Response response) {
  const std::shared_ptr<TextStream> events = response.stream;
  events->onReady([this] { wake_.cancel(); });
  std::string text = headText(response, false, BodyEnd::kConnection);
  watchForEnd();
  while (!ended_) {
    text += events->take();
    if (text.empty() && events->ended()) break;
    if (text.empty()) {
      wake_.expires_after(server_->tuning.event_heartbeat);
      auto [error] = co_await wake_.async_wait(kAwait);
      if (!error) text = ": still here\n\n";
      continue;
    }
    stream_.expireAfter(server_->tuning.request_timeout);
    auto [error, length] = co_await asio::async_write(stream_, asio::buffer(text), kAwait);
    if (error) break;
    stream_.expireNever();
    text.clear();
  }
  events->onReady(nullptr);
}

void startHttp(std::shared_ptr<ServerState> server, asio::ip::tcp::socket socket, TlsSession session, bool refuse) {
  const auto executor = socket.get_executor();
  auto connection = std::make_shared<HttpConnection>(std::move(server), std::move(socket), std::move(session), refuse);
  asio::co_spawn(
      executor, [connection] { return connection->run(); }, asio::detached);
}

/// A connection in its TLS handshake, which another thread does.
class SecuringConnection : public Connection, public std::enable_shared_from_this<SecuringConnection> {
 public:
  SecuringConnection(std::shared_ptr<ServerState> server, const ConnectionLimits::Place& place, bool refuse)
      : server_(std::move(server)), place_(place), refuse_(refuse) {}
  ~SecuringConnection() override { leave(); }

  void start(asio::ip::tcp::socket socket) {
    registration_.emplace(*server_, this, place_);
    (void)server_->handshakes.makeRoom(place_);
    server_->handshakes.add(this, place_);
    handshake_ = server_->tls->start(std::move(socket), server_->tuning.request_timeout,
                                     [self = shared_from_this()](asio::ip::tcp::socket secured, TlsSession session) {
                                       self->finish(std::move(secured), std::move(session));
                                     });
  }
  void stop() override { abort(); }
  void abort() override {
    if (const auto handshake = handshake_.lock()) handshake->cancel();
  }

 private:
  void leave() {
    server_->handshakes.remove(this);
    registration_.reset();
  }
  void finish(asio::ip::tcp::socket socket, TlsSession session) {
    leave();
    if (!session) return server_->metrics.httpConnectionRefused("tls_handshake");
    if (!server_->stopping) startHttp(server_, std::move(socket), std::move(session), refuse_);
  }

  std::shared_ptr<ServerState> server_;
  const ConnectionLimits::Place place_;
  const bool refuse_;
  std::optional<Registration> registration_;
  std::weak_ptr<TlsHandshake> handshake_;  // which holds this
};

}  // namespace

Registration::Registration(ServerState& server, Connection* connection, const ConnectionLimits::Place& place)
    : server_(server), connection_(connection) {
  server_.connections.insert(connection_);
  server_.limits.add(connection_, place);
  server_.metrics.httpConnections(server_.connections.size());
}

Registration::~Registration() {
  server_.connections.erase(connection_);
  server_.limits.remove(connection_);
  server_.metrics.httpConnections(server_.connections.size());
}

void startConnection(std::shared_ptr<ServerState> server, asio::ip::tcp::socket socket, bool refuse) {
  if (server->tls == nullptr) return startHttp(std::move(server), std::move(socket), nullptr, refuse);
  const auto place = placeOf(socket);
  std::make_shared<SecuringConnection>(std::move(server), place, refuse)->start(std::move(socket));
}

}  // namespace penstock
