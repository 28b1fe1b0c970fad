// Rooms and participants: opened, joined, left, closed. Media is in rooms_media.cpp.
#include "control/room/rooms.h"

#include <algorithm>
#include <utility>

#include "control/room/apply.h"
#include "control/room/authorise.h"
#include "control/room/notices.h"

namespace penstock {

Refused Apply::refuse(int status, const char* code, const char* message) {
  return Refused(Refusal{status, code, message});
}
Refused Apply::roomUnknown() {
  return refuse(404, "room_unknown", "There is no such room.");
}
Refused Apply::participantUnknown() {
  return refuse(404, "participant_unknown", "There is no such participant in the room.");
}
Refused Apply::trackUnknown() {
  return refuse(404, "track_unknown", "There is no such track in the room.");
}

Result<Change> Rooms::apply(const RoomEvent& event) {
  Apply apply{*this, {}};
  if (auto done = std::visit(apply, event); !done) return std::unexpected(done.error());
  return std::move(apply.change);
}

void Rooms::restore(std::vector<Room> rooms) {
  rooms_.clear();
  transport_owner_.clear();
  track_owner_.clear();
  shares_ = SubscriptionShares(limits_.subscriptions_max);
  for (Room& room : rooms) {
    last_number_ = std::max(last_number_, room.number);
    for (const auto& [id, who] : room.participants) {
      const ParticipantKey key{room.name, id};
      for (const Track& track : who.tracks) track_owner_[track.id] = key;
      shares_.change(room.name, who.identity, 0, activeOf(who.subscriptions));
      if (who.publish_transport) transport_owner_[who.publish_transport->id] = key;
      if (who.subscribe_transport) transport_owner_[who.subscribe_transport->id] = key;
    }
    rooms_[room.name] = std::move(room);
  }
}

const Room* Rooms::room(const std::string& name) const {
  const auto found = rooms_.find(name);
  return found == rooms_.end() ? nullptr : &found->second;
}

const Participant* Rooms::participant(const std::string& room_name, const std::string& id) const {
  const Room* in = room(room_name);
  if (!in) return nullptr;
  const auto found = in->participants.find(id);
  return found == in->participants.end() ? nullptr : &found->second;
}

const ParticipantKey* Rooms::ownerOfTransport(const std::string& transport) const {
  const auto found = transport_owner_.find(transport);
  return found == transport_owner_.end() ? nullptr : &found->second;
}

const ParticipantKey* Rooms::ownerOfTrack(const std::string& track) const {
  const auto found = track_owner_.find(track);
  return found == track_owner_.end() ? nullptr : &found->second;
}

const Track* findTrack(const Participant& participant, const std::string& track) {
  const auto found = std::ranges::find(participant.tracks, track, &Track::id);
  return found == participant.tracks.end() ? nullptr : &*found;
}

const Subscription* findSubscription(const Participant& participant, const std::string& track) {
  const auto found = std::ranges::find(participant.subscriptions, track, &Subscription::track);
  return found == participant.subscriptions.end() ? nullptr : &*found;
}

size_t activeOf(const std::vector<Subscription>& subscriptions) {
  return static_cast<size_t>(std::ranges::count_if(subscriptions, &Subscription::active));
}

const Track* findTrack(const Room& room, const std::string& track) {
  for (const auto& [id, participant] : room.participants)
    if (const Track* found = findTrack(participant, track)) return found;
  return nullptr;
}

TransportPlace placeOf(const Room& room, const Participant& who) {
  const RoomSettings& settings = room.settings;
  // A recorder, or another relay, gets what it asked for.
  const auto room_last_n = who.protocol == "plain" ? std::nullopt : settings.last_n;
  const bool fewer = who.last_n && (!room_last_n || *who.last_n < *room_last_n);
  return {.room = room.number,
          .last_n = fewer ? who.last_n : room_last_n,
          .partner = who.publish_transport ? who.publish_transport->id : "",
          .loudest = settings.loudest,
          .forward_silence = settings.forward_silence};
}

Room* Apply::room(const std::string& name) {
  const auto found = rooms.rooms_.find(name);
  return found == rooms.rooms_.end() ? nullptr : &found->second;
}

Participant* Apply::participant(const std::string& room_name, const std::string& id) {
  return const_cast<Participant*>(rooms.participant(room_name, id));
}

void Apply::say(const std::string& room_name, const std::string& except, boost::json::object message) {
  change.messages.push_back({room_name, except, std::move(message)});
}

Result<void> Apply::operator()(const RoomOpened& event) {
  if (auto good = checkRoomName(event.room); !good) return good;
  if (room(event.room)) return refuse(409, "room_exists", "There is a room of this name already.");
  if (rooms.rooms_.size() >= rooms.limits_.rooms_max)
    return refuse(503, "rooms_full", "The relay has as many rooms as it may have.");
  Room& opened = rooms.rooms_[event.room];
  opened.name = event.room;
  opened.number = ++rooms.last_number_;
  opened.settings = event.settings;
  opened.keep_when_empty = event.keep_when_empty;
  opened.created_unix_ms = event.created_unix_ms;
  change.rooms.insert(event.room);
  say(event.room, "", notices::roomOpened(opened));
  return {};
}

Result<void> Apply::operator()(const RoomSettingsSet& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  if (in->settings == event.settings) return {};
  in->settings = event.settings;
  change.rooms.insert(event.room);
  for (const auto& [id, who] : in->participants) touchTransports(who);
  return {};
}

Result<void> Apply::operator()(const RoomClosed& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  while (!in->participants.empty()) removeParticipant(*in, std::string(in->participants.begin()->first), "room_closed");
  rooms.rooms_.erase(event.room);
  change.rooms.erase(event.room);
  change.rooms_removed.insert(event.room);
  say(event.room, "", notices::roomClosed());
  return {};
}

Result<void> Apply::operator()(const ParticipantJoined& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  if (auto good = checkDisplayName(event.participant.name); !good) return good;
  if (event.participant.id.empty() || in->participants.contains(event.participant.id))
    return refuse(409, "participant_exists", "There is a participant of this id already.");
  if (in->participants.size() >= in->settings.participants_max)
    return refuse(503, "room_full", "The room has as many participants as it may have.");
  // Who could neither send nor receive is better told at the door.
  if (rooms.transport_owner_.size() >= rooms.limits_.transports_max)
    return refuse(503, "overloaded", "The relay serves as many clients as it can.");

  Participant& who = in->participants[event.participant.id];
  who = event.participant;
  // Media comes by its own events, which check it.
  who.tracks.clear();
  who.subscriptions.clear();
  who.publish_transport.reset();
  who.subscribe_transport.reset();
  const ParticipantKey key{event.room, who.id};
  change.participants.insert(key);
  say(event.room, who.id, notices::participantJoined(who));
  if (who.auto_subscribe && who.permissions.subscribe) wantAll(*in, who);
  return {};
}

Result<void> Apply::operator()(const RightsSet& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  Participant* who = participant(event.room, event.participant);
  if (!who) return participantUnknown();
  const Permissions before = std::exchange(who->permissions, event.permissions);
  who->expires_unix_ms = event.expires_unix_ms;
  change.participants.insert({event.room, event.participant});
  if (before.publish && !event.permissions.publish) endPublishing(*in, *who);
  if (before.subscribe && !event.permissions.subscribe) endSubscribing(*in, *who);
  if (!before.subscribe && event.permissions.subscribe && who->auto_subscribe) wantAll(*in, *who);
  touchTransports(*who);  // one may have lost its partner
  return {};
}

Result<void> Apply::operator()(const ParticipantLeft& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  if (!in->participants.contains(event.participant)) return participantUnknown();
  removeParticipant(*in, event.participant, event.reason);
  if (!in->participants.empty() || in->keep_when_empty) return {};
  rooms.rooms_.erase(event.room);
  change.rooms_removed.insert(event.room);
  say(event.room, "", notices::roomClosed());
  return {};
}

void Apply::removeParticipant(Room& in, const std::string& id, const std::string& reason) {
  Participant& who = in.participants.at(id);
  rooms.shares_.change(in.name, who.identity, activeOf(who.subscriptions), 0);
  for (const Subscription& subscription : who.subscriptions)
    if (who.subscribe_transport) change.subscriptions_removed.insert({who.subscribe_transport->id, subscription.track});
  for (const Track& track : who.tracks) {
    removeSubscriptions(in, track.id);
    rooms.track_owner_.erase(track.id);
    change.tracks.erase(track.id);
    change.tracks_removed.insert(track.id);
  }
  removeTransport(who.publish_transport);
  removeTransport(who.subscribe_transport);
  const ParticipantKey key{in.name, id};
  in.participants.erase(id);
  change.participants.erase(key);
  change.wants_changed.erase(key);
  change.participants_removed[key] = reason;
  say(in.name, id, notices::participantLeft(id, reason));
}

}  // namespace penstock
