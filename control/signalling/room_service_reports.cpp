// What time, handshakes and the dataplane tell of participants: who connected, who fell silent, who speaks.
#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

#include "control/room/notices.h"
#include "control/signalling/room_service.h"
#include "control/signalling/wanted.h"

namespace penstock {
namespace {

bool isSecured(const Participant& who) {
  return (who.publish_transport && who.publish_transport->keys) ||
         (who.subscribe_transport && who.subscribe_transport->keys);
}

boost::json::object speakersMessage(const RoomSpeakers& speakers) {
  boost::json::array list;
  for (const Speaker& each : speakers.heard) list.push_back({{"participant", each.participant}, {"level", each.level}});
  const auto dominant = speakers.dominant.empty() ? boost::json::value(nullptr) : boost::json::value(speakers.dominant);
  return {{"type", "speakers"}, {"speakers", std::move(list)}, {"dominant", dominant}};
}

}  // namespace

void RoomService::expect(const ParticipantKey& key, uint64_t within_ms) {
  Presence& presence = presence_[key];
  presence.deadline_ms = edges_.clock.monotonicMs() + within_ms;
  deadlines_.emplace(presence.deadline_ms, key);
}

void RoomService::expire() {
  const uint64_t now = edges_.clock.monotonicMs();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto [when, key] = *deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    const auto found = presence_.find(key);
    if (found == presence_.end() || found->second.deadline_ms != when) continue;  // came back, or left
    found->second.deadline_ms = 0;
    const Participant* who = participant(key);
    if (who && who->protocol != "websocket" && isSecured(*who)) {
      const Consent consent = consentOf(*who);
      if (consent == Consent::kGiven) continue;  // its loss will be told
      if (consent == Consent::kUnknown) {        // the dataplane is away: nobody can tell
        expect(key, kConnectWithinMs);
        continue;
      }
    }
    const bool never_connected = who && who->protocol != "websocket" && !isSecured(*who);
    (void)drop(key, never_connected ? "connection_failed" : "connection_lost");
  }
}

/// Rights end with the token that grants them.
void RoomService::endExpired() {
  const uint64_t now = edges_.clock.unixMs();
  std::vector<ParticipantKey> expired;
  for (const auto& [name, room] : rooms_.all())
    for (const auto& [id, who] : room.participants)
      if (who.expires_unix_ms && *who.expires_unix_ms <= now) expired.push_back({name, id});
  for (const ParticipantKey& key : expired) (void)drop(key, "token_expired");
}

void RoomService::onSecured(const std::string& transport, const SrtpKeys& keys) {
  const ParticipantKey* owner = rooms_.ownerOfTransport(transport);
  if (!owner) return;
  (void)apply(TransportSecured{owner->room, transport, keys});
  settle();
}

void RoomService::onHandshakeFailed(const std::string& transport, const std::string& reason) {
  const ParticipantKey* owner = rooms_.ownerOfTransport(transport);
  if (!owner) return;
  const ParticipantKey key = *owner;
  spdlog::warn("room {}: {}: DTLS handshake failed: {}", key.room, key.participant, reason);
  const auto found = presence_.find(key);
  if (found == presence_.end()) return;
  if (found->second.link)  // it may begin anew
    return found->second.link->send(
        {{"type", "error"}, {"code", "connection_failed"}, {"message", "The DTLS handshake failed: " + reason + "."}});
  if (const Participant* who = participant(key); who && !isSecured(*who)) (void)drop(key, "connection_failed");
}

void RoomService::onNominated(const std::string& transport) {
  const ParticipantKey* owner = rooms_.ownerOfTransport(transport);
  if (!owner) return;
  presence_[*owner].silent.erase(transport);
  if (!isPlain(*participant(*owner))) edges_.dtls.nominated(transport);
}

void RoomService::onConsentLost(const std::string& transport) {
  silenced(transport, "connection_lost");
}

void RoomService::onAddressTaken(const std::string& transport) {
  const ParticipantKey* owner = rooms_.ownerOfTransport(transport);
  if (!owner) return;
  Presence& presence = presence_[*owner];
  presence.silent.insert(transport);
  if (!presence.link && presence.deadline_ms == 0) expect(ParticipantKey(*owner), kConnectWithinMs);
}

void RoomService::onClosed(const std::string& transport) {
  silenced(transport, "left");
}

void RoomService::silenced(const std::string& transport, const std::string& reason) {
  const ParticipantKey* owner = rooms_.ownerOfTransport(transport);
  if (!owner) return;
  const ParticipantKey key = *owner;
  if (isPlain(*participant(key))) return;  // it gave no consent that it could withdraw
  Presence& presence = presence_[key];
  presence.silent.insert(transport);
  // Who still talks to us may restart ICE: its keys stay good. Who does not, and has no transport left, is gone.
  if (presence.link) return;
  const Participant& who = *participant(key);
  for (const auto* each : {&who.publish_transport, &who.subscribe_transport})
    if (*each && !presence.silent.contains((*each)->id)) return;
  (void)drop(key, reason);
}

/// The best of its transports.
Consent RoomService::consentOf(const Participant& who) const {
  Consent best = Consent::kNever;
  for (const auto* each : {&who.publish_transport, &who.subscribe_transport}) {
    if (!*each) continue;
    const Consent consent = edges_.reports.consent((*each)->id);
    if (consent == Consent::kGiven) return consent;
    if (consent == Consent::kUnknown) best = consent;
  }
  return best;
}

void RoomService::review() {
  std::vector<std::string> given, lost;
  for (const auto& [name, room] : rooms_.all())
    for (const auto& [id, who] : room.participants) {
      if (isPlain(who)) continue;
      for (const auto* each : {&who.publish_transport, &who.subscribe_transport}) {
        if (!*each) continue;
        const Consent consent = edges_.reports.consent((*each)->id);
        if (consent == Consent::kGiven) given.push_back((*each)->id);
        if (consent == Consent::kLost) lost.push_back((*each)->id);
      }
      held_due_.insert({name, id});
      // Who is not there, nor said to be lost, has the time of a first connection to show itself.
      const Presence& presence = presence_[{name, id}];
      if (!presence.link && presence.deadline_ms == 0 && consentOf(who) != Consent::kGiven)
        expect({name, id}, kConnectWithinMs);
    }
  for (const std::string& transport : given) onNominated(transport);
  for (const std::string& transport : lost) onConsentLost(transport);
}

void RoomService::tick() {
  expire();
  endExpired();
  replaceDead();
  watchSilence();
  watchSpeakers();
  tellHeld();
  tellWanted();
}

/// Once a tick at most, so that a room that fills up is not a message for each who joins.
void RoomService::tellWanted() {
  for (const std::string& id : std::exchange(wanted_due_, {})) {
    const ParticipantKey* owner = rooms_.ownerOfTrack(id);
    const Room* room = owner ? rooms_.room(owner->room) : nullptr;
    const Track* track = room ? findTrack(*room, id) : nullptr;
    if (!track || track->kind != Kind::video) continue;  // in sizes or in layers, of which some could be left out
    const auto presence = presence_.find(*owner);
    if (presence == presence_.end() || !presence->second.link) continue;
    const Wish wanted = wantedOf(*room, id, [&](const std::string& subscriber) {
      const auto found = presence_.find({owner->room, subscriber});
      return found != presence_.end() && found->second.held.contains(id);
    });
    const auto [told, first] = wanted_told_.try_emplace(id, wanted);
    if (!first && told->second == wanted) continue;
    told->second = wanted;
    presence->second.link->send({{"type", "wanted"},
                                 {"track", id},
                                 {"paused", wanted.paused},
                                 {"width", wanted.width_max},
                                 {"height", wanted.height_max}});
  }
}

void RoomService::onHeld(const std::string& transport) {
  if (const ParticipantKey* owner = rooms_.ownerOfTransport(transport)) held_due_.insert(*owner);
}

std::set<std::string> RoomService::heldFrom(const Participant& who) const {
  std::set<std::string> held;
  for (const Subscription& each : who.subscriptions)
    if (each.active && who.subscribe_transport && edges_.reports.held(who.subscribe_transport->id, each.track))
      held.insert(each.track);
  return held;
}

/// The whole list each time: nothing is lost if it is told twice.
void RoomService::tellHeld() {
  for (const ParticipantKey& key : std::exchange(held_due_, {})) {
    const Participant* who = participant(key);
    const auto presence = presence_.find(key);
    if (!who || presence == presence_.end()) continue;
    std::set<std::string> held = heldFrom(*who);
    if (held == presence->second.held) continue;
    std::ranges::set_symmetric_difference(held, presence->second.held, std::inserter(wanted_due_, wanted_due_.end()));
    if (presence->second.link)
      presence->second.link->send({{"type", "held"}, {"tracks", boost::json::array(held.begin(), held.end())}});
    presence->second.held = std::move(held);
  }
}

/// Who comes, or comes back, has not heard it.
void RoomService::sendSpeakers(const ParticipantKey& key) {
  const auto watch = speakers_.find(key.room);
  if (watch == speakers_.end() || watch->second.told() == RoomSpeakers{}) return;
  presence_[key].link->send(speakersMessage(watch->second.told()));
}

void RoomService::watchSpeakers() {
  for (const auto& [name, room] : rooms_.all()) watchSpeakers(room);
}

/// Who was it last stays while the dataplane says nothing, as after its restart.
std::string RoomService::dominantOf(const Room& room) const {
  for (const auto& [id, who] : room.participants) {
    const auto speaker = who.publish_transport ? edges_.reports.speaker(who.publish_transport->id) : std::nullopt;
    if (speaker && speaker->dominant != 0) return id;
  }
  const auto before = speakers_.find(room.name);
  const bool stays = before != speakers_.end() && room.participants.contains(before->second.told().dominant);
  return stays ? before->second.told().dominant : "";
}

void RoomService::watchSpeakers(const Room& room) {
  std::vector<Level> levels;
  for (const auto& [id, who] : room.participants)
    for (const Track& track : who.tracks)
      if (track.kind == Kind::audio && !track.muted())
        if (const auto dbov = edges_.reports.audioLevel(track.id)) levels.push_back({id, *dbov});
  const std::string dominant = dominantOf(room);
  SpeakerWatch& watch = speakers_[room.name];
  const bool other = watch.told().dominant != dominant;
  const auto speakers = watch.look(levels, dominant);
  if (!speakers) return;
  if (other) tellSinks(room.name, notices::dominantSpeakerChanged(dominant));
  const boost::json::object message = speakersMessage(*speakers);
  for (const auto& [id, who] : room.participants)
    if (const auto found = presence_.find({room.name, id}); found != presence_.end() && found->second.link)
      found->second.link->send(message);
}

}  // namespace penstock
