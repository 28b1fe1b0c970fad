// A WebSocket (RFC 6455) from its upgrade request to its end.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "control/api/connection.h"
#include "control/api/http_message.h"
#include "control/api/stream.h"

namespace penstock {

/// Lets whoever owns the connection end a socket that runs.
struct WebSocketControl {
  std::function<void()> stop;  // empty while none runs
};

using UpgradeRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// Returns when the socket is gone and nothing uses the stream any more. `payer`: whose budget its messages spend.
boost::asio::awaitable<void> runWebSocket(ServerState& server, Stream& stream, UpgradeRequest upgrade,
                                          Response response, std::string payer, WebSocketControl& control);

}  // namespace penstock
