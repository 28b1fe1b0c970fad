// Plain transports over HTTP: RTP or SRTP with address and keys given here, for a PBX, a recorder, GStreamer, a relay.
#include <algorithm>

#include <boost/describe/enum_to_string.hpp>

#include "control/api/handlers.h"
#include "control/api/json_body.h"
#include "control/api/plain_request.h"
#include "control/api/views.h"
#include "control/room/address.h"
#include "control/room/rooms.h"
#include "control/room/srtp_profiles.h"

namespace penstock::handlers {
namespace {

namespace json = boost::json;

Response transportUnknown() {
  return errorResponse({404, "transport_unknown", "There is no such plain transport in the room."});
}

const Participant* findPlain(const ApiContext& api, const Call& call) {
  const Participant* who = findParticipant(api, call["room"], call["participant"]);
  return who != nullptr && who->protocol == kPlainProtocol ? who : nullptr;
}

json::array codecViews(const std::vector<Codec>& codecs) {
  json::array views;
  for (const Codec& codec : codecs) {
    json::object view{{"name", codec.name},
                      {"payload_type", codec.payload_type},
                      {"clock_rate_hz", codec.clock_rate_hz},
                      {"channels", std::max(codec.channels, 1u)},
                      {"fmtp", codec.fmtp}};
    if (codec.rtx_payload_type) view["rtx_payload_type"] = *codec.rtx_payload_type;
    views.push_back(std::move(view));
  }
  return views;
}

/// What comes from it.
json::array publishViews(const Participant& who) {
  json::array views;
  for (const Track& track : who.tracks) {
    json::object view{{"track", track.id},
                      {"kind", boost::describe::enum_to_string(track.kind, "")},
                      {"codecs", codecViews(track.codecs)}};
    if (track.encodings.at(0).ssrc != 0) view["ssrc"] = track.encodings[0].ssrc;
    if (track.encodings[0].rtx_ssrc != 0) view["rtx_ssrc"] = track.encodings[0].rtx_ssrc;
    views.push_back(std::move(view));
  }
  return views;
}

/// What goes to it. A track that it takes no codec of has no stream.
json::array streamViews(const Room& room, const Participant& who) {
  const PublishedTracks published(room);
  json::array views;
  for (const Subscription& subscription : who.subscriptions) {
    const Participant* publisher = published.publisher(subscription.track);
    if (!subscription.active || publisher == nullptr) continue;
    json::object view{{"track", subscription.track},
                      {"participant", publisher->id},
                      {"kind", boost::describe::enum_to_string(published.track(subscription.track)->kind, "")},
                      {"ssrc", subscription.ssrc},
                      {"codecs", codecViews(subscription.codecs)}};
    if (subscription.rtx_ssrc != 0) view["rtx_ssrc"] = subscription.rtx_ssrc;
    views.push_back(std::move(view));
  }
  return views;
}

/// Where to send to: the relay's addresses, as clients are told them.
json::array localViews(const MediaConfig& media) {
  json::array views;
  for (const std::string& address : media.announce.empty() ? media.address : media.announce)
    views.push_back(json::object{{"address", address.substr(0, address.find('/'))}, {"port", media.port}});
  return views;
}

json::object plainView(const ApiContext& api, const Room& room, const Participant& who) {
  const auto& transport = who.publish_transport ? who.publish_transport : who.subscribe_transport;
  json::object view{{"participant", who.id},
                    {"name", who.name},
                    {"local", localViews(api.config.media)},
                    {"remote", nullptr},
                    {"latching", false},
                    {"connected", false},
                    {"srtp", nullptr},
                    {"rtcp_ssrc", 0},
                    {"publish", publishViews(who)},
                    {"subscribe_all", who.auto_subscribe},
                    {"streams", streamViews(room, who)}};
  if (!transport) return view;
  view["rtcp_ssrc"] = transport->rtcp_ssrc;
  view["latching"] = transport->remote_ip.empty();
  if (const auto given = readAddress(transport->remote_ip, transport->remote_port))
    view["remote"] = addressText(*given);
  if (transport->rtcp_port != 0) view["rtcp_port"] = transport->rtcp_port;
  if (const auto stats = api.metrics.reports().transport(transport->id); stats && stats->nominated != 0) {
    view["connected"] = true;
    view["remote"] = addressText(stats->remote);
  }
  // The profile; never the keys.
  const auto profile = static_cast<contract::SrtpProfile>(transport->keys ? transport->keys->profile : 0);
  if (const SrtpProfileText* text = findSrtpProfile(profile); text != nullptr && text->key_bytes != 0)
    view["srtp"] = text->name;
  return view;
}

}  // namespace

Response listPlain(ApiContext& api, const Call& call) {
  const Room* room = findRoom(api, call["room"]);
  if (room == nullptr) return roomUnknown();
  json::array views;
  for (const auto& [id, who] : room->participants)
    if (who.protocol == kPlainProtocol) views.push_back(plainView(api, *room, who));
  return jsonResponse(200, json::object{{"plain_transports", std::move(views)}});
}

Response addPlain(ApiContext& api, const Call& call) {
  const auto body = readBody(call.request, {"name", "remote", "srtp", "publish", "subscribe"});
  if (!body) return body.error();
  auto request = readPlainRequest(*body);
  if (!request) return errorResponse(request.error());
  request->room = call["room"];
  request->identity = call.token.subject;
  const auto added = api.service.addPlain(*request);
  if (!added) return errorResponse(added.error());
  const Room* room = findRoom(api, request->room);
  const Participant* who = findParticipant(api, request->room, *added);
  if (room == nullptr || who == nullptr) return transportUnknown();
  Response response = jsonResponse(201, plainView(api, *room, *who));
  response.headers.emplace_back("Location", "/v1/rooms/" + request->room + "/plain-transports/" + who->id);
  return response;
}

Response showPlain(ApiContext& api, const Call& call) {
  const Room* room = findRoom(api, call["room"]);
  if (room == nullptr) return roomUnknown();
  const Participant* who = findPlain(api, call);
  return who == nullptr ? transportUnknown() : jsonResponse(200, plainView(api, *room, *who));
}

Response removePlain(ApiContext& api, const Call& call) {
  if (findRoom(api, call["room"]) == nullptr) return roomUnknown();
  if (findPlain(api, call) == nullptr) return transportUnknown();
  const auto left = api.service.leave(call["room"], call["participant"], "left");
  return left ? emptyResponse() : errorResponse(left.error());
}

}  // namespace penstock::handlers
