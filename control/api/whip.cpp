// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): one POST with an SDP offer makes a participant, its URL ends it.
//
// No Link header is sent: an ICE-lite relay with a public address needs no STUN or TURN server, and there are no
// extensions. Nothing is remembered here: the session's URL is checked against the participant's own secret, the entity
// tag is the ICE session's user fragment, and both outlive a restart of penstockd with the room model.
#include <algorithm>
#include <functional>
#include <optional>

#include "control/api/digest.h"
#include "control/api/encoding.h"
#include "control/api/handlers.h"
#include "control/signalling/secret.h"

namespace penstock::handlers {
namespace {

enum class Direction { kIn, kOut };

const char* root(Direction direction) {
  return direction == Direction::kIn ? "/whip/" : "/whep/";
}
const char* protocol(Direction direction) {
  return direction == Direction::kIn ? "whip" : "whep";
}
Purpose purpose(Direction direction) {
  return direction == Direction::kIn ? Purpose::publish : Purpose::subscribe;
}

const std::optional<Transport>& transportOf(const Participant& participant, Direction direction) {
  return direction == Direction::kIn ? participant.publish_transport : participant.subscribe_transport;
}

/// "id.secret": ids are shown to everybody in the room, hence the part that nobody else can know.
std::string sessionName(const Participant& participant) {
  return participant.id + "." +
         hexadecimal(sha256("session of " + participant.id + participant.resume_token)).substr(0, 32);
}

/// RFC 9725 section 4.3.1: "a unique strong entity-tag identifying the ICE session".
std::string entityTag(const Participant& participant, Direction direction) {
  const auto& transport = transportOf(participant, direction);
  return "\"" + (transport ? transport->ice_ufrag : std::string()) + "\"";
}

const Participant* findSession(const ApiContext& api, const Call& call, Direction direction) {
  const std::string& session = call["session"];
  const Participant* participant = findParticipant(api, call["room"], session.substr(0, session.rfind('.')));
  if (participant == nullptr || participant->protocol != protocol(direction)) return nullptr;
  return equalInConstantTime(session, sessionName(*participant)) ? participant : nullptr;
}

Response sessionUnknown() {
  return errorResponse({404, "session_unknown", "There is no such session, or it has ended."});
}

/// WHEP has 406 for offers that cannot be met, where WHIP has 422 (RFC 9725 section 4.4.2).
Refusal refusalOf(Refusal refusal, Direction direction) {
  if (direction == Direction::kOut && refusal.code == "sdp_unsupported") refusal.status = 406;
  return refusal;
}

/// The client's first check may come right after our answer: by then the dataplane should know its user fragment.
std::function<bool()> appliedIn(const ReportSource& reports, const std::string& transport) {
  if (!reports.figures().attached) return nullptr;
  return [&reports, transport] { return reports.transport(transport).has_value(); };
}

bool allows(const RoomGrant& grant, Direction direction) {
  return direction == Direction::kIn ? grant.publish : grant.subscribe;
}

/// A session lasts as long as the token of its subject that is good longest.
void extend(ApiContext& api, const Call& call, Direction direction, const Participant& participant) {
  const Token& token = call.token;
  if (token.subject != participant.identity || !allows(token.room, direction)) return;
  (void)api.service.extend(call["room"], participant.id, token.expires_unix_ms);
}

Response post(ApiContext& api, const Call& call, Direction direction) {
  const RoomGrant& grant = call.token.room;
  if (!allows(grant, direction)) {
    return notPermitted(direction == Direction::kIn ? "WHIP needs room.publish." : "WHEP needs room.subscribe.");
  }
  const std::string asked_name = call.request.parameter("name");
  const std::string& name = call.token.name.empty() ? asked_name : call.token.name;
  if (!isDisplayName(name)) return badRequest("name_invalid", "name must have at most 64 characters of UTF-8.");
  if (call.request.body.empty()) return badRequest("sdp_invalid", "The body must be an SDP offer.");
  if (call.request.body.size() > kSdpBodyMax) return sdpTooLong();

  JoinRequest request;
  request.room = call["room"];
  request.name = name.empty() ? protocol(direction) : name;
  request.identity = call.token.subject;
  request.protocol = protocol(direction);
  request.permissions = grant.permissions();
  request.expires_unix_ms = call.token.expires_unix_ms;
  request.auto_subscribe = direction == Direction::kOut;
  const auto joined = api.service.join(request, nullptr);
  if (!joined) return errorResponse(joined.error());
  const std::string room = call["room"];
  const auto answer = direction == Direction::kIn
                          ? api.service.publish(room, *joined, call.request.body, {})
                          : api.service.play(room, *joined, call.request.body, call.request.parameter("participant"));
  if (!answer) {
    (void)api.service.leave(room, *joined, "left");
    Response refused = errorResponse(refusalOf(answer.error(), direction));
    // WHEP section 4.2: a player may come back once somebody publishes, and is told when to try.
    if (answer.error().status == 409) refused.headers.emplace_back("Retry-After", "2");
    return refused;
  }
  const Participant* participant = findParticipant(api, room, *joined);
  if (participant == nullptr) return sessionUnknown();
  Response response;
  response.status = 201;
  response.headers = {{"Content-Type", "application/sdp"},
                      {"Location", root(direction) + room + "/" + sessionName(*participant)},
                      {"ETag", entityTag(*participant, direction)},
                      {"Accept-Patch", std::string(mediaTypeOf(Body::kSdpFragment))},
                      {"Cache-Control", "no-store"}};
  response.body = *answer;
  if (const auto& transport = transportOf(*participant, direction))
    response.ready = appliedIn(api.metrics.reports(), transport->id);
  return response;
}

/// RFC 9110 section 13.1.1: "*" or a list of entity tags, compared strongly; a weak one ("W/...") never matches.
bool matches(const Request& request, const std::string& tag) {
  for (const auto& [name, value] : request.headers) {
    if (name != "if-match") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      // Tags have no quote within, but may have commas: those are not ours, and fall apart into what is no tag of ours.
      std::string_view item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(item.size() + 1, rest.size()));
      while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
      while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
      if (item == "*" || item == tag) return true;
    }
  }
  return false;
}

/// The value of the first such line, of an SDP fragment (RFC 8840 section 9).
std::string attribute(std::string_view fragment, std::string_view name) {
  const std::string start = "a=" + std::string(name) + ":";
  while (!fragment.empty()) {
    const size_t end = fragment.find('\n');
    std::string_view line = fragment.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(start)) return std::string(line.substr(start.size()));
    if (end == std::string_view::npos) break;
    fragment.remove_prefix(end + 1);
  }
  return {};
}

/// Every line "x=..." with a known letter: a fragment has no others.
bool isFragment(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && (line.size() < 3 || line[1] != '=' || line[0] < 'a' || line[0] > 'z')) return false;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return true;
}

Response patch(ApiContext& api, const Call& call, Direction direction) {
  const Participant* participant = findSession(api, call, direction);
  if (participant == nullptr) return sessionUnknown();
  if (call.request.header("if-match").empty()) {
    return errorResponse({428, "if_match_missing", "If-Match must name the ICE session, or be * for an ICE restart."});
  }
  if (!matches(call.request, entityTag(*participant, direction))) {
    return errorResponse({412, "if_match_failed", "The ICE session has another entity tag."});
  }
  if (!isFragment(call.request.body)) return badRequest("sdp_invalid", "The body is not an SDP fragment.");
  const std::string ufrag = attribute(call.request.body, "ice-ufrag"), pwd = attribute(call.request.body, "ice-pwd");
  if (ufrag.empty() || pwd.empty()) return badRequest("sdp_invalid", "a=ice-ufrag and a=ice-pwd are needed.");

  extend(api, call, direction, *participant);
  // RFC 9725 section 4.3.3: "any WHIP session receiving an updated "ice-pwd" and "ice-ufrag" attributes MUST consider
  // the request as performing an ICE restart".
  const Session& session = direction == Direction::kIn ? participant->publish_session : participant->subscribe_session;
  // Candidates of a client are not needed: an ICE-lite agent only answers checks. They are read and let go.
  if (ufrag == session.remote_ufrag) return emptyResponse(204);
  const std::string room = call["room"], id = participant->id;
  const auto fragment = api.service.restartIce(room, id, purpose(direction), call.request.body);
  if (!fragment) return errorResponse(fragment.error());
  participant = findParticipant(api, room, id);
  if (participant == nullptr) return sessionUnknown();
  Response response;
  response.headers = {{"Content-Type", std::string(mediaTypeOf(Body::kSdpFragment))},
                      {"ETag", entityTag(*participant, direction)},
                      {"Cache-Control", "no-store"}};
  response.body = *fragment;
  return response;
}

Response remove(ApiContext& api, const Call& call, Direction direction) {
  const Participant* participant = findSession(api, call, direction);
  if (participant == nullptr) return sessionUnknown();
  const std::string id = participant->id;
  const auto left = api.service.leave(call["room"], id, "left");
  return left ? emptyResponse(200) : errorResponse(left.error());
}

}  // namespace

Response sdpTooLong() {
  Response response = errorResponse({413, "body_too_long", "The SDP is longer than 64 KiB."});
  response.close = true;
  return response;
}

Response whipPost(ApiContext& api, const Call& call) {
  return post(api, call, Direction::kIn);
}
Response whepPost(ApiContext& api, const Call& call) {
  return post(api, call, Direction::kOut);
}
Response whipPatch(ApiContext& api, const Call& call) {
  return patch(api, call, Direction::kIn);
}
Response whepPatch(ApiContext& api, const Call& call) {
  return patch(api, call, Direction::kOut);
}
Response whipDelete(ApiContext& api, const Call& call) {
  return remove(api, call, Direction::kIn);
}
Response whepDelete(ApiContext& api, const Call& call) {
  return remove(api, call, Direction::kOut);
}

/// RFC 9725 section 4.1: endpoints and sessions "MUST return a 2XX successful response with no content when a GET
/// request is received".
Response whipGet(ApiContext&, const Call&) {
  return emptyResponse(204);
}

}  // namespace penstock::handlers
