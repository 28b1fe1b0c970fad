// What concerns the relay as a whole: figures, events, health, the API's description, the pages, the conference socket.
#include "control/api/conference.h"
#include "control/api/encoding.h"
#include "control/api/handlers.h"
#include "control/api/openapi.h"
#include "control/api/views.h"

namespace penstock::handlers {

namespace json = boost::json;

Response roomStats(ApiContext& api, const Call& call) {
  if (findRoom(api, call["room"]) == nullptr) return roomUnknown();
  return jsonPieces(penstock::roomStats(api.service.rooms(), call["room"], api.metrics.reports()));
}

Response relayStats(ApiContext& api, const Call&) {
  return jsonResponse(200, relayStatsView(api.service.rooms(), api.metrics));
}

Response listCounters(ApiContext& api, const Call&) {
  return jsonResponse(200, json::object{{"counters", counterViews(api.metrics.reports().figures())}});
}

Response events(ApiContext& api, const Call& call) {
  const std::string room = call.request.parameter("room");
  if (!room.empty() && !isRoomName(room)) {
    return badRequest("room_name_invalid", "A room name has 1 to 64 characters of A-Z a-z 0-9 _ . -");
  }
  const RoomGrant& grant = call.token.room;
  const bool permitted =
      room.empty() ? grant.name == "*" && grant.admin : grant.covers(room) && (grant.moderate || grant.admin);
  if (!permitted) return notPermitted("Events need room.admin for \"*\", or room.moderate for the room named.");
  if (call.request.method == "HEAD") return emptyResponse(200);
  Response response;
  response.headers = {
      {"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.stream = api.events.open(room, call.token.expires_unix_ms);
  return response;
}

Response description(ApiContext&, const Call&) {
  Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache"}};
  response.body = kOpenApi;
  return response;
}

Response conference(ApiContext& api, const Call& call) {
  if (mediaType(call.request.header("upgrade")) != "websocket") {
    Response response =
        errorResponse({426, "upgrade_required", "This is a WebSocket: see control/signalling/PROTOCOL.md."});
    response.headers.emplace_back("Upgrade", "websocket");
    response.headers.emplace_back("Connection", "Upgrade");
    return response;
  }
  const std::string_view offered = call.request.header("sec-websocket-protocol");
  if (!offered.empty() && offered.find(kConferenceProtocol) == std::string_view::npos) {
    return badRequest("protocol_unknown", "The subprotocol is " + std::string(kConferenceProtocol) + ".");
  }
  Response response;
  response.status = 101;
  if (!offered.empty()) response.headers.emplace_back("Sec-WebSocket-Protocol", kConferenceProtocol);
  response.socket = std::make_shared<Conference>(api.service, call["room"], call.token);
  return response;
}

Response prometheusMetrics(ApiContext& api, const Call&) {
  Response response;
  response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {"Cache-Control", "no-store"}};
  response.body = api.metrics.expose(api.service.rooms());
  return response;
}

Response alive(ApiContext&, const Call&) {
  return jsonResponse(200, json::object{{"status", "alive"}});
}

Response ready(ApiContext& api, const Call&) {
  if (isAlive(api.metrics.reports().figures())) return jsonResponse(200, json::object{{"status", "ready"}});
  return errorResponse({503, "dataplane_absent", "No dataplane is attached, or its heart does not beat."});
}

Response page(ApiContext& api, const Call& call) {
  return api.pages.serve("index.html", call.request);
}
Response operatorPage(ApiContext& api, const Call& call) {
  return api.pages.serve("status.html", call.request);
}
Response asset(ApiContext& api, const Call& call) {
  return api.pages.serve("assets/" + call["path"], call.request);
}

}  // namespace penstock::handlers
