// A request and its response as the handlers see them: no socket, no Beast, so that handlers compile and test alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "control/room/refusal.h"

namespace penstock {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string target;                        // as it came
  std::vector<std::string> segments;         // of the path, percent-decoded; "/" has none
  std::map<std::string, std::string> query;  // decoded; the first of equal names counts
  Headers headers;                           // names in lower case
  std::string body;
  bool secure = false;  // came over TLS
  bool chunks = true;   // its client reads chunks: HTTP/1.1

  /// Empty when the header is absent.
  std::string_view header(std::string_view lower_case_name) const;
  /// Empty when the parameter is absent.
  std::string parameter(const std::string& name) const;
  /// Fills segments and query from target; false: the target is malformed.
  bool splitTarget();
};

/// Text sent to a client as it comes (server-sent events). Owned by the response, fed by somebody else.
class TextStream {
 public:
  virtual ~TextStream() = default;
  /// What is waiting, all at once; empty when nothing is.
  virtual std::string take() = 0;
  /// Nothing more will come than what waits: then close. Of a client that did not keep up nothing waits.
  virtual bool ended() const = 0;
  /// Called whenever something waits, and at the end.
  virtual void onReady(std::function<void()> wake) = 0;
};

/// The sending side of a WebSocket. Usable after the socket is gone: then it does nothing.
class MessageChannel {
 public:
  virtual ~MessageChannel() = default;
  virtual void send(std::string text) = 0;
  /// After what is queued. Only the first call counts.
  virtual void close(uint16_t code, std::string reason) = 0;
};

/// What a WebSocket is for.
class MessageHandler {
 public:
  virtual ~MessageHandler() = default;
  virtual void onOpen(std::shared_ptr<MessageChannel> channel) = 0;
  virtual void onText(std::string_view text) = 0;
  virtual void onBinary() = 0;
  /// Called every second, or more often.
  virtual void onTick() = 0;
  /// Called once; the channel is dead.
  virtual void onClosed() = 0;
  /// False as long as the client has not said who it is; it gets http.request-timeout to do so.
  virtual bool settled() const = 0;
};

/// A long text, made in pieces so that no turn of the control thread makes it all: appends the next one, of kPieceBytes
/// or a little more, to `to`; false: that was the last.
using Pieces = std::function<bool(std::string& to)>;
inline constexpr size_t kPieceBytes = 64 * 1024;

struct Response {
  unsigned status = 200;
  Headers headers;
  std::string body;
  Pieces more;                             // what follows `body`, each in a turn of its own
  std::shared_ptr<TextStream> stream;      // body follows as it comes
  std::shared_ptr<MessageHandler> socket;  // 101: becomes a WebSocket
  bool close = false;                      // the connection cannot be used again
  std::function<bool()> ready;             // not to be sent before it says so, or HttpTuning::ready_within has passed
};

Response jsonResponse(unsigned status, const boost::json::value& body);
/// 200, with the first piece in its body.
Response jsonPieces(Pieces pieces);
/// `{"NAME": [...]}` of what `next` gives until it has nothing more.
Response jsonList(const std::string& name, std::function<std::optional<boost::json::object>()> next);
/// `{"error": {"code", "message"}}`, with Retry-After where the refusal is about now (429, 503).
Response errorResponse(const Refusal& refusal, uint64_t retry_after_s = 2);
Response emptyResponse(unsigned status = 204);

}  // namespace penstock
