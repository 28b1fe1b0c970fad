// One client connection: requests in, responses out, until it closes, times out, or becomes something else.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include <boost/asio/ip/tcp.hpp>

#include "control/api/api.h"
#include "control/api/connection_limits.h"
#include "control/api/http_server.h"

namespace boost::asio::ssl {
class context;
}

namespace penstock {

class Connection;

/// What all connections share.
struct ServerState {
  Api api;
  Metrics& metrics;
  HttpTuning tuning;
  ConnectionLimits limits;
  size_t body_max_bytes;
  boost::asio::ssl::context* tls = nullptr;
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

/// Runs until the client is gone. `refuse`: over the limit, a request without a token is answered with 503.
void startConnection(std::shared_ptr<ServerState> server, boost::asio::ip::tcp::socket socket, bool refuse);

}  // namespace penstock
