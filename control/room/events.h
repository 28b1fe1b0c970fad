// What can happen to a room, whoever it came from. Nothing behind RoomEvent knows its source.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/room/model.h"

namespace penstock {

struct RoomOpened {
  std::string room;
  RoomSettings settings;
  bool keep_when_empty;
  uint64_t created_unix_ms;
};
struct RoomSettingsSet {
  std::string room;
  RoomSettings settings;
};
struct RoomClosed {
  std::string room;
};
struct ParticipantJoined {
  std::string room;
  Participant participant;
};
struct ParticipantLeft {
  std::string room, participant;
  std::string reason;  // "left", "kicked", "room_closed", "connection_lost", "connection_failed", "replaced",
                       // "token_expired"
};
/// What another token of the participant grants, in place of what the one before it did.
struct RightsSet {
  std::string room, participant;
  Permissions permissions;
  std::optional<uint64_t> expires_unix_ms;
};
/// A negotiation round of the participant's publish transport: the transport, its session and all its tracks now.
struct Published {
  std::string room, participant;
  Transport transport;
  Session session;
  std::vector<Track> tracks;
};
struct Unpublished {
  std::string room, participant, track;
};
/// A negotiation round of the participant's subscribe transport.
struct Subscribed {
  std::string room, participant;
  Transport transport;
  Session session;
  std::vector<Subscription> subscriptions;
};
struct SubscriptionWanted {
  std::string room, participant, track;
};
struct SubscriptionDropped {
  std::string room, participant, track;
};
struct SubscriptionWished {
  std::string room, participant, track;
  Wish wish;
};
struct LastNSet {
  std::string room, participant;
  std::optional<uint16_t> last_n;
};
struct TrackMuted {
  std::string room, track;
  bool by_moderator;
  bool muted;
};
struct TransportSecured {
  std::string room, transport;
  SrtpKeys keys;
};

using RoomEvent = std::variant<RoomOpened, RoomSettingsSet, RoomClosed, ParticipantJoined, ParticipantLeft, RightsSet,
                               Published, Unpublished, Subscribed, SubscriptionWanted, SubscriptionDropped,
                               SubscriptionWished, LastNSet, TrackMuted, TransportSecured>;

}  // namespace penstock
