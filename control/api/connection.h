// One client connection: requests in, responses out, until it closes, times out, or becomes something else.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include <boost/asio/ip/tcp.hpp>

#include "control/api/api.h"
#include "control/api/connection_limits.h"
#include "control/api/cpu_budgets.h"
#include "control/api/http_server.h"

namespace penstock {

class Connection;
class TlsHandshakes;

/// TLS handshakes at once. Of more, the one that began first is ended, of its address first.
inline constexpr size_t kHandshakesMax = 256;

/// What all connections share.
struct ServerState {
  Api api;
  Metrics& metrics;
  HttpTuning tuning;
  ConnectionLimits limits;
  size_t body_max_bytes;
  TlsHandshakes* tls = nullptr;  // nullptr: plain HTTP
  ConnectionLimits handshakes;   // those among the connections that are in their TLS handshake
  CpuBudgets budgets;
  bool stopping = false;
  std::set<Connection*> connections;  // those that run; each takes itself out
};

/// Something that can be asked to end.
class Connection {
 public:
  virtual ~Connection() = default;
  /// The relay stops: close when idle, else after the answer that is under way.
  virtual void stop() = 0;
  /// The time for that is over.
  virtual void abort() = 0;
};

/// A connection's place among those that are counted and limited, for as long as it lives.
class Registration {
 public:
  Registration(ServerState& server, Connection* connection, const ConnectionLimits::Place& place);
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  ServerState& server_;
  Connection* connection_;
};

/// Runs until the client is gone. `refuse`: over the limit, a request without a token is answered with 503.
void startConnection(std::shared_ptr<ServerState> server, boost::asio::ip::tcp::socket socket, bool refuse);

}  // namespace penstock
