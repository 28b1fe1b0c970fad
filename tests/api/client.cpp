// See client.h.
#include "tests/api/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace penstock::test {

std::string Reply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

boost::json::object Reply::json() const {
  boost::system::error_code error;
  const auto value = boost::json::parse(body, error);
  return error || !value.is_object() ? boost::json::object{} : value.as_object();
}

std::string Reply::code() const {
  const auto object = json();
  if (!object.contains("error") || !object.at("error").is_object()) return "";
  const auto& error = object.at("error").as_object();
  // The shape is part of the API: exactly these two.
  if (error.size() != 2 || !error.contains("message")) return "";
  return std::string(error.at("code").as_string());
}

Client::Client(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)), port_(port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) throw std::runtime_error("connect failed");
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Client::~Client() {
  ::close(fd_);
}

void Client::setReceiveBuffer(int bytes) {
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

void Client::sendRaw(const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;  // the server has closed: what it said is still to be read
    sent += static_cast<size_t>(n);
  }
}

void Client::shutdownSend() {
  shutdown(fd_, SHUT_WR);
}

bool Client::fill() {
  pollfd wait{fd_, POLLIN, 0};
  if (poll(&wait, 1, 20'000) <= 0) return false;
  char bytes[16384];
  const ssize_t n = recv(fd_, bytes, sizeof(bytes), 0);
  if (n <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(n));
  return true;
}

std::optional<std::string> Client::readUntil(const std::string& end) {
  while (buffer_.find(end) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  const size_t length = buffer_.find(end) + end.size();
  std::string text = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return text;
}

bool Client::closesWithin(int milliseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < until) {
    pollfd wait{fd_, POLLIN, 0};
    if (poll(&wait, 1, 50) <= 0) continue;
    char bytes[16384];
    if (recv(fd_, bytes, sizeof(bytes), 0) <= 0) return true;
  }
  return false;
}

Reply Client::request(const std::string& method, const std::string& target, const HeaderList& headers,
                      const std::string& body) {
  std::string text = method + " " + target + " HTTP/1.1\r\n";
  bool host = false, length = false;
  for (const auto& [name, value] : headers) {
    text += name + ": " + value + "\r\n";
    host |= name == "Host";
    length |= name == "Content-Length" || name == "Transfer-Encoding";
  }
  if (!host) text += "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  if (!length && !body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  sendRaw(text + "\r\n" + body);
  return readReply(method == "HEAD");
}

/// A body whose last chunk does not come is no body.
void Client::readChunks(Reply& reply) {
  std::string body;
  while (const auto line = readUntil("\r\n")) {
    const size_t length = std::stoul(*line, nullptr, 16);
    while (buffer_.size() < length + 2 && fill()) {
    }
    body += buffer_.substr(0, length);
    buffer_.erase(0, length + 2);
    reply.largest_chunk = std::max(reply.largest_chunk, length);
    if (length > 0) continue;
    reply.body = std::move(body);
    return;
  }
}

Reply Client::readReply(bool head_only) {
  Reply reply;
  const auto head = readUntil("\r\n\r\n");
  if (!head || !head->starts_with("HTTP/1.1 ")) return reply;
  reply.status = std::stoi(head->substr(9, 3));
  size_t at = head->find("\r\n") + 2;
  while (at + 2 < head->size()) {
    const size_t end = head->find("\r\n", at), colon = head->find(": ", at);
    std::string name = head->substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string& value = reply.headers[name];
    value += (value.empty() ? "" : ", ") + head->substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  if (!head_only && reply.header("transfer-encoding") == "chunked") readChunks(reply);
  if (head_only || !reply.headers.contains("content-length")) return reply;
  const size_t length = std::stoul(reply.headers["content-length"]);
  while (buffer_.size() < length && fill()) {
  }
  reply.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return reply;
}

std::string resolved(const std::string& target, std::string location) {
  if (location.starts_with('/')) return location;
  std::string base = target.substr(0, target.find('?'));
  base.erase(base.rfind('/') + 1);
  if (location.starts_with("./")) location.erase(0, 2);
  for (; location.starts_with("../"); location.erase(0, 3))
    if (base.size() > 1) base.erase(base.rfind('/', base.size() - 2) + 1);
  return base + location;
}

Reply fetch(uint16_t port, const std::string& method, const std::string& target, const HeaderList& headers,
            const std::string& body) {
  return Client(port).request(method, target, headers, body);
}

Reply WebSocketClient::open(const std::string& target, const HeaderList& headers) {
  HeaderList all{{"Upgrade", "websocket"},
                 {"Connection", "Upgrade"},
                 {"Sec-WebSocket-Version", "13"},
                 {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  all.insert(all.end(), headers.begin(), headers.end());
  return request("GET", target, all);
}

void WebSocketClient::sendText(const std::string& text) {
  sendFrame(1, text);
}
void WebSocketClient::send(const boost::json::object& message) {
  sendText(boost::json::serialize(message));
}

void WebSocketClient::sendFrame(uint8_t opcode, const std::string& payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65536) {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size());
  } else {
    frame += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(payload.size() >> shift);
  }
  const char mask[4] = {0x12, 0x34, 0x56, 0x78};  // RFC 6455 section 5.3: clients mask
  frame.append(mask, 4);
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  sendRaw(frame);
}

std::optional<WebSocketClient::Frame> WebSocketClient::readFrame() {
  const auto need = [this](size_t bytes) {
    while (buffer_.size() < bytes) {
      if (!fill()) return false;
    }
    return true;
  };
  if (!need(2)) return std::nullopt;
  size_t length = static_cast<uint8_t>(buffer_[1]) & 0x7f, head = 2;
  if (length >= 126) {
    const size_t bytes = length == 126 ? 2 : 8;
    if (!need(2 + bytes)) return std::nullopt;
    length = 0;
    for (size_t i = 0; i < bytes; ++i) length = length << 8 | static_cast<uint8_t>(buffer_[2 + i]);
    head += bytes;
  }
  if (!need(head + length)) return std::nullopt;
  Frame frame{static_cast<uint8_t>(buffer_[0] & 0x0f), buffer_.substr(head, length)};
  buffer_.erase(0, head + length);
  return frame;
}

boost::json::object WebSocketClient::receive() {
  while (const auto frame = readFrame()) {
    if (frame->opcode == 9) sendFrame(10, frame->payload);
    if (frame->opcode == 8) return {};
    if (frame->opcode == 1) return boost::json::parse(frame->payload).as_object();
  }
  return {};
}

int WebSocketClient::closeCode() {
  while (const auto frame = readFrame()) {
    if (frame->opcode == 9) sendFrame(10, frame->payload);
    if (frame->opcode != 8) continue;
    sendFrame(8, frame->payload);
    if (frame->payload.size() < 2) return 1005;
    return static_cast<uint8_t>(frame->payload[0]) << 8 | static_cast<uint8_t>(frame->payload[1]);
  }
  return 0;
}

}  // namespace penstock::test
