// Joining, leaving, coming back: who is in the rooms.
#include "control/signalling/room_service.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "control/room/authorise.h"
#include "control/room/notices.h"
#include "control/signalling/room_defaults.h"
#include "control/signalling/secret.h"

namespace penstock {
namespace {

std::unexpected<Refusal> refuse(int status, const char* code, const char* message) {
  return std::unexpected(Refusal{status, code, message});
}

}  // namespace

RoomService::RoomService(const RoomsConfig& config, LocalSide local, const Edges& edges, RoomsLimits rows)
    : config_(config),
      local_(std::move(local)),
      edges_(edges),
      fresh_(edges.chance),
      rooms_({config.rooms_max, rows.transports_max, rows.tracks_max, rows.subscriptions_max}) {}

Result<void> RoomService::apply(const RoomEvent& event) {
  const auto change = rooms_.apply(event);
  if (!change) return std::unexpected(change.error());
  follow(*change);
  return {};
}

void RoomService::restore(std::vector<Room> rooms) {
  rooms_.restore(std::move(rooms));
  std::vector<std::string> empty;
  for (const auto& [name, room] : rooms_.all()) {
    if (room.participants.empty() && !room.keep_when_empty) empty.push_back(name);
    std::vector<std::pair<std::string, uint32_t>> parked;
    Change all;  // everything is put again: what is as it was costs nothing
    for (const auto& [id, who] : room.participants) {
      const ParticipantKey key{name, id};
      Presence& presence = presence_[key];
      presence.offer_due = !who.subscriptions.empty();
      if (!isPlain(who)) expect(key, who.protocol == "websocket" ? config_.resume_timeout_s * 1000 : kConnectWithinMs);
      for (const Track& track : who.tracks) all.tracks.insert(track.id);
      for (const auto* transport : {&who.publish_transport, &who.subscribe_transport}) {
        if (!*transport) continue;
        all.transports.insert((*transport)->id);
        if ((*transport)->plain) plain_claims_.take(room.name, **transport, who.tracks);
        const bool waits = !(*transport)->keys && !(*transport)->remote_fingerprint.empty();
        if (waits) startHandshake(key, **transport);
      }
      for (const MediaSection& section : who.subscribe_session.sections)
        if (who.subscribe_transport && section.slot &&
            std::ranges::find(who.subscriptions, section.ssrc, &Subscription::ssrc) == who.subscriptions.end())
          parked.push_back({who.subscribe_transport->id, section.ssrc});
      for (const Subscription& subscription : who.subscriptions)
        if (who.subscribe_transport) all.subscriptions.insert({who.subscribe_transport->id, subscription.track});
      if (std::ranges::any_of(who.subscribe_session.sections, &MediaSection::slot)) players_[name].insert(id);
    }
    followRows(all);
    for (const auto& [transport, ssrc] : parked) edges_.rows.parkSubscription(transport, "", ssrc);
  }
  edges_.rows.sweep();
  for (const std::string& name : empty) (void)apply(RoomClosed{name});
  spdlog::info("restored {} rooms with {} participants", rooms_.all().size(), presence_.size());
}

Result<void> RoomService::openRoom(const std::string& room, const RoomSettings& settings) {
  return apply(RoomOpened{room, settings, true, edges_.clock.unixMs()});
}

Result<void> RoomService::changeSettings(const std::string& room, const RoomSettings& settings) {
  return apply(RoomSettingsSet{room, settings});
}

Result<void> RoomService::closeRoom(const std::string& room) {
  if (auto closed = apply(RoomClosed{room}); !closed) return closed;
  settle();  // somebody elsewhere may have waited for a transport
  return {};
}

Result<std::string> RoomService::join(const JoinRequest& request, std::shared_ptr<ParticipantLink> link) {
  if (auto good = checkRoomName(request.room); !good) return std::unexpected(good.error());
  if (auto good = checkDisplayName(request.name); !good) return std::unexpected(good.error());
  if (!request.resume_token.empty()) return resume(request, std::move(link));
  const bool open = !rooms_.room(request.room) && config_.create_on_join;
  if (open) {
    if (auto opened = apply(RoomOpened{request.room, roomDefaults(config_), false, edges_.clock.unixMs()}); !opened)
      return std::unexpected(opened.error());
  }
  Participant who;
  who.id = fresh_.id("p_");
  who.identity = request.identity;
  who.name = request.name;
  who.protocol = request.protocol;
  who.resume_token = fresh_.token();  // WHIP and WHEP make the URL of their session of it, which nobody else may guess
  who.permissions = request.permissions;
  // Without signalling there is nobody to answer our offers: a player's own offer decides what it gets.
  who.auto_subscribe = request.auto_subscribe && (link || isPlain(who));
  who.joined_unix_ms = edges_.clock.unixMs();
  who.expires_unix_ms = request.expires_unix_ms;
  if (auto joined = apply(ParticipantJoined{request.room, who}); !joined) {
    if (open) (void)apply(RoomClosed{request.room});
    return std::unexpected(joined.error());
  }
  const ParticipantKey key{request.room, who.id};
  presence_[key].link = std::move(link);
  if (presence_[key].link)
    sendJoined(key, false);
  else if (!isPlain(who))  // whom nobody sees connecting: it stays until it is removed
    expect(key, kConnectWithinMs);
  spdlog::info("room {}: {} joined by {}", request.room, who.id, who.protocol);
  settle();
  return who.id;
}

Result<std::string> RoomService::resume(const JoinRequest& request, std::shared_ptr<ParticipantLink> link) {
  const Room* room = rooms_.room(request.room);
  const Participant* who = nullptr;
  if (room && link)
    for (const auto& [id, each] : room->participants)
      if (each.protocol == "websocket" && equalInConstantTime(each.resume_token, request.resume_token)) who = &each;
  // Who somebody is, is what the access token says; that one knows the resume token does not change it.
  if (!who || who->identity != request.identity)
    return refuse(404, "resume_unknown", "There is nobody to come back as: join anew.");
  const ParticipantKey key{request.room, who->id};
  (void)apply(RightsSet{key.room, key.participant, request.permissions, request.expires_unix_ms});
  Presence& presence = presence_[key];
  if (const auto old = std::exchange(presence.link, std::move(link))) {
    old->send({{"type", "left"}, {"reason", "replaced"}});
    old->close("replaced");
  }
  presence.deadline_ms = 0;
  // An offer that was under way may have been lost with the old connection.
  presence.offer_due = presence.offer_due || presence.offer_outstanding != 0;
  presence.offer_outstanding = 0;
  sendJoined(key, true);
  presence.undecodable.clear();
  tellUndecodable(key);
  if (presence.offer_due) due_.insert(key);
  settle();
  return key.participant;
}

void RoomService::sendJoined(const ParticipantKey& key, bool resumed) {
  const Room& room = *rooms_.room(key.room);
  const Participant& who = *participant(key);
  boost::json::array participants;
  for (const auto& [id, each] : room.participants) participants.push_back(notices::participant(each));
  boost::json::object about = notices::settings(room.settings);
  about["name"] = room.name;
  presence_[key].link->send({{"type", "joined"},
                             {"participant", who.id},
                             {"room", std::move(about)},
                             {"participants", std::move(participants)},
                             {"permissions",
                              {{"publish", who.permissions.publish},
                               {"subscribe", who.permissions.subscribe},
                               {"moderate", who.permissions.moderate}}},
                             {"resume", who.resume_token},
                             {"resumed", resumed}});
  sendSpeakers(key);
  presence_[key].held.clear();
  held_due_.insert(key);
  for (const Track& track : who.tracks) {  // what it was told may not have arrived
    wanted_told_.erase(track.id);
    wanted_due_.insert(track.id);
  }
}

void RoomService::detach(const std::string& room, const std::string& id, const ParticipantLink* link) {
  const auto found = presence_.find({room, id});
  if (found == presence_.end() || found->second.link.get() != link) return;  // replaced by a newer one
  Presence& presence = found->second;
  presence.link.reset();
  presence.offer_due = presence.offer_due || presence.offer_outstanding != 0;
  presence.offer_outstanding = 0;
  expect(found->first, config_.resume_timeout_s * 1000);
}

Result<void> RoomService::leave(const std::string& room, const std::string& id, const std::string& reason) {
  return drop({room, id}, reason);
}

Result<void> RoomService::extend(const std::string& room, const std::string& id,
                                 std::optional<uint64_t> expires_unix_ms) {
  const Participant* who = rooms_.participant(room, id);
  if (!who) return refuse(404, "participant_unknown", "There is no such participant in the room.");
  const auto& until = who->expires_unix_ms;
  const bool is_longer = until && (!expires_unix_ms || *expires_unix_ms > *until);
  if (!is_longer) return {};
  return apply(RightsSet{room, id, who->permissions, expires_unix_ms});
}

Result<void> RoomService::drop(const ParticipantKey& key, const std::string& reason) {
  if (auto left = apply(ParticipantLeft{key.room, key.participant, reason}); !left) return left;
  spdlog::info("room {}: {} left: {}", key.room, key.participant, reason);
  settle();
  return {};
}

}  // namespace penstock
