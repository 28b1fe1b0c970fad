// A small blocking HTTP and WebSocket client, strict about what it reads, so that the server's bytes are judged by
// something that shares no code with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

namespace penstock::test {

struct Reply {
  int status = 0;                              // 0: no answer, the connection ended
  std::map<std::string, std::string> headers;  // lower case; repeated ones joined with ", "
  std::string body;
  size_t largest_chunk = 0;  // of a body in chunks

  std::string header(const std::string& name) const;
  boost::json::object json() const;
  /// error.code of the body; empty when it has none.
  std::string code() const;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class Client {
 public:
  explicit Client(uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// One request on this connection; Host and Content-Length are added unless given.
  Reply request(const std::string& method, const std::string& target, const HeaderList& headers = {},
                const std::string& body = "");
  void sendRaw(const std::string& bytes);
  Reply readReply(bool head_only = false);
  /// The next text up to and including `end`; nullopt when the connection ends or 5 s pass first.
  std::optional<std::string> readUntil(const std::string& end);
  /// True when the server closes within the time; what it sends until then is dropped.
  bool closesWithin(int milliseconds);
  void shutdownSend();
  void setReceiveBuffer(int bytes);

 protected:
  bool fill();
  void readChunks(Reply& reply);

  int fd_ = -1;
  uint16_t port_;
  std::string buffer_;
};

/// One request on a connection of its own.
Reply fetch(uint16_t port, const std::string& method, const std::string& target, const HeaderList& headers = {},
            const std::string& body = "");

/// The path that a Location of the answer to `target` means (RFC 3986 section 5.2).
std::string resolved(const std::string& target, std::string location);

class WebSocketClient : public Client {
 public:
  explicit WebSocketClient(uint16_t port) : Client(port) {}
  /// The answer to the upgrade: 101 when it is a WebSocket now.
  Reply open(const std::string& target, const HeaderList& headers = {});
  void sendText(const std::string& text);
  void send(const boost::json::object& message);
  void sendFrame(uint8_t opcode, const std::string& payload);

  struct Frame {
    uint8_t opcode = 0;
    std::string payload;
  };
  /// nullopt: the connection ended, or 5 s passed.
  std::optional<Frame> readFrame();
  /// The next text message as JSON, answering pings on the way; empty when none comes.
  boost::json::object receive();
  /// Reads on until the close frame; its code, or 0 when the connection just ended.
  int closeCode();
};

}  // namespace penstock::test
