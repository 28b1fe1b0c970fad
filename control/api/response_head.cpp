// See response_head.h.
#include "control/api/response_head.h"

#include <ctime>

#include <boost/beast/http/status.hpp>

namespace penstock {
namespace {

std::string dateHeader() {
  const time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[64];
  std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

}  // namespace

std::string headText(const Response& response, bool keep_alive, BodyEnd end) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  text.append(reason.data(), reason.size());
  text += "\r\nDate: " + dateHeader() + "\r\n";
  // Values are ours, but a line break in one would be a header of somebody else's making.
  for (const auto& [name, value] : response.headers) {
    if (value.find_first_of("\r\n") != std::string::npos) continue;
    text += name + ": " + value + "\r\n";
  }
  // RFC 9110 section 8.6: no Content-Length with 204; a 304 would need that of the page it stands for.
  if (end == BodyEnd::kLastChunk) text += "Transfer-Encoding: chunked\r\n";
  if (end == BodyEnd::kLength && response.status != 204 && response.status != 304) {
    text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  if (!keep_alive && response.status != 426) text += "Connection: close\r\n";
  return text + "\r\n";
}

}  // namespace penstock
