// See http_message.h.
#include "control/api/http_message.h"

#include <utility>

#include <boost/json/serialize.hpp>

#include "control/api/encoding.h"

namespace penstock {

std::string_view Request::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

std::string Request::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

bool Request::splitTarget() {
  segments.clear();
  query.clear();
  // RFC 9112 section 3.2.1: origin-form is the only form a server that is no proxy needs.
  if (target.empty() || target.front() != '/') return false;
  const size_t question = target.find('?');
  std::string_view path = std::string_view(target).substr(1, question == std::string::npos ? question : question - 1);
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const auto segment = percentDecode(path.substr(0, slash), PlusSign::kLiteral);
    // "." and ".." are never followed, encoded or not; a NUL has no business in a name.
    if (!segment || segment->empty() || *segment == "." || *segment == ".." ||
        segment->find('\0') != std::string::npos) {
      return false;
    }
    segments.push_back(*segment);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  if (question == std::string::npos) return true;
  std::string_view rest = std::string_view(target).substr(question + 1);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const size_t equals = pair.find('=');
    const auto name = percentDecode(pair.substr(0, equals), PlusSign::kSpace);
    const auto value = percentDecode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), PlusSign::kSpace);
    if (!name || !value) return false;
    query.emplace(*name, *value);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return true;
}

Response jsonResponse(unsigned status, const boost::json::value& body) {
  Response response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = boost::json::serialize(body);
  return response;
}

Response jsonPieces(Pieces pieces) {
  Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  if (pieces(response.body)) response.more = std::move(pieces);
  return response;
}

Response jsonList(const std::string& name, std::function<std::optional<boost::json::object>()> next) {
  return jsonPieces([before = "{\"" + name + "\":[", next = std::move(next)](std::string& to) mutable {
    while (to.size() < kPieceBytes) {
      const auto value = next();
      if (!value) {
        to += (before == "," ? "" : before) + "]}";
        return false;
      }
      to += std::exchange(before, ",") + boost::json::serialize(*value);
    }
    return true;
  });
}

Response errorResponse(const Refusal& refusal, uint64_t retry_after_s) {
  Response response = jsonResponse(
      static_cast<unsigned>(refusal.status),
      boost::json::object{{"error", boost::json::object{{"code", refusal.code}, {"message", refusal.message}}}});
  if (refusal.status == 429 || refusal.status == 503)
    response.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  return response;
}

Response emptyResponse(unsigned status) {
  Response response;
  response.status = status;
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

}  // namespace penstock
