// Inside of Rooms::apply: one function per event. Each first checks all that could refuse it, then changes.
#pragma once

#include "control/room/rooms.h"

namespace penstock {

using Refused = std::unexpected<Refusal>;

struct Apply {
  Rooms& rooms;
  Change change;

  // rooms.cpp: rooms and participants
  Result<void> operator()(const RoomOpened& event);
  Result<void> operator()(const RoomSettingsSet& event);
  Result<void> operator()(const RoomClosed& event);
  Result<void> operator()(const ParticipantJoined& event);
  Result<void> operator()(const ParticipantLeft& event);
  Result<void> operator()(const RightsSet& event);
  // rooms_media.cpp: tracks, subscriptions, transports
  Result<void> operator()(const Published& event);
  Result<void> operator()(const Unpublished& event);
  Result<void> operator()(const Subscribed& event);
  Result<void> operator()(const SubscriptionWanted& event);
  Result<void> operator()(const SubscriptionDropped& event);
  Result<void> operator()(const SubscriptionWished& event);
  Result<void> operator()(const LastNSet& event);
  Result<void> operator()(const TrackMuted& event);
  Result<void> operator()(const TransportSecured& event);

  Room* room(const std::string& name);
  Participant* participant(const std::string& room, const std::string& id);
  void removeParticipant(Room& room, const std::string& id, const std::string& reason);
  /// `track` may be a member of what this changes, hence a copy.
  void removeTrack(Room& room, Participant& publisher, std::string track);
  void removeSubscriptions(Room& room, const std::string& track);
  /// A subscription is over. Where it filled a slot of `session`, that goes on with another track.
  void endSubscription(const std::string& transport, const Session& session, const Subscription& subscription);
  void removeTransport(const std::optional<Transport>& transport);
  void addTransport(const std::string& room, const std::string& participant, const Transport& transport);
  /// What it publishes, what it subscribes to: ends, with the transport.
  void endPublishing(Room& room, Participant& publisher);
  void endSubscribing(const Room& room, Participant& subscriber);
  /// All tracks of others in the room, as far as it has no subscription of them.
  void wantAll(const Room& room, Participant& subscriber);
  /// The rows of its transports say something else.
  void touchTransports(const Participant& participant);
  /// Everybody who subscribes automatically wants the new track.
  void wantEverywhere(Room& room, const Participant& publisher, const std::string& track);
  /// Refuses growth beyond the rows that there are.
  static Result<void> checkRows(size_t before, size_t after, size_t rows_max, const char* message);
  /// `other`: the participant's transport of the other purpose.
  Result<void> checkTransport(const std::optional<Transport>& now, const std::optional<Transport>& other,
                              const Transport& next) const;
  Result<void> checkTracks(const Room& room, const Participant& publisher, const std::vector<Track>& tracks) const;
  Result<void> checkSubscriptions(const Room& room, const Participant& subscriber, const Subscribed& event) const;
  static Refused refuse(int status, const char* code, const char* message);
  static Refused roomUnknown();
  static Refused participantUnknown();
  static Refused trackUnknown();
  void say(const std::string& room, const std::string& except, boost::json::object message);
};

}  // namespace penstock
