// What follows from a change of the rooms: rows, stored state, messages, and offers that are due.
#include <chrono>
#include <ctime>

#include <spdlog/spdlog.h>

#include "control/signalling/room_service.h"

namespace penstock {
namespace {

/// RFC 3339, UTC, milliseconds.
std::string timeText(uint64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string milliseconds = std::to_string(1000 + unix_ms % 1000).substr(1);
  return std::string(text, length) + "." + milliseconds + "Z";
}

}  // namespace

void RoomService::follow(const Change& change) {
  followRows(change);
  followStore(change);
  for (const auto* keys : {&change.subscriptions, &change.subscriptions_removed})
    for (const SubscriptionKey& key : *keys) wanted_due_.insert(key.track);
  for (const auto& [key, ssrc] : change.subscriptions_parked) wanted_due_.insert(key.track);
  for (const std::string& track : change.tracks_removed) {
    wanted_told_.erase(track);
    quiet_.erase(track);
  }
  for (const auto& [key, reason] : change.participants_removed) dismiss(key, reason);
  for (const std::string& room : change.rooms_removed) {
    players_.erase(room);
    speakers_.erase(room);
  }
  for (const RoomMessage& message : change.messages) tell(message);
  for (const ParticipantKey& key : change.wants_changed) {
    presence_[key].offer_due = true;
    due_.insert(key);
  }
  size_t freed = change.transports_removed.size();
  for (auto key = waiting_.begin(); freed > 0 && key != waiting_.end(); ++key, --freed) due_.insert(*key);
  for (const std::string& track : change.tracks) {  // perhaps a player waits for it
    const ParticipantKey* owner = rooms_.ownerOfTrack(track);
    if (!owner) continue;
    quiet_.try_emplace(track, Quiet{.since_ms = edges_.clock.monotonicMs()});
    if (const auto players = players_.find(owner->room); players != players_.end())
      for (const std::string& player : players->second) due_.insert({owner->room, player});
  }
}

/// What refers to a row goes before it, and comes after it.
void RoomService::followRows(const Change& change) {
  for (const auto& [transport, track] : change.subscriptions_removed) edges_.rows.removeSubscription(transport, track);
  for (const auto& [key, ssrc] : change.subscriptions_parked)
    edges_.rows.parkSubscription(key.transport, key.track, ssrc);
  for (const std::string& track : change.tracks_removed) edges_.rows.removeTrack(track);
  for (const std::string& transport : change.transports_removed) {
    edges_.dtls.stop(transport);
    plain_claims_.release(transport);
    edges_.rows.removeTransport(transport);
  }
  // A subscriber's row names the one that its participant publishes on.
  for (const auto transport : {&Participant::publish_transport, &Participant::subscribe_transport})
    for (const std::string& id : change.transports) putTransport(id, transport);
  for (const std::string& track : change.tracks) putTrack(track);
  for (const SubscriptionKey& key : change.subscriptions) putSubscription(key);
}

void RoomService::putTransport(const std::string& id, std::optional<Transport> Participant::*transport) {
  const ParticipantKey* owner = rooms_.ownerOfTransport(id);
  const Participant* who = owner ? participant(*owner) : nullptr;
  const auto* put = who && who->*transport && (who->*transport)->id == id ? &*(who->*transport) : nullptr;
  if (put && !edges_.rows.putTransport(*put, placeOf(*rooms_.room(owner->room), *who)))
    spdlog::error("no row is free for a transport of {}", who->id);
}

void RoomService::putTrack(const std::string& id) {
  const ParticipantKey* owner = rooms_.ownerOfTrack(id);
  const Participant* who = owner ? participant(*owner) : nullptr;
  const Track* track = who ? findTrack(*who, id) : nullptr;
  if (!track || !who->publish_transport) return;
  if (!edges_.rows.putTrack(who->publish_transport->id, *track))
    spdlog::error("no row is free for a track of {}", who->id);
}

void RoomService::putSubscription(const SubscriptionKey& key) {
  const ParticipantKey* owner = rooms_.ownerOfTransport(key.transport);
  const Participant* who = owner ? participant(*owner) : nullptr;
  const Subscription* subscription = who ? findSubscription(*who, key.track) : nullptr;
  const Track* track = subscription ? findTrack(*rooms_.room(owner->room), key.track) : nullptr;
  if (!track || !subscription->active) return;
  if (!edges_.rows.putSubscription(key.transport, *subscription, *track))
    spdlog::error("no row is free for a subscription of {}", who->id);
}

void RoomService::followStore(const Change& change) {
  for (const auto& [key, reason] : change.participants_removed)
    edges_.store.removeParticipant(key.room, key.participant);
  for (const std::string& room : change.rooms_removed) edges_.store.removeRoom(room);
  for (const std::string& name : change.rooms)
    if (const Room* room = rooms_.room(name)) edges_.store.saveRoom(*room);
  for (const ParticipantKey& key : change.participants)
    if (const Participant* who = participant(key)) edges_.store.saveParticipant(key.room, *who);
}

void RoomService::dismiss(const ParticipantKey& key, const std::string& reason) {
  due_.erase(key);
  waiting_.erase(key);
  held_due_.erase(key);
  if (const auto players = players_.find(key.room); players != players_.end()) players->second.erase(key.participant);
  const auto found = presence_.find(key);
  if (found == presence_.end()) return;
  const auto link = found->second.link;
  presence_.erase(found);
  if (!link) return;
  // PROTOCOL.md: who leaves by itself just sees its socket close.
  if (reason != "left") link->send({{"type", "left"}, {"reason", reason}});
  link->close(reason);
}

void RoomService::tell(const RoomMessage& message) {
  if (const Room* room = rooms_.room(message.room))
    for (const auto& [id, who] : room->participants) {
      if (id == message.except) continue;
      const auto found = presence_.find({message.room, id});
      if (found != presence_.end() && found->second.link) found->second.link->send(message.message);
    }
  tellSinks(message.room, message.message);
}

void RoomService::tellSinks(const std::string& room, boost::json::object message) {
  if (sinks_.empty()) return;
  Notice notice{room, std::move(message)};
  notice.message["room"] = room;
  notice.message["time"] = timeText(edges_.clock.unixMs());
  for (NoticeSink* sink : sinks_) sink->onNotice(notice);
}

}  // namespace penstock
