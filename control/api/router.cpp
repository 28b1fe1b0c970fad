// See router.h. Some forty routes: looking at each in turn is faster than being clever.
#include "control/api/router.h"

#include <optional>
#include <set>

namespace penstock {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  while (!path.empty()) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return segments;
}

std::optional<Parameters> matchPath(const std::vector<std::string_view>& pattern,
                                    const std::vector<std::string>& segments) {
  Parameters parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (i >= segments.size()) return std::nullopt;
    if (!pattern[i].starts_with('{')) {
      if (pattern[i] != segments[i]) return std::nullopt;
      continue;
    }
    const std::string_view name = pattern[i].substr(1, pattern[i].size() - 2);
    if (!name.ends_with('*')) {
      parameters.emplace(name, segments[i]);
      continue;
    }
    std::string rest = segments[i];
    for (size_t j = i + 1; j < segments.size(); ++j) rest += "/" + segments[j];
    parameters.emplace(name.substr(0, name.size() - 1), rest);
    return parameters;
  }
  if (pattern.size() != segments.size()) return std::nullopt;
  return parameters;
}

}  // namespace

std::string_view mediaTypeOf(Body body) {
  switch (body) {
    case Body::kNone:
      return "";
    case Body::kJson:
      return "application/json";
    case Body::kSdp:
      return "application/sdp";
    case Body::kSdpFragment:
      return "application/trickle-ice-sdpfrag";
  }
  return "";
}

Router::Router(std::span<const Route> routes) : routes_(routes) {
  for (const Route& route : routes) templates_.push_back(split(route.path));
}

Router::Match Router::find(std::string_view method, const std::vector<std::string>& segments) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Match match;
  for (size_t i = 0; i < routes_.size(); ++i) {
    auto parameters = matchPath(templates_[i], segments);
    if (!parameters) continue;
    match.same_path.push_back(&routes_[i]);
    if (match.route != nullptr || routes_[i].method != wanted) continue;
    match.route = &routes_[i];
    match.parameters = std::move(*parameters);
  }
  return match;
}

std::string allowHeader(const std::vector<const Route*>& same_path) {
  std::set<std::string_view> methods{"OPTIONS"};
  for (const Route* route : same_path) {
    methods.insert(route->method);
    if (route->method == "GET") methods.insert("HEAD");
  }
  std::string header;
  for (const std::string_view method : methods) header += (header.empty() ? "" : ", ") + std::string(method);
  return header;
}

}  // namespace penstock
