// See api.h.
#include "control/api/api.h"

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include <spdlog/spdlog.h>

#include "control/api/encoding.h"
#include "control/api/handlers.h"
#include "control/signalling/sdp_lines.h"

namespace penstock {
namespace {

using namespace handlers;

constexpr Route kRoutes[] = {
    {"GET", "/v1/rooms", Access::kRelay, Body::kNone, listRooms},
    {"POST", "/v1/rooms", Access::kToken, Body::kJson, openRoom},
    {"GET", "/v1/rooms/{room}", Access::kJoin, Body::kNone, showRoom},
    {"PATCH", "/v1/rooms/{room}", Access::kAdmin, Body::kJson, changeRoom},
    {"DELETE", "/v1/rooms/{room}", Access::kAdmin, Body::kNone, closeRoom},
    {"GET", "/v1/rooms/{room}/participants", Access::kJoin, Body::kNone, listParticipants},
    {"GET", "/v1/rooms/{room}/participants/{participant}", Access::kJoin, Body::kNone, showParticipant},
    {"PATCH", "/v1/rooms/{room}/participants/{participant}", Access::kModerate, Body::kJson, changeParticipant},
    {"DELETE", "/v1/rooms/{room}/participants/{participant}", Access::kModerate, Body::kNone, kickParticipant},
    {"GET", "/v1/rooms/{room}/participants/{participant}/subscriptions", Access::kJoin, Body::kNone, listSubscriptions},
    {"PUT", "/v1/rooms/{room}/participants/{participant}/subscriptions/{track}", Access::kModerate, Body::kNone,
     subscribe},
    {"DELETE", "/v1/rooms/{room}/participants/{participant}/subscriptions/{track}", Access::kModerate, Body::kNone,
     unsubscribe},
    {"GET", "/v1/rooms/{room}/tracks", Access::kJoin, Body::kNone, listTracks},
    {"GET", "/v1/rooms/{room}/tracks/{track}", Access::kJoin, Body::kNone, showTrack},
    {"PATCH", "/v1/rooms/{room}/tracks/{track}", Access::kModerate, Body::kJson, muteTrack},
    {"DELETE", "/v1/rooms/{room}/tracks/{track}", Access::kModerate, Body::kNone, unpublishTrack},
    {"GET", "/v1/rooms/{room}/plain-transports", Access::kAdmin, Body::kNone, listPlain},
    {"POST", "/v1/rooms/{room}/plain-transports", Access::kAdmin, Body::kJson, addPlain},
    {"GET", "/v1/rooms/{room}/plain-transports/{participant}", Access::kAdmin, Body::kNone, showPlain},
    {"DELETE", "/v1/rooms/{room}/plain-transports/{participant}", Access::kAdmin, Body::kNone, removePlain},
    {"GET", "/v1/rooms/{room}/stats", Access::kModerate, Body::kNone, roomStats},
    {"GET", "/v1/rooms/{room}/ws", Access::kJoin, Body::kNone, conference},
    {"GET", "/v1/stats", Access::kRelay, Body::kNone, relayStats},
    {"GET", "/v1/counters", Access::kRelay, Body::kNone, listCounters},
    {"GET", "/v1/events", Access::kToken, Body::kNone, events},
    {"GET", "/v1/openapi.json", Access::kOpen, Body::kNone, description},
    {"POST", "/whip/{room}", Access::kJoin, Body::kSdp, whipPost},
    {"GET", "/whip/{room}", Access::kJoin, Body::kNone, whipGet},
    {"PATCH", "/whip/{room}/{session}", Access::kJoin, Body::kSdpFragment, whipPatch},
    {"DELETE", "/whip/{room}/{session}", Access::kJoin, Body::kNone, whipDelete},
    {"GET", "/whip/{room}/{session}", Access::kJoin, Body::kNone, whipGet},
    {"POST", "/whep/{room}", Access::kJoin, Body::kSdp, whepPost},
    {"GET", "/whep/{room}", Access::kJoin, Body::kNone, whipGet},
    {"PATCH", "/whep/{room}/{session}", Access::kJoin, Body::kSdpFragment, whepPatch},
    {"DELETE", "/whep/{room}/{session}", Access::kJoin, Body::kNone, whepDelete},
    {"GET", "/whep/{room}/{session}", Access::kJoin, Body::kNone, whipGet},
    {"GET", "/metrics", Access::kRelay, Body::kNone, prometheusMetrics},
    {"GET", "/healthz", Access::kOpen, Body::kNone, alive},
    {"GET", "/readyz", Access::kOpen, Body::kNone, ready},
    {"GET", "/", Access::kOpen, Body::kNone, page},
    {"GET", "/status", Access::kOpen, Body::kNone, operatorPage},
    {"GET", "/assets/{path*}", Access::kOpen, Body::kNone, asset},
};

bool grants(const RoomGrant& grant, Access access, const std::string& room) {
  switch (access) {
    case Access::kOpen:
    case Access::kToken:
      return true;
    case Access::kJoin:
      return grant.covers(room) && (grant.join || grant.moderate || grant.admin);
    case Access::kModerate:
      return grant.covers(room) && (grant.moderate || grant.admin);
    case Access::kAdmin:
      return grant.covers(room) && grant.admin;
    case Access::kRelay:
      return grant.name == "*" && grant.admin;
  }
  return false;
}

/// RFC 6750 section 3: how a client is told that it needs a token, and what was wrong with the one it sent.
Response unauthorised(const std::string& code, const std::string& message) {
  Response response = errorResponse({401, code, message});
  response.headers.emplace_back("WWW-Authenticate", code == "token_missing"
                                                        ? "Bearer realm=\"penstock\""
                                                        : "Bearer realm=\"penstock\", error=\"invalid_token\"");
  return response;
}

/// A browser cannot set headers on WebSockets and event streams: there, and only there, the query may carry the token.
std::string bearerToken(const Request& request, const Route& route) {
  const std::string_view header = request.header("authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() > kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), header.begin(), [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
      })) {
    return std::string(header.substr(kScheme.size()));
  }
  const bool browser_route = route.handler == conference || route.handler == events;
  return browser_route ? request.parameter("access_token") : std::string();
}

/// Without keys, who may do everything is whoever reaches loopback. A page of another site can reach it by a DNS name
/// that it points at 127.0.0.1; it cannot do so by an address, nor by "localhost".
bool isHostSafe(std::string_view host) {
  if (host.starts_with('[')) return true;
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" || name.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// A path of ours as a reference that is relative to the request's, so that it holds behind a proxy that puts a prefix
/// before both. Up to the root and down again, and not the shortest way: OBS takes what has no scheme as a path from
/// the root, where leading ".." mean nothing (RFC 3986 section 5.2.4).
std::string relativeReference(const std::string& target, const std::string& path) {
  const auto slashes = std::count(target.begin(), target.begin() + std::min(target.find('?'), target.size()), '/');
  std::string reference;
  for (auto above = slashes - 1; above > 0; --above) reference += "../";
  return (reference.empty() ? "./" : reference) + path.substr(1);
}

bool isSafeMethod(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

}  // namespace

std::span<const Route> apiRoutes() {
  return kRoutes;
}

TokenKeys readKeys(const AuthConfig& config) {
  TokenKeys keys;
  for (const std::string& key : config.key) {
    const size_t colon = key.find(':');
    if (colon == std::string::npos || colon == 0 || key.size() - colon - 1 < 32) {
      throw std::runtime_error("auth.key: write it as id:secret, the secret with 32 characters or more");
    }
    keys[key.substr(0, colon)] = key.substr(colon + 1);
  }
  return keys;
}

Api::Api(ApiContext context) : context_(std::move(context)), router_(kRoutes) {}

Admission Api::admit(const Request& request) const {
  Admission admission;
  const auto refuse = [&](Response response, std::string label) {
    admission.route = nullptr;
    admission.refused = std::move(response);
    admission.label = std::move(label);
    return admission;
  };
  if (context_.keys.empty() && !isHostSafe(request.header("host"))) {
    return refuse(errorResponse({403, "host_not_allowed",
                                 "Without auth.key the relay answers only to addresses and to localhost."}),
                  "other");
  }
  Router::Match match = router_.find(request.method, request.segments);
  if (match.same_path.empty())
    return refuse(errorResponse({404, "not_found", "There is nothing at this path."}), "other");
  const std::string label(match.same_path.front()->path);
  if (request.method == "OPTIONS") return refuse(options(request, match), label);
  if (match.route == nullptr) {
    Response response = errorResponse({405, "method_not_allowed", "The method is not known at this path."});
    response.headers.emplace_back("Allow", allowHeader(match.same_path));
    return refuse(std::move(response), label);
  }
  admission.parameters = std::move(match.parameters);
  const auto room = admission.parameters.find("room");
  if (room != admission.parameters.end() && !isRoomName(room->second)) {
    return refuse(handlers::badRequest("room_name_invalid", "A room name has 1 to 64 characters of A-Z a-z 0-9 _ . -"),
                  label);
  }
  if (auto response = refuseOrigin(request)) return refuse(std::move(*response), label);
  if (auto response = refuseCaller(request, *match.route, admission)) return refuse(std::move(*response), label);
  if (auto response = refuseBody(request, *match.route)) return refuse(std::move(*response), label);
  admission.route = match.route;
  admission.label = match.route->path;
  return admission;
}

std::string Api::payer(const Admission& admission, const std::string& address) const {
  if (context_.keys.empty() || grants(admission.token.room, Access::kRelay, "")) return "";
  if (admission.route != nullptr && (admission.route->handler == alive || admission.route->handler == ready)) return "";
  if (admission.token.subject.empty()) return "address " + address;
  return "subject " + admission.token.key + " " + admission.token.subject;
}

Response Api::answer(const Request& request, Admission admission) {
  try {
    return admission.route->handler(context_,
                                    Call{request, std::move(admission.parameters), std::move(admission.token)});
  } catch (const std::exception& error) {
    // A bug of ours. The other clients of this thread must not pay for it.
    spdlog::error("{} {}: {}", request.method, admission.route->path, error.what());
    return errorResponse({500, "internal", "The relay failed to answer; its log says why."});
  }
}

bool Api::originAllowed(const Request& request) const {
  const std::string& allowed = context_.config.http.allow_origin;
  return !allowed.empty() && (allowed == "*" || request.header("origin") == allowed);
}

/// Browsers say which site a request comes from; what changes anything, and WebSockets (which CORS does not protect),
/// is for our own pages and for the configured origin.
std::optional<Response> Api::refuseOrigin(const Request& request) const {
  const std::string_view origin = request.header("origin");
  const bool upgrades = !request.header("upgrade").empty();
  if (origin.empty() || (isSafeMethod(request.method) && !upgrades) || originAllowed(request)) return std::nullopt;
  const size_t scheme_end = origin.find("://");
  if (scheme_end != std::string_view::npos && origin.substr(scheme_end + 3) == request.header("host"))
    return std::nullopt;
  return errorResponse(
      {403, "origin_not_allowed", "Pages of this origin may not use the relay; see http.allow-origin."});
}

std::optional<Response> Api::refuseCaller(const Request& request, const Route& route, Admission& admission) const {
  if (context_.keys.empty()) {
    admission.token.room = unlimitedGrant();
    return std::nullopt;
  }
  if (route.access == Access::kOpen) return std::nullopt;
  const std::string bearer = bearerToken(request, route);
  if (bearer.empty()) return unauthorised("token_missing", "A bearer token is needed.");
  auto token = verifyToken(bearer, context_.keys, static_cast<int64_t>(context_.unix_now_ms() / 1000));
  if (!token) return unauthorised("token_invalid", "The token was refused: " + token.error() + ".");
  admission.token = std::move(*token);
  const auto room = admission.parameters.find("room");
  const std::string room_name = room == admission.parameters.end() ? std::string() : room->second;
  if (grants(admission.token.room, route.access, room_name)) return std::nullopt;
  return handlers::notPermitted("The token's room grant does not allow this.");
}

std::optional<Response> Api::refuseBody(const Request& request, const Route& route) const {
  const std::string_view length = request.header("content-length"), coding = request.header("transfer-encoding");
  if (route.body == Body::kNone) {
    // RFC 9110 section 9.3.1: content of a GET has no meaning. Reading it would be work for whoever asks.
    if (coding.empty() && length.find_first_not_of('0') == std::string_view::npos) return std::nullopt;
    return handlers::badRequest("body_unexpected", "A request of this method takes no body at this path.");
  }
  if (length.empty() && coding.empty()) {
    return errorResponse({411, "length_required", "The request needs a body, and a Content-Length or chunks."});
  }
  // Refused before any of it is read; the handler sees to chunks.
  const auto bytes = sdp::number<uint64_t>(length);
  if (route.body == Body::kSdp && bytes && *bytes > kSdpBodyMax) return handlers::sdpTooLong();
  const std::string_view wanted = mediaTypeOf(route.body);
  if (mediaType(request.header("content-type")) == wanted) return std::nullopt;
  Response response =
      errorResponse({415, "media_type_unsupported", "The body must be of type " + std::string(wanted) + "."});
  // RFC 5789 section 2.2 and RFC 9110 section 15.5.16: say what would have been taken.
  response.headers.emplace_back(route.method == "PATCH" ? "Accept-Patch" : "Accept-Post", wanted);
  return response;
}

Response Api::options(const Request& request, const Router::Match& match) const {
  Response response = emptyResponse(200);
  response.headers.emplace_back("Allow", allowHeader(match.same_path));
  for (const Route* route : match.same_path) {
    if (route->body == Body::kNone) continue;
    if (route->method == "POST") response.headers.emplace_back("Accept-Post", mediaTypeOf(route->body));
    if (route->method == "PATCH") response.headers.emplace_back("Accept-Patch", mediaTypeOf(route->body));
  }
  if (originAllowed(request) && !request.header("access-control-request-method").empty()) {
    response.headers.emplace_back("Access-Control-Allow-Methods", allowHeader(match.same_path));
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "Authorization, Content-Type, If-Match, If-None-Match");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return response;
}

void Api::finish(const Request& request, Response& response) const {
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  for (auto& [name, value] : response.headers)
    if (name == "Location" && value.starts_with('/')) value = relativeReference(request.target, value);
  const std::string& allowed = context_.config.http.allow_origin;
  if (allowed.empty() || request.header("origin").empty()) return;
  if (allowed != "*") response.headers.emplace_back("Vary", "Origin");
  if (!originAllowed(request)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", allowed);
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "Location, ETag, Link, Retry-After, Accept-Patch, Accept-Post");
}

}  // namespace penstock
