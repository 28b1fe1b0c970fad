// The service behind every way in: makes events of requests, applies them to the rooms, and carries out what follows:
// rows, handshakes, stored state, messages, offers. One thread; time comes from the clock it is given.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "control/room/rooms.h"
#include "control/signalling/edges.h"
#include "control/signalling/negotiate.h"
#include "control/signalling/plain_claims.h"
#include "control/signalling/service.h"
#include "control/signalling/speakers.h"

namespace penstock {

class RoomService final : public Service {
 public:
  struct Edges {
    RowsOut& rows;
    DtlsOut& dtls;
    Persistence& store;
    const ReportsIn& reports;
    const Clock& clock;
    Chance& chance;
  };

  /// `rows`: how many there are; its rooms_max is that of `config`.
  RoomService(const RoomsConfig& config, LocalSide local, const Edges& edges, RoomsLimits rows = {});

  /// Our own restart: the rooms as stored. Media went on meanwhile; the rows are only compared, and leftovers swept.
  void restore(std::vector<Room> rooms);

  // From the DTLS pool and the dataplane's events, by the id of the transport.
  void onSecured(const std::string& transport, const SrtpKeys& keys);
  void onHandshakeFailed(const std::string& transport, const std::string& reason);
  void onNominated(const std::string& transport);
  void onConsentLost(const std::string& transport);
  /// Another client is where it was; it may check again, from elsewhere.
  void onAddressTaken(const std::string& transport);
  /// The dataplane holds one of its subscriptions, or sends it again.
  void onHeld(const std::string& transport);
  /// The client said goodbye on it (DTLS close_notify, authenticated).
  void onClosed(const std::string& transport);
  /// Events may have been missed: what they told is taken from what the dataplane reports now.
  void review();

  /// To be called every 200 ms: speakers, and participants whose time is up.
  void tick();

  // Service
  const std::map<std::string, Room>& rooms() const override { return rooms_.all(); }
  Result<void> openRoom(const std::string& room, const RoomSettings& settings) override;
  Result<void> changeSettings(const std::string& room, const RoomSettings& settings) override;
  Result<void> closeRoom(const std::string& room) override;
  Result<std::string> join(const JoinRequest& request, std::shared_ptr<ParticipantLink> link) override;
  void detach(const std::string& room, const std::string& participant, const ParticipantLink* link) override;
  Result<void> leave(const std::string& room, const std::string& participant, const std::string& reason) override;
  Result<void> extend(const std::string& room, const std::string& participant,
                      std::optional<uint64_t> expires_unix_ms) override;
  Result<std::string> addPlain(const PlainRequest& request) override;
  Result<std::string> publish(const std::string& room, const std::string& participant, const std::string& offer,
                              const std::vector<TrackHint>& hints) override;
  Result<std::string> play(const std::string& room, const std::string& participant, const std::string& offer,
                           const std::string& from) override;
  Result<void> answer(const std::string& room, const std::string& participant, uint64_t offer_id,
                      const std::string& sdp) override;
  Result<std::string> restartIce(const std::string& room, const std::string& participant, Purpose purpose,
                                 const std::string& fragment) override;
  Result<void> subscribe(const std::string& room, const std::string& participant, const std::string& track) override;
  Result<void> unsubscribe(const std::string& room, const std::string& participant, const std::string& track) override;
  Result<void> wish(const std::string& room, const std::string& participant, const std::string& track,
                    const Wish& wish) override;
  Result<void> setLastN(const std::string& room, const std::string& participant,
                        std::optional<uint16_t> last_n) override;
  Result<void> unpublish(const std::string& room, const std::string& track) override;
  Result<void> mute(const std::string& room, const std::string& track, bool by_moderator, bool muted) override;
  void addSink(NoticeSink* sink) override { sinks_.push_back(sink); }

 private:
  /// What is known of a participant besides the model, and is lost with this process.
  struct Presence {
    std::shared_ptr<ParticipantLink> link;
    uint64_t deadline_ms = 0;           // when it must be back, or connected; 0 = none
    uint64_t offer_outstanding = 0;     // id of the offer that is not answered yet; 0 = none
    bool offer_due = false;             // something changed since the last offer
    bool restart_ice = false;           // the next offer has new credentials
    std::set<std::string> silent;       // transports whose consent is lost
    std::set<std::string> held;         // tracks that are not sent to it as others spoke later; its client was told
    std::set<std::string> undecodable;  // tracks, or sections of a player, that lack nothing but codecs; was told
  };

  /// How long a participant without signalling of its own (WHIP, WHEP) may take from its offer to a finished handshake.
  static constexpr uint64_t kConnectWithinMs = 30'000;

  // room_service.cpp
  Result<void> apply(const RoomEvent& event);
  Result<std::string> resume(const JoinRequest& request, std::shared_ptr<ParticipantLink> link);
  void sendJoined(const ParticipantKey& key, bool resumed);
  Result<void> drop(const ParticipantKey& key, const std::string& reason);
  static bool isPlain(const Participant& who) { return who.protocol == kPlainProtocol; }
  const Participant* participant(const ParticipantKey& key) const {
    return rooms_.participant(key.room, key.participant);
  }

  // consequences.cpp
  void follow(const Change& change);
  void followRows(const Change& change);
  void putTransport(const std::string& id, std::optional<Transport> Participant::*transport);
  void putTrack(const std::string& track);
  void putSubscription(const SubscriptionKey& key);
  void followStore(const Change& change);
  void dismiss(const ParticipantKey& key, const std::string& reason);
  void tell(const RoomMessage& message);
  void tellSinks(const std::string& room, boost::json::object message);

  // room_service_media.cpp
  void startHandshake(const ParticipantKey& key, const Transport& transport);
  std::vector<RemoteTrack> othersTracks(const ParticipantKey& key) const;
  /// Sends the offers and fills the slots that are due. Last thing of every request.
  void settle();
  void sendOffer(const ParticipantKey& key, const Participant& as);
  void postpone(const ParticipantKey& key, const Refusal& refusal);
  void replaceSubscribeTransport(const ParticipantKey& key);
  void tellUndecodable(const ParticipantKey& key);

  // room_service_silence.cpp
  Life lifeOf(const std::string& track) const;
  /// Looks how long nothing was heard of the room's tracks. If one fell silent or is heard again, players are due.
  void watchSilence(const Room& room);
  void watchSilence();
  /// Who publishes by WHIP again, under the identity of its token, takes the place of a session of its own that is
  /// dead.
  void noteSuccession(const ParticipantKey& key);
  void replaceDead();
  bool isDead(const Participant& who) const;

  // room_service_plain.cpp
  SrtpKeys completed(SrtpKeys keys);
  Result<void> connectPlain(const ParticipantKey& key, const PlainRequest& request, Transport transport);
  void settlePlain(const ParticipantKey& key, const Participant& who);

  // room_service_reports.cpp
  void expect(const ParticipantKey& key, uint64_t within_ms);
  void expire();
  void endExpired();
  Consent consentOf(const Participant& who) const;
  void silenced(const std::string& transport, const std::string& reason);
  void watchSpeakers();
  void watchSpeakers(const Room& room);
  std::string dominantOf(const Room& room) const;
  void sendSpeakers(const ParticipantKey& key);
  void tellWanted();
  std::set<std::string> heldFrom(const Participant& who) const;
  void tellHeld();

  RoomsConfig config_;
  LocalSide local_;
  Edges edges_;
  Fresh fresh_;
  Rooms rooms_;
  std::map<ParticipantKey, Presence> presence_;
  std::map<std::string, std::set<std::string>> players_;  // by room: participants whose sections are slots
  std::set<ParticipantKey> due_;
  std::set<ParticipantKey> waiting_;                   // whose offer needs a transport, and none was free
  std::multimap<uint64_t, ParticipantKey> deadlines_;  // checked against Presence::deadline_ms when they come
  std::map<std::string, SpeakerWatch> speakers_;       // by room
  std::set<std::string> wanted_due_;                   // tracks whose subscribers changed, or their wishes
  std::map<std::string, Wish> wanted_told_;            // by track: what its publisher knows
  std::set<ParticipantKey> held_due_;                  // whose held subscriptions may be others than it knows
  /// A track of which nothing was heard lately.
  struct Quiet {
    uint64_t since_ms = 0;
    bool silent = false;
  };
  std::map<std::string, Quiet> quiet_;                  // by track; of rooms with players it is kept up
  std::map<ParticipantKey, std::string> succeeded_by_;  // participants of one room and identity, until one is dead
  PlainClaims plain_claims_;
  std::vector<NoticeSink*> sinks_;
};

}  // namespace penstock
