// All rooms, and the one way to change them: apply(event). No clock, no randomness, no output: what must follow from a
// change is returned as a Change.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>

#include "control/room/events.h"
#include "control/room/model.h"
#include "control/room/refusal.h"
#include "control/room/subscription_shares.h"
#include "dataplane/contract/limits.h"

namespace penstock {

struct ParticipantKey {
  std::string room, participant;
  friend auto operator<=>(const ParticipantKey&, const ParticipantKey&) = default;
};

/// A subscription that is over. Its rows are named by these two ids.
struct SubscriptionKey {
  std::string transport, track;
  friend auto operator<=>(const SubscriptionKey&, const SubscriptionKey&) = default;
};

/// A message of control/signalling/PROTOCOL.md for everybody in the room but `except`.
struct RoomMessage {
  std::string room;
  std::string except;
  boost::json::object message;
};

/// What an event touched: no more, so that cost follows the change and not the number of rooms.
struct Change {
  std::set<std::string> rooms;  // name, limits changed: to be stored
  std::set<std::string> rooms_removed;
  std::set<ParticipantKey> participants;                       // to be stored
  std::map<ParticipantKey, std::string> participants_removed;  // with the reason
  // Rows, to be written ...
  std::set<std::string> transports;
  std::set<std::string> tracks;
  std::set<SubscriptionKey> subscriptions;
  // ... and to be freed.
  std::set<std::string> transports_removed;
  std::set<std::string> tracks_removed;
  std::set<SubscriptionKey> subscriptions_removed;
  std::map<SubscriptionKey, uint32_t> subscriptions_parked;  // of slots: the stream of this SSRC waits for a track
  std::set<ParticipantKey> wants_changed;  // what they want to receive differs from what was negotiated
  std::vector<RoomMessage> messages;
};

struct RoomsLimits {
  uint32_t rooms_max = 4096;
  // Rows of the forwarding tables. What would not get one is refused, before anything is half made.
  uint32_t transports_max = contract::kTransportMax;
  uint32_t tracks_max = contract::kTrackMax;
  uint32_t subscriptions_max = contract::kSubscriptionMax;
};

class Rooms {
 public:
  explicit Rooms(RoomsLimits limits = {}) : limits_(limits), shares_(limits.subscriptions_max) {}

  /// A refused event changes nothing.
  Result<Change> apply(const RoomEvent& event);

  /// As loaded from the store: replaces everything.
  void restore(std::vector<Room> rooms);

  const std::map<std::string, Room>& all() const { return rooms_; }
  const Room* room(const std::string& name) const;
  const Participant* participant(const std::string& room, const std::string& id) const;
  /// Who owns a transport, a track.
  const ParticipantKey* ownerOfTransport(const std::string& transport) const;
  const ParticipantKey* ownerOfTrack(const std::string& track) const;
  /// Of all rooms: those that were negotiated, so that packets may flow.
  size_t activeSubscriptions() const { return shares_.used(); }

 private:
  friend struct Apply;
  RoomsLimits limits_;
  std::map<std::string, Room> rooms_;
  std::unordered_map<std::string, ParticipantKey> transport_owner_;
  std::unordered_map<std::string, ParticipantKey> track_owner_;
  SubscriptionShares shares_;
  uint32_t last_number_ = 0;  // that a room was given
};

const Track* findTrack(const Participant& participant, const std::string& track);
const Subscription* findSubscription(const Participant& participant, const std::string& track);
/// What the rows of its transports say of the room.
TransportPlace placeOf(const Room& room, const Participant& participant);
/// How many of them are active.
size_t activeOf(const std::vector<Subscription>& subscriptions);
/// In any participant of the room.
const Track* findTrack(const Room& room, const std::string& track);

}  // namespace penstock
