// Publishing, playing, subscribing: offers and answers on their way between clients and rooms.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "control/room/authorise.h"
#include "control/signalling/room_service.h"

namespace penstock {
namespace {

std::unexpected<Refusal> refuse(int status, const char* code, const char* message) {
  return std::unexpected(Refusal{status, code, message});
}

std::unexpected<Refusal> nobody() {
  return refuse(404, "participant_unknown", "There is no such participant in the room.");
}

bool isPlayer(const Participant& who) {
  return std::ranges::any_of(who.subscribe_session.sections, &MediaSection::slot);
}

}  // namespace

std::vector<RemoteTrack> RoomService::othersTracks(const ParticipantKey& key) const {
  std::vector<RemoteTrack> tracks;
  const Room* room = rooms_.room(key.room);
  if (!room) return tracks;
  for (const auto& [id, who] : room->participants) {
    if (id == key.participant) continue;
    for (const Track& track : who.tracks) tracks.push_back({id, &track, lifeOf(track.id)});
  }
  return tracks;
}

Result<std::string> RoomService::publish(const std::string& room, const std::string& id, const std::string& offer,
                                         const std::vector<TrackHint>& hints) {
  const Participant* who = rooms_.participant(room, id);
  if (!who) return nobody();
  if (auto allowed = authorise(who->permissions, Act::kPublish); !allowed) return std::unexpected(allowed.error());
  auto outcome = negotiatePublish(*who, offer, hints, local_, fresh_);
  if (!outcome) return std::unexpected(outcome.error());
  const Transport transport = outcome->transport;
  const Published event{room, id, std::move(outcome->transport), std::move(outcome->session),
                        std::move(outcome->tracks)};
  if (auto applied = apply(event); !applied) return std::unexpected(applied.error());
  if (outcome->handshake) startHandshake({room, id}, transport);
  noteSuccession({room, id});
  settle();
  return std::move(outcome->answer);
}

Result<std::string> RoomService::play(const std::string& room, const std::string& id, const std::string& offer,
                                      const std::string& from) {
  const Participant* who = rooms_.participant(room, id);
  if (!who) return nobody();
  // draft-ietf-wish-whep section 4.2: of what is not there yet, a player is told to try again.
  if (!from.empty() && !rooms_.participant(room, from))
    return refuse(409, "participant_unknown", "The participant to be played is not in the room now.");
  if (auto allowed = authorise(who->permissions, Act::kSubscribe); !allowed) return std::unexpected(allowed.error());
  watchSilence(*rooms_.room(room));
  auto outcome = negotiatePlay(*who, othersTracks({room, id}), offer, from, local_, fresh_);
  if (!outcome) return std::unexpected(outcome.error());
  const Transport transport = outcome->transport;
  const Subscribed event{room, id, std::move(outcome->transport), std::move(outcome->session),
                         std::move(outcome->subscriptions)};
  if (auto applied = apply(event); !applied) return std::unexpected(applied.error());
  players_[room].insert(id);
  if (outcome->handshake) startHandshake({room, id}, transport);
  tellUndecodable({room, id});
  settle();
  return std::move(outcome->answer);
}

Result<void> RoomService::answer(const std::string& room, const std::string& id, uint64_t offer_id,
                                 const std::string& sdp) {
  const ParticipantKey key{room, id};
  const Participant* who = participant(key);
  if (!who) return nobody();
  Presence& presence = presence_[key];
  if (offer_id == 0 || presence.offer_outstanding != offer_id)
    return refuse(409, "offer_superseded", "That offer is not the last one, or was answered already.");
  presence.offer_outstanding = 0;
  if (presence.offer_due) due_.insert(key);
  auto outcome = acceptAnswer(*who, othersTracks(key), sdp);
  if (!outcome) return std::unexpected(outcome.error());
  if (outcome->transport_stale) {
    replaceSubscribeTransport(key);
    settle();
    return {};
  }
  const Transport transport = outcome->transport;
  const Subscribed event{room, id, std::move(outcome->transport), std::move(outcome->session),
                         std::move(outcome->subscriptions)};
  if (auto applied = apply(event); !applied) return applied;
  if (outcome->handshake && !transport.remote_fingerprint.empty()) startHandshake(key, transport);
  tellUndecodable(key);
  settle();
  return {};
}

Result<std::string> RoomService::restartIce(const std::string& room, const std::string& id, Purpose purpose,
                                            const std::string& fragment) {
  const ParticipantKey key{room, id};
  const Participant* who = participant(key);
  if (!who) return nobody();
  const auto& transport = purpose == Purpose::publish ? who->publish_transport : who->subscribe_transport;
  if (!transport) return refuse(409, "transport_unknown", "There is no such transport yet.");
  if (fragment.empty()) {  // a client that we make offers to wants one with new credentials
    if (purpose == Purpose::publish || isPlayer(*who)) return refuse(400, "sdp_invalid", "The SDP fragment is empty.");
    Presence& presence = presence_[key];
    presence.restart_ice = presence.offer_due = true;
    presence.offer_outstanding = 0;  // answered by what follows
    due_.insert(key);
    settle();
    return std::string();
  }
  const Session& session = purpose == Purpose::publish ? who->publish_session : who->subscribe_session;
  auto outcome = penstock::restartIce(*transport, session, fragment, local_, fresh_);
  if (!outcome) return std::unexpected(outcome.error());
  const auto applied = purpose == Purpose::publish
                           ? apply(Published{room, id, outcome->transport, outcome->session, who->tracks})
                           : apply(Subscribed{room, id, outcome->transport, outcome->session, who->subscriptions});
  if (!applied) return std::unexpected(applied.error());
  return std::move(outcome->fragment);
}

Result<void> RoomService::subscribe(const std::string& room, const std::string& id, const std::string& track) {
  auto applied = apply(SubscriptionWanted{room, id, track});
  settle();
  return applied;
}

Result<void> RoomService::unsubscribe(const std::string& room, const std::string& id, const std::string& track) {
  auto applied = apply(SubscriptionDropped{room, id, track});
  settle();
  return applied;
}

Result<void> RoomService::wish(const std::string& room, const std::string& id, const std::string& track,
                               const Wish& wish) {
  return apply(SubscriptionWished{room, id, track, wish});
}

Result<void> RoomService::setLastN(const std::string& room, const std::string& id, std::optional<uint16_t> last_n) {
  return apply(LastNSet{room, id, last_n});
}

Result<void> RoomService::unpublish(const std::string& room, const std::string& track) {
  const ParticipantKey* owner = rooms_.ownerOfTrack(track);
  if (!owner || owner->room != room) return refuse(404, "track_unknown", "There is no such track in the room.");
  const ParticipantKey key = *owner;
  auto applied = apply(Unpublished{key.room, key.participant, track});
  settle();
  return applied;
}

Result<void> RoomService::mute(const std::string& room, const std::string& track, bool by_moderator, bool muted) {
  return apply(TrackMuted{room, track, by_moderator, muted});
}

/// A client may have checked before its answer to our offer came.
void RoomService::startHandshake(const ParticipantKey& key, const Transport& transport) {
  const Participant* who = participant(key);
  edges_.dtls.start(transport.id, transport.dtls_role, transport.remote_fingerprint,
                    {key.room, who ? who->identity : ""});
  if (edges_.reports.consent(transport.id) == Consent::kGiven) edges_.dtls.nominated(transport.id);
}

void RoomService::settle() {
  while (!due_.empty()) {
    const ParticipantKey key = *due_.begin();
    due_.erase(due_.begin());
    const Participant* who = participant(key);
    const auto found = presence_.find(key);
    if (!who || found == presence_.end()) continue;
    if (isPlain(*who)) {
      settlePlain(key, *who);
      continue;
    }
    if (isPlayer(*who)) {
      found->second.offer_due = false;
      if (auto filled = fillSlots(*who, othersTracks(key))) {
        const auto applied = apply(Subscribed{key.room, key.participant, *who->subscribe_transport,
                                              std::move(filled->session), std::move(filled->subscriptions)});
        if (!applied)
          spdlog::warn("room {}: {} gets no new track: {}", key.room, key.participant, applied.error().code);
        tellUndecodable(key);
      }
      continue;
    }
    // One offer at a time: what changes meanwhile goes into the next.
    if (found->second.offer_due && found->second.link && found->second.offer_outstanding == 0) sendOffer(key, *who);
  }
}

void RoomService::sendOffer(const ParticipantKey& key, const Participant& as) {
  Presence& presence = presence_[key];
  presence.offer_due = false;
  OfferOutcome outcome = makeOffer(as, othersTracks(key), std::exchange(presence.restart_ice, false), local_, fresh_);
  if (outcome.session.sections.empty()) return;  // nothing to receive, and never was
  boost::json::array carries;
  for (const MediaSection& section : outcome.session.sections) {
    const ParticipantKey* owner = section.track.empty() ? nullptr : rooms_.ownerOfTrack(section.track);
    if (owner) carries.push_back({{"mid", section.mid}, {"participant", owner->participant}, {"track", section.track}});
  }
  const uint64_t offer_id = outcome.session.version;
  const bool again = outcome.again;
  const boost::json::object message{
      {"type", "offer"}, {"id", offer_id}, {"sdp", outcome.offer}, {"tracks", std::move(carries)}};
  const Subscribed event{key.room, key.participant, std::move(outcome.transport), std::move(outcome.session),
                         std::move(outcome.subscriptions)};
  if (const auto applied = apply(event); !applied) return postpone(key, applied.error());
  waiting_.erase(key);
  presence.offer_outstanding = offer_id;
  presence.offer_due = again;
  presence.link->send(message);
}

/// No transport is free. The client is told once, and offered what it wants when there is one.
void RoomService::postpone(const ParticipantKey& key, const Refusal& refusal) {
  Presence& presence = presence_[key];
  presence.offer_due = true;
  if (!waiting_.insert(key).second) return;
  presence.link->send({{"type", "error"}, {"code", refusal.code}, {"message", refusal.message}});
}

/// What is black or silent for want of a codec only: once in the log, and to the client where it listens.
void RoomService::tellUndecodable(const ParticipantKey& key) {
  const Participant* who = participant(key);
  if (!who) return;
  Presence& presence = presence_[key];
  std::set<std::string> undecodable;
  for (const MediaSection& section : who->subscribe_session.sections)
    if (section.slot && section.undecodable) undecodable.insert(section.mid);
  for (const Subscription& each : who->subscriptions)
    if (each.undecodable) undecodable.insert(each.track);
  for (const std::string& each : undecodable)
    if (!presence.undecodable.contains(each))
      spdlog::warn("room {}: {} has no codec for {}", key.room, key.participant,
                   isPlayer(*who) ? "any track that its section " + each + " could carry" : "track " + each);
  if (undecodable == presence.undecodable) return;
  presence.undecodable = std::move(undecodable);
  if (presence.link)
    presence.link->send({{"type", "undecodable"},
                         {"tracks", boost::json::array(presence.undecodable.begin(), presence.undecodable.end())}});
}

/// The client has a new connection (another certificate): everything is offered to it anew.
void RoomService::replaceSubscribeTransport(const ParticipantKey& key) {
  Participant as = *participant(key);
  as.subscribe_transport.reset();
  as.subscribe_session = Session{.version = as.subscribe_session.version};  // ids of offers go on
  for (Subscription& each : as.subscriptions) each = Subscription{.track = each.track, .wish = each.wish};
  sendOffer(key, as);
}

}  // namespace penstock
