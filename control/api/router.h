// Which handler answers which method and path, what it asks of the caller, and what it wants as a body.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/http_message.h"
#include "control/api/jwt.h"

namespace penstock {

struct ApiContext;

/// What a token must grant. Without configured keys everybody has everything.
enum class Access : uint8_t {
  kOpen,      // nothing
  kToken,     // a valid token; the handler looks closer
  kJoin,      // any right in {room}
  kModerate,  // room.moderate (or admin) in {room}
  kAdmin,     // room.admin in {room}
  kRelay,     // room.admin for "*"
};

enum class Body : uint8_t { kNone, kJson, kSdp, kSdpFragment };
std::string_view mediaTypeOf(Body body);

struct Call {
  const Request& request;
  std::map<std::string, std::string, std::less<>> parameters;  // of the path template
  Token token;

  const std::string& operator[](std::string_view parameter) const { return parameters.find(parameter)->second; }
};

struct Route {
  std::string_view method;
  std::string_view path;  // "/v1/rooms/{room}"; a last "{name*}" takes one segment or more
  Access access;
  Body body;
  Response (*handler)(ApiContext&, const Call&);
};

class Router {
 public:
  explicit Router(std::span<const Route> routes);

  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string, std::less<>> parameters;
    std::vector<const Route*> same_path;  // with other methods too; empty = the path is not known
  };
  /// HEAD finds the route of GET.
  Match find(std::string_view method, const std::vector<std::string>& segments) const;
  std::span<const Route> routes() const { return routes_; }

 private:
  std::span<const Route> routes_;
  std::vector<std::vector<std::string_view>> templates_;  // segments, by route
};

/// "GET, HEAD, OPTIONS, POST": RFC 9110 section 10.2.1.
std::string allowHeader(const std::vector<const Route*>& same_path);

}  // namespace penstock
