// Tracks, subscriptions and transports: published, wanted, negotiated, muted, secured.
#include <algorithm>

#include "control/room/apply.h"
#include "control/room/authorise.h"
#include "control/room/notices.h"
#include "dataplane/contract/limits.h"

namespace penstock {
namespace {

bool sameEncodings(const std::vector<Encoding>& a, const std::vector<Encoding>& b) {
  return std::ranges::equal(a, b, [](const Encoding& x, const Encoding& y) {
    return x.ssrc == y.ssrc && x.rtx_ssrc == y.rtx_ssrc && x.rid == y.rid;
  });
}

bool sameCodecs(const std::vector<Codec>& a, const std::vector<Codec>& b) {
  return std::ranges::equal(a, b, [](const Codec& x, const Codec& y) {
    return x.name == y.name && x.fmtp == y.fmtp && x.payload_type == y.payload_type &&
           x.rtx_payload_type == y.rtx_payload_type;
  });
}

size_t payloadTypes(const Track& track) {
  size_t count = 0;
  for (const Codec& codec : track.codecs) count += codec.rtx_payload_type ? 2 : 1;
  return count;
}

bool fitsRows(const Track& track) {
  return !track.id.empty() && track.mid.size() <= contract::kMidMax && !track.encodings.empty() &&
         track.encodings.size() <= contract::kEncodingMax && !track.codecs.empty() &&
         payloadTypes(track) <= contract::kPayloadTypeMax &&
         std::ranges::all_of(track.encodings, [](const Encoding& e) { return e.rid.size() <= contract::kRidMax; });
}

}  // namespace

Result<void> Apply::checkRows(size_t before, size_t after, size_t rows_max, const char* message) {
  if (after <= before || after <= rows_max) return {};
  return refuse(503, "overloaded", message);
}

Result<void> Apply::checkTransport(const std::optional<Transport>& now, const std::optional<Transport>& other,
                                   const Transport& next) const {
  if (now && now->id == next.id) return {};
  if (!now && next.plain && other && other->id == next.id) return {};
  if (next.id.empty() || rooms.transport_owner_.contains(next.id))
    return refuse(409, "transport_exists", "There is a transport of this id already.");
  const size_t used = rooms.transport_owner_.size();
  return checkRows(used, used + (now ? 0 : 1), rooms.limits_.transports_max,
                   "The relay serves as many clients as it can.");
}

Result<void> Apply::checkTracks(const Room& in, const Participant& publisher, const std::vector<Track>& tracks) const {
  if (tracks.size() > in.settings.tracks_max)
    return refuse(403, "tracks_full", "The participant would publish more tracks than the room allows.");
  std::set<std::string> ids;
  std::set<uint32_t> ssrcs;
  for (const Track& track : tracks) {
    const bool taken = rooms.track_owner_.contains(track.id) && !findTrack(publisher, track.id);
    if (taken || !ids.insert(track.id).second)
      return refuse(409, "track_exists", "There is a track of this id already.");
    if (!fitsRows(track)) return refuse(422, "sdp_unsupported", "A track has too many codecs or encodings, or none.");
    // RFC 3711 section 9.1: two streams of one SSRC under one key would use one keystream twice.
    for (const Encoding& encoding : track.encodings)
      for (const uint32_t ssrc : {encoding.ssrc, encoding.rtx_ssrc})
        if (ssrc != 0 && !ssrcs.insert(ssrc).second)
          return refuse(400, "sdp_invalid", "Two streams of the offer have the same SSRC.");
  }
  const size_t used = rooms.track_owner_.size();
  return checkRows(used, used - publisher.tracks.size() + tracks.size(), rooms.limits_.tracks_max,
                   "The relay takes as many tracks as it can.");
}

Result<void> Apply::operator()(const Published& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  Participant* who = participant(event.room, event.participant);
  if (!who) return participantUnknown();
  if (auto allowed = authorise(who->permissions, Act::kPublish); !allowed) return allowed;
  if (auto good = checkTransport(who->publish_transport, who->subscribe_transport, event.transport); !good) return good;
  if (auto good = checkTracks(*in, *who, event.tracks); !good) return good;

  const ParticipantKey key{event.room, event.participant};
  change.participants.insert(key);
  const bool moved = !who->publish_transport || who->publish_transport->id != event.transport.id;
  if (moved) removeTransport(who->publish_transport);
  who->publish_transport = event.transport;
  who->publish_session = event.session;
  addTransport(event.room, event.participant, event.transport);

  std::vector<std::string> gone;
  for (const Track& track : who->tracks)
    if (std::ranges::find(event.tracks, track.id, &Track::id) == event.tracks.end()) gone.push_back(track.id);
  for (const std::string& track : gone) removeTrack(*in, *who, track);

  const std::vector<Track> before = std::exchange(who->tracks, event.tracks);
  for (const Track& track : who->tracks) {
    const auto old = std::ranges::find(before, track.id, &Track::id);
    if (old == before.end()) {
      rooms.track_owner_[track.id] = key;
      change.tracks.insert(track.id);
      say(event.room, event.participant, notices::trackPublished(event.participant, track));
      wantEverywhere(*in, *who, track.id);
      continue;
    }
    if (old->muted() != track.muted()) say(event.room, "", notices::trackMuted(event.participant, track));
    const bool codecs_same = sameCodecs(old->codecs, track.codecs);
    if (codecs_same && !moved && old->mid == track.mid && old->muted() == track.muted() &&
        sameEncodings(old->encodings, track.encodings))
      continue;
    change.tracks.insert(track.id);
    for (const auto& [id, other] : in->participants) {
      if (!findSubscription(other, track.id) || !other.subscribe_transport) continue;
      change.subscriptions.insert({other.subscribe_transport->id, track.id});
      if (!codecs_same) change.wants_changed.insert({event.room, id});
    }
  }
  return {};
}

Result<void> Apply::operator()(const Unpublished& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  Participant* who = participant(event.room, event.participant);
  if (!who) return participantUnknown();
  if (!findTrack(*who, event.track)) return trackUnknown();
  removeTrack(*in, *who, event.track);
  change.participants.insert({event.room, event.participant});
  return {};
}

Result<void> Apply::checkSubscriptions(const Room& in, const Participant& subscriber, const Subscribed& event) const {
  std::set<std::string> tracks;
  std::set<uint32_t> ssrcs;
  for (const Subscription& subscription : event.subscriptions) {
    if (!findTrack(in, subscription.track) || findTrack(subscriber, subscription.track)) return trackUnknown();
    if (!tracks.insert(subscription.track).second)
      return refuse(409, "track_exists", "A track can be subscribed to once.");
    if (subscription.active && (subscription.ssrc == 0 || subscription.codecs.empty()))
      return refuse(400, "sdp_invalid", "An active subscription lacks its SSRC or codecs.");
    if (subscription.mid.size() > contract::kMidMax || subscription.codecs.size() > contract::kPayloadTypeMax / 2)
      return refuse(422, "sdp_unsupported", "A subscription has a MID that is too long, or too many codecs.");
    // RFC 3711 section 9.1, as above: for what we send.
    for (const uint32_t ssrc : {subscription.ssrc, subscription.rtx_ssrc})
      if (ssrc != 0 && !ssrcs.insert(ssrc).second)
        return refuse(409, "ssrc_exists", "Two subscriptions of one transport have the same SSRC.");
  }
  return rooms.shares_.check(in.name, subscriber.identity, activeOf(subscriber.subscriptions),
                             activeOf(event.subscriptions));
}

Result<void> Apply::operator()(const Subscribed& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  Participant* who = participant(event.room, event.participant);
  if (!who) return participantUnknown();
  if (auto allowed = authorise(who->permissions, Act::kSubscribe); !allowed) return allowed;
  if (auto good = checkTransport(who->subscribe_transport, who->publish_transport, event.transport); !good) return good;
  if (auto good = checkSubscriptions(*in, *who, event); !good) return good;

  change.participants.insert({event.room, event.participant});
  const bool moved = who->subscribe_transport && who->subscribe_transport->id != event.transport.id;
  for (const Subscription& old : who->subscriptions) {
    if (!who->subscribe_transport || !old.active) continue;
    const auto still = std::ranges::find(event.subscriptions, old.track, &Subscription::track);
    if (moved || still == event.subscriptions.end() || !still->active || still->ssrc != old.ssrc)
      endSubscription(who->subscribe_transport->id, moved ? Session{} : event.session, old);
  }
  if (moved) removeTransport(who->subscribe_transport);
  who->subscribe_transport = event.transport;
  who->subscribe_session = event.session;
  rooms.shares_.change(event.room, who->identity, activeOf(who->subscriptions), activeOf(event.subscriptions));
  who->subscriptions = event.subscriptions;
  addTransport(event.room, event.participant, event.transport);
  for (const Subscription& subscription : who->subscriptions)
    if (subscription.active) change.subscriptions.insert({event.transport.id, subscription.track});
  return {};
}

Result<void> Apply::operator()(const SubscriptionWanted& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  Participant* who = participant(event.room, event.participant);
  if (!who) return participantUnknown();
  if (auto allowed = authorise(who->permissions, Act::kSubscribe); !allowed) return allowed;
  if (!findTrack(*in, event.track) || findTrack(*who, event.track)) return trackUnknown();
  if (findSubscription(*who, event.track)) return {};
  if (auto free = rooms.shares_.check(event.room, who->identity, 0, 1); !free) return free;
  who->subscriptions.push_back({.track = event.track});
  change.participants.insert({event.room, event.participant});
  change.wants_changed.insert({event.room, event.participant});
  return {};
}

Result<void> Apply::operator()(const SubscriptionDropped& event) {
  Room* in = room(event.room);
  if (!in) return roomUnknown();
  Participant* who = participant(event.room, event.participant);
  if (!who) return participantUnknown();
  if (!findTrack(*in, event.track)) return trackUnknown();
  const Subscription* dropped = findSubscription(*who, event.track);
  if (!dropped) return {};
  rooms.shares_.change(event.room, who->identity, dropped->active, 0);
  if (who->subscribe_transport) endSubscription(who->subscribe_transport->id, who->subscribe_session, *dropped);
  std::erase_if(who->subscriptions, [&](const Subscription& s) { return s.track == event.track; });
  change.participants.insert({event.room, event.participant});
  change.wants_changed.insert({event.room, event.participant});
  return {};
}

Result<void> Apply::operator()(const SubscriptionWished& event) {
  Participant* who = room(event.room) ? participant(event.room, event.participant) : nullptr;
  if (!who) return participantUnknown();
  const auto found = std::ranges::find(who->subscriptions, event.track, &Subscription::track);
  if (found == who->subscriptions.end()) return trackUnknown();
  if (found->wish == event.wish) return {};
  found->wish = event.wish;
  change.participants.insert({event.room, event.participant});
  if (found->active && who->subscribe_transport) {
    change.subscriptions.insert({who->subscribe_transport->id, event.track});
  }
  return {};
}

Result<void> Apply::operator()(const LastNSet& event) {
  Participant* who = room(event.room) ? participant(event.room, event.participant) : nullptr;
  if (!who) return participantUnknown();
  if (who->last_n == event.last_n) return {};
  who->last_n = event.last_n;
  change.participants.insert({event.room, event.participant});
  touchTransports(*who);
  return {};
}

Result<void> Apply::operator()(const TrackMuted& event) {
  const ParticipantKey* owner = rooms.ownerOfTrack(event.track);
  if (!room(event.room)) return roomUnknown();
  if (!owner || owner->room != event.room) return trackUnknown();
  Participant& who = *participant(event.room, owner->participant);
  Track& track = *std::ranges::find(who.tracks, event.track, &Track::id);
  bool& flag = event.by_moderator ? track.muted_by_moderator : track.muted_by_self;
  if (flag == event.muted) return {};
  flag = event.muted;
  change.participants.insert(*owner);
  change.tracks.insert(event.track);
  say(event.room, "", notices::trackMuted(owner->participant, track));
  return {};
}

Result<void> Apply::operator()(const TransportSecured& event) {
  const ParticipantKey* owner = rooms.ownerOfTransport(event.transport);
  if (!owner || owner->room != event.room)
    return refuse(404, "transport_unknown", "There is no such transport in the room.");
  Participant& who = *participant(event.room, owner->participant);
  for (std::optional<Transport>* transport : {&who.publish_transport, &who.subscribe_transport})
    if (*transport && (*transport)->id == event.transport) (*transport)->keys = event.keys;
  change.participants.insert(*owner);
  change.transports.insert(event.transport);
  return {};
}

void Apply::addTransport(const std::string& room_name, const std::string& who, const Transport& transport) {
  rooms.transport_owner_[transport.id] = {room_name, who};
  change.transports.insert(transport.id);
  touchTransports(*participant(room_name, who));  // each is the other's partner
}

void Apply::touchTransports(const Participant& who) {
  for (const auto* transport : {&who.publish_transport, &who.subscribe_transport})
    if (*transport) change.transports.insert((*transport)->id);
}

void Apply::removeTransport(const std::optional<Transport>& transport) {
  if (!transport) return;
  rooms.transport_owner_.erase(transport->id);
  change.transports.erase(transport->id);
  change.transports_removed.insert(transport->id);
}

void Apply::endSubscription(const std::string& transport, const Session& session, const Subscription& over) {
  const bool slot = std::ranges::any_of(session.sections, [&](const MediaSection& section) {
    return section.slot && section.ssrc != 0 && section.ssrc == over.ssrc;
  });
  if (slot)
    change.subscriptions_parked[{transport, over.track}] = over.ssrc;
  else
    change.subscriptions_removed.insert({transport, over.track});
}

void Apply::removeSubscriptions(Room& in, const std::string& track) {
  for (auto& [id, other] : in.participants) {
    const Subscription* ended = findSubscription(other, track);
    if (!ended) continue;
    rooms.shares_.change(in.name, other.identity, ended->active, 0);
    if (other.subscribe_transport) endSubscription(other.subscribe_transport->id, other.subscribe_session, *ended);
    std::erase_if(other.subscriptions, [&](const Subscription& s) { return s.track == track; });
    const ParticipantKey key{in.name, id};
    change.participants.insert(key);
    change.wants_changed.insert(key);
  }
}

void Apply::removeTrack(Room& in, Participant& publisher, std::string track) {
  removeSubscriptions(in, track);
  std::erase_if(publisher.tracks, [&](const Track& t) { return t.id == track; });
  for (MediaSection& section : publisher.publish_session.sections)
    if (section.track == track) section.track.clear();
  rooms.track_owner_.erase(track);
  change.tracks_removed.insert(track);
  say(in.name, "", notices::trackUnpublished(publisher.id, track));
}

void Apply::endPublishing(Room& in, Participant& publisher) {
  while (!publisher.tracks.empty()) removeTrack(in, publisher, publisher.tracks.front().id);
  removeTransport(publisher.publish_transport);
  publisher.publish_transport.reset();
  publisher.publish_session = {};
}

void Apply::endSubscribing(const Room& in, Participant& subscriber) {
  rooms.shares_.change(in.name, subscriber.identity, activeOf(subscriber.subscriptions), 0);
  for (const Subscription& over : subscriber.subscriptions)
    if (subscriber.subscribe_transport)
      change.subscriptions_removed.insert({subscriber.subscribe_transport->id, over.track});
  subscriber.subscriptions.clear();
  removeTransport(subscriber.subscribe_transport);
  subscriber.subscribe_transport.reset();
  subscriber.subscribe_session = {.version = subscriber.subscribe_session.version};  // ids of offers go on
}

void Apply::wantAll(const Room& in, Participant& subscriber) {
  for (const auto& [id, other] : in.participants) {
    if (id == subscriber.id) continue;
    for (const Track& track : other.tracks)
      if (!findSubscription(subscriber, track.id)) subscriber.subscriptions.push_back({.track = track.id});
  }
  if (!subscriber.subscriptions.empty()) change.wants_changed.insert({in.name, subscriber.id});
}

void Apply::wantEverywhere(Room& in, const Participant& publisher, const std::string& track) {
  for (auto& [id, other] : in.participants) {
    if (id == publisher.id || !other.auto_subscribe || !other.permissions.subscribe) continue;
    other.subscriptions.push_back({.track = track});
    change.participants.insert({in.name, id});
    change.wants_changed.insert({in.name, id});
  }
}

}  // namespace penstock
