// Offer and answer (RFC 8829, RFC 3264, RFC 8843) as pure functions: what we know and what the client says in; what
// follows and what we say out. Nothing is changed here: the room service makes events of the outcomes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/value.h"
#include "control/room/model.h"
#include "control/room/refusal.h"
#include "control/signalling/fresh.h"
#include "control/signalling/sdp.h"
#include "control/signalling/service.h"

namespace penstock {

/// What every description of ours says of the relay itself.
struct LocalSide {
  struct Place {
    std::string ip;  // "198.18.0.1", "2001:db8::1"
    uint16_t port = 0;
  };
  std::vector<Place> places;
  std::vector<PrefixValue> denied;  // networks that nothing is sent to
  std::string fingerprint;          // "sha-256 AB:CD:..."
  uint32_t receive_bitrate_max_bps = 0;
};

/// The client publishes: its offer, our answer.
struct PublishOutcome {
  std::string answer;
  Transport transport;
  Session session;
  std::vector<Track> tracks;
  bool handshake = false;  // the transport is new: DTLS begins
};
Result<PublishOutcome> negotiatePublish(const Participant& who, const std::string& offer,
                                        const std::vector<TrackHint>& hints, const LocalSide& local, Fresh& fresh);

/// Whether packets come of a track: `silent`, none for seconds.
enum class Life : uint8_t { heard, unknown, silent };

/// A track somebody else publishes.
struct RemoteTrack {
  std::string participant;
  const Track* track = nullptr;
  Life life = Life::unknown;
};

/// The client subscribes: our offer of everything it wants ...
struct OfferOutcome {
  std::string offer;
  Transport transport;
  Session session;
  std::vector<Subscription> subscriptions;
  bool again = false;  // sections that are let go of with this offer will take subscriptions that have none
};
/// There are kMediaMax sections at most; subscriptions beyond wait for one, those to pictures first.
/// `tracks`: those of the room, at least all that `who` subscribes to. `restart_ice`: with new credentials.
OfferOutcome makeOffer(const Participant& who, const std::vector<RemoteTrack>& tracks, bool restart_ice,
                       const LocalSide& local, Fresh& fresh);

/// ... and its answer.
struct AnswerOutcome {
  Transport transport;
  Session session;
  std::vector<Subscription> subscriptions;
  bool handshake = false;        // DTLS begins
  bool transport_stale = false;  // another certificate than before: all of this transport must be offered anew
};
Result<AnswerOutcome> acceptAnswer(const Participant& who, const std::vector<RemoteTrack>& tracks,
                                   const std::string& answer);

/// The client plays (WHEP): its offer, our answer. Sections get the tracks there are; the others wait for one.
struct PlayOutcome {
  std::string answer;
  Transport transport;
  Session session;
  std::vector<Subscription> subscriptions;
  bool handshake = false;
};
Result<PlayOutcome> negotiatePlay(const Participant& who, const std::vector<RemoteTrack>& tracks,
                                  const std::string& offer, const std::string& from, const LocalSide& local,
                                  Fresh& fresh);

/// Gives the player's free sections the tracks that fit, and those whose track is silent one that is heard, if there
/// is. Nothing when there is nothing to do.
struct SlotOutcome {
  Session session;
  std::vector<Subscription> subscriptions;
};
std::optional<SlotOutcome> fillSlots(const Participant& who, const std::vector<RemoteTrack>& tracks);

/// Gives the subscriptions of a plain participant their streams. Nothing when there is nothing to do.
std::optional<SlotOutcome> fillPlain(const Participant& who, const std::vector<RemoteTrack>& tracks);

/// RFC 9725 section 4.3.2: ICE restart by fragments.
struct RestartOutcome {
  std::string fragment;
  Transport transport;
  Session session;
};
Result<RestartOutcome> restartIce(const Transport& transport, const Session& session, const std::string& fragment,
                                  const LocalSide& local, Fresh& fresh);

}  // namespace penstock
