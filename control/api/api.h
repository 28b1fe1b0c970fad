// The HTTP API without the network: a request's head is admitted or refused, then a handler answers. START HERE:
// kRoutes in api.cpp is the list of everything the relay answers.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "config/config.h"
#include "control/api/event_hub.h"
#include "control/api/http_message.h"
#include "control/api/jwt.h"
#include "control/api/pages.h"
#include "control/api/router.h"
#include "control/metrics/metrics.h"
#include "control/signalling/service.h"

namespace penstock {

/// What handlers work with.
struct ApiContext {
  const Config& config;
  Service& service;
  Metrics& metrics;
  EventHub& events;
  const Pages& pages;
  TokenKeys keys;  // empty: everybody may do everything
  std::function<uint64_t()> unix_now_ms;
};

/// The outcome of looking at a request's head.
struct Admission {
  const Route* route = nullptr;  // nullptr: `refused` is the answer
  std::map<std::string, std::string, std::less<>> parameters;
  Token token;
  std::optional<Response> refused;
  std::string label;  // the route, for metrics
};

std::span<const Route> apiRoutes();

class Api {
 public:
  explicit Api(ApiContext context);

  /// From method, target and headers: before any of the body is read or kept.
  Admission admit(const Request& request) const;
  /// Whose budget of CPU time a request spends: the token's subject, or else `address`; empty: nobody's, as for who
  /// administers the relay, for supervisors, and without keys.
  std::string payer(const Admission& admission, const std::string& address) const;
  /// With the body, on an admission that was not refused.
  Response answer(const Request& request, Admission admission);
  /// Adds what every response carries: CORS and security headers.
  void finish(const Request& request, Response& response) const;

 private:
  std::optional<Response> refuseOrigin(const Request& request) const;
  std::optional<Response> refuseCaller(const Request& request, const Route& route, Admission& admission) const;
  std::optional<Response> refuseBody(const Request& request, const Route& route) const;
  Response options(const Request& request, const Router::Match& match) const;
  bool originAllowed(const Request& request) const;

  ApiContext context_;
  Router router_;
};

/// auth.key: "id:secret". Throws std::runtime_error on one without a colon or with a secret of under 32 characters.
TokenKeys readKeys(const AuthConfig& config);

}  // namespace penstock
