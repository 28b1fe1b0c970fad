// Rooms, participants, subscriptions and tracks over HTTP: each handler is one call of the Service.
#include <iterator>
#include <optional>
#include <set>

#include "control/api/encoding.h"
#include "control/api/handlers.h"
#include "control/api/json_body.h"
#include "control/api/views.h"
#include "control/room/rooms.h"
#include "control/signalling/room_defaults.h"

namespace penstock::handlers {
namespace {

namespace json = boost::json;

/// Fills `to` when the field is there; the refusal when it is not a whole number from 1 to 100000.
std::optional<Response> readLimit(const json::object& body, std::string_view field, uint32_t& to) {
  const json::value* value = body.if_contains(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int64() || value->get_int64() < 1 || value->get_int64() > 100'000) {
    return badRequest("field_invalid", std::string(field) + " must be a whole number from 1 to 100000.");
  }
  to = static_cast<uint32_t>(value->get_int64());
  return std::nullopt;
}

constexpr std::string_view kSettings[] = {"participants_max", "tracks_max", "last_n", "loudest", "forward_silence"};
constexpr uint64_t kLastNMax = 8192;

/// Fills `to` when the field is there: null is none.
std::optional<Response> readLastN(const json::object& body, std::optional<uint16_t>& to) {
  const json::value* value = body.if_contains("last_n");
  if (value == nullptr) return std::nullopt;
  to.reset();
  if (value->is_null()) return std::nullopt;
  if (!value->is_int64() || value->get_int64() < 0 || value->get_int64() > static_cast<int64_t>(kLastNMax)) {
    return badRequest("field_invalid", "last_n must be a whole number from 0 to 8192, or null.");
  }
  to = static_cast<uint16_t>(value->get_int64());
  return std::nullopt;
}

std::optional<Response> readSettings(const json::object& body, RoomSettings& to) {
  if (auto refused = readLimit(body, "participants_max", to.participants_max)) return refused;
  if (auto refused = readLimit(body, "tracks_max", to.tracks_max)) return refused;
  if (auto refused = readLastN(body, to.last_n)) return refused;
  if (const json::value* loudest = body.if_contains("loudest")) {
    if (!loudest->is_int64() || loudest->get_int64() < 0 || loudest->get_int64() > 255) {
      return badRequest("field_invalid", "loudest must be a whole number from 0 to 255.");
    }
    to.loudest = static_cast<uint8_t>(loudest->get_int64());
  }
  if (const json::value* forward = body.if_contains("forward_silence")) {
    if (!forward->is_bool()) return badRequest("field_invalid", "forward_silence must be true or false.");
    to.forward_silence = forward->get_bool();
  }
  return std::nullopt;
}

/// The next by id; nullptr: `last` was the last, or the room is closed.
const Participant* participantBehind(const ApiContext& api, const std::string& room, const std::string& last) {
  const Room* found = findRoom(api, room);
  if (found == nullptr) return nullptr;
  const auto next = found->participants.upper_bound(last);
  return next == found->participants.end() ? nullptr : &next->second;
}

template <class T>
Response emptyOr(const Result<T>& result) {
  return result ? emptyResponse() : errorResponse(result.error());
}

}  // namespace

const Room* findRoom(const ApiContext& api, const std::string& room) {
  const auto found = api.service.rooms().find(room);
  return found == api.service.rooms().end() ? nullptr : &found->second;
}

const Participant* findParticipant(const ApiContext& api, const std::string& room, const std::string& participant) {
  const Room* found_room = findRoom(api, room);
  if (found_room == nullptr) return nullptr;
  const auto found = found_room->participants.find(participant);
  return found == found_room->participants.end() ? nullptr : &found->second;
}

Response roomUnknown() {
  return errorResponse({404, "room_unknown", "There is no such room."});
}
Response participantUnknown() {
  return errorResponse({404, "participant_unknown", "There is no such participant in the room."});
}
Response trackUnknown() {
  return errorResponse({404, "track_unknown", "There is no such track in the room."});
}
Response badRequest(const std::string& code, const std::string& message) {
  return errorResponse({400, code, message});
}
Response notPermitted(const std::string& message) {
  return errorResponse({403, "not_permitted", message});
}

Response listRooms(ApiContext& api, const Call&) {
  return jsonList("rooms", [&api, last = std::string()]() mutable -> std::optional<json::object> {
    const auto next = api.service.rooms().upper_bound(last);
    if (next == api.service.rooms().end()) return std::nullopt;
    last = next->first;
    return roomView(next->second);
  });
}

Response openRoom(ApiContext& api, const Call& call) {
  std::set<std::string_view> members(std::begin(kSettings), std::end(kSettings));
  members.insert("name");
  const auto body = readBody(call.request, members);
  if (!body) return body.error();
  const json::value* name = body->if_contains("name");
  if (name == nullptr || !name->is_string() || !isRoomName(name->get_string())) {
    return badRequest("room_name_invalid", "name must have 1 to 64 characters of A-Z a-z 0-9 _ . -");
  }
  const std::string room(name->get_string());
  if (!call.token.room.covers(room) || !call.token.room.admin) {
    return notPermitted("Opening a room needs room.admin for it.");
  }
  RoomSettings settings = roomDefaults(api.config.rooms);
  if (auto refused = readSettings(*body, settings)) return *refused;
  if (const auto opened = api.service.openRoom(room, settings); !opened) return errorResponse(opened.error());
  const Room* opened_room = findRoom(api, room);
  if (opened_room == nullptr) return roomUnknown();
  Response response = jsonResponse(201, roomView(*opened_room));
  response.headers.emplace_back("Location", "/v1/rooms/" + room);
  return response;
}

Response showRoom(ApiContext& api, const Call& call) {
  const Room* room = findRoom(api, call["room"]);
  return room == nullptr ? roomUnknown() : jsonResponse(200, roomView(*room));
}

Response changeRoom(ApiContext& api, const Call& call) {
  const Room* room = findRoom(api, call["room"]);
  if (room == nullptr) return roomUnknown();
  const auto body = readBody(call.request, {std::begin(kSettings), std::end(kSettings)});
  if (!body) return body.error();
  RoomSettings settings = room->settings;
  if (auto refused = readSettings(*body, settings)) return *refused;
  if (const auto set = api.service.changeSettings(call["room"], settings); !set) return errorResponse(set.error());
  return showRoom(api, call);
}

Response closeRoom(ApiContext& api, const Call& call) {
  return emptyOr(api.service.closeRoom(call["room"]));
}

Response listParticipants(ApiContext& api, const Call& call) {
  if (findRoom(api, call["room"]) == nullptr) return roomUnknown();
  return jsonList("participants",
                  [&api, room = call["room"], last = std::string()]() mutable -> std::optional<json::object> {
                    const Participant* next = participantBehind(api, room, last);
                    if (next == nullptr) return std::nullopt;
                    last = next->id;
                    return participantView(*next);
                  });
}

Response showParticipant(ApiContext& api, const Call& call) {
  if (findRoom(api, call["room"]) == nullptr) return roomUnknown();
  const Participant* participant = findParticipant(api, call["room"], call["participant"]);
  return participant == nullptr ? participantUnknown() : jsonResponse(200, participantView(*participant));
}

Response changeParticipant(ApiContext& api, const Call& call) {
  const auto body = readBody(call.request, {"last_n"});
  if (!body) return body.error();
  const Participant* participant = findParticipant(api, call["room"], call["participant"]);
  std::optional<uint16_t> last_n = participant == nullptr ? std::nullopt : participant->last_n;
  if (auto refused = readLastN(*body, last_n)) return *refused;
  if (const auto set = api.service.setLastN(call["room"], call["participant"], last_n); !set) {
    return errorResponse(set.error());
  }
  return showParticipant(api, call);
}

Response kickParticipant(ApiContext& api, const Call& call) {
  return emptyOr(api.service.leave(call["room"], call["participant"], "kicked"));
}

Response listSubscriptions(ApiContext& api, const Call& call) {
  const Room* room = findRoom(api, call["room"]);
  if (room == nullptr) return roomUnknown();
  const Participant* participant = findParticipant(api, call["room"], call["participant"]);
  if (participant == nullptr) return participantUnknown();
  const PublishedTracks published(*room);
  json::array subscriptions;
  for (const Subscription& subscription : participant->subscriptions) {
    subscriptions.push_back(subscriptionView(published, subscription));
  }
  return jsonResponse(200, json::object{{"subscriptions", std::move(subscriptions)}});
}

Response subscribe(ApiContext& api, const Call& call) {
  return emptyOr(api.service.subscribe(call["room"], call["participant"], call["track"]));
}

Response unsubscribe(ApiContext& api, const Call& call) {
  return emptyOr(api.service.unsubscribe(call["room"], call["participant"], call["track"]));
}

Response listTracks(ApiContext& api, const Call& call) {
  if (findRoom(api, call["room"]) == nullptr) return roomUnknown();
  return jsonList("tracks",
                  [&api, room = call["room"], publisher = std::string(),
                   index = size_t{0}]() mutable -> std::optional<json::object> {
                    const Participant* who = findParticipant(api, room, publisher);
                    while (who == nullptr || index >= who->tracks.size()) {
                      who = participantBehind(api, room, publisher);
                      if (who == nullptr) return std::nullopt;
                      publisher = who->id;
                      index = 0;
                    }
                    return trackView(*who, who->tracks[index++]);
                  });
}

Response showTrack(ApiContext& api, const Call& call) {
  const Room* room = findRoom(api, call["room"]);
  if (room == nullptr) return roomUnknown();
  const PublishedTracks published(*room);
  const Participant* publisher = published.publisher(call["track"]);
  if (publisher == nullptr) return trackUnknown();
  return jsonResponse(200, trackView(*publisher, *published.track(call["track"])));
}

Response muteTrack(ApiContext& api, const Call& call) {
  const auto body = readBody(call.request, {"muted"});
  if (!body) return body.error();
  const json::value* muted = body->if_contains("muted");
  if (muted == nullptr || !muted->is_bool()) return badRequest("field_invalid", "muted must be true or false.");
  if (const auto done = api.service.mute(call["room"], call["track"], true, muted->get_bool()); !done) {
    return errorResponse(done.error());
  }
  return showTrack(api, call);
}

Response unpublishTrack(ApiContext& api, const Call& call) {
  return emptyOr(api.service.unpublish(call["room"], call["track"]));
}

}  // namespace penstock::handlers
