// What the room service needs of the world: tables, handshakes, the store, statistics, time, chance. Small interfaces,
// so that the middle is tested without any of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/room/model.h"
#include "dataplane/contract/counters.h"

namespace penstock {

/// The forwarding tables by the ids of the model (control/seam). Each call says what a row should be now; a row that is
/// so already costs nothing. False: the table is full.
class RowsOut {
 public:
  virtual ~RowsOut() = default;
  virtual bool putTransport(const Transport& transport, const TransportPlace& place) = 0;
  virtual bool putTrack(const std::string& transport, const Track& track) = 0;
  /// Only for active subscriptions of tracks and transports that were put before.
  virtual bool putSubscription(const std::string& transport, const Subscription& subscription, const Track& track) = 0;
  /// Its stream has no track from now on, and goes on with the one that is put under its SSRC. Its row stays as long as
  /// the transport: a stream that began anew under the same keys would use a keystream twice (RFC 3711 section 9.1).
  /// After a restart, with an empty `track`: of a stream that had none, if there is such a row.
  virtual void parkSubscription(const std::string& transport, const std::string& track, uint32_t ssrc) = 0;
  virtual void removeSubscription(const std::string& transport, const std::string& track) = 0;
  virtual void removeTrack(const std::string& track) = 0;
  /// Its client hears of it for a while, should it go on checking (RFC 7675 section 5.2).
  virtual void removeTransport(const std::string& transport) = 0;
  /// After a restart, when everything known was put: frees the rows that nothing was put into.
  virtual void sweep() = 0;
};

/// Whose handshake it is: of those at once, each room and each subject of tokens has a share.
struct HandshakeOwner {
  std::string room, subject;  // subject empty: nobody signed for the participant
};

/// DTLS handshakes (control/transport). Their outcome comes back as RoomService::onSecured or onHandshakeFailed.
class DtlsOut {
 public:
  virtual ~DtlsOut() = default;
  /// Of our certificate, for SDP: "sha-256 AB:CD:...".
  virtual std::string fingerprint() const = 0;
  /// In the client role nothing is sent, and no place is taken, before nominated().
  virtual void start(const std::string& transport, DtlsRole role, const std::string& remote_fingerprint,
                     const HandshakeOwner& owner) = 0;
  /// Forgets the handshake or association, if there is one; its client is told (DTLS close_notify) while the row of
  /// the transport is kept.
  virtual void stop(const std::string& transport) = 0;
  /// Now there is an address that a handshake can go to, or another one than before.
  virtual void nominated(const std::string& transport) = 0;
};

/// The store for our own restart (control/store).
class Persistence {
 public:
  virtual ~Persistence() = default;
  /// The room itself, without its participants.
  virtual void saveRoom(const Room& room) = 0;
  virtual void removeRoom(const std::string& room) = 0;
  virtual void saveParticipant(const std::string& room, const Participant& participant) = 0;
  virtual void removeParticipant(const std::string& room, const std::string& participant) = 0;
};

/// May media go to the client of a transport (RFC 7675)?
enum class Consent : uint8_t {
  kUnknown,  // no dataplane reports anything of the transport
  kNever,    // no address was nominated since the dataplane has known it
  kGiven,
  kLost,
};

/// What the dataplane reports, as far as rooms are concerned.
class ReportsIn {
 public:
  virtual ~ReportsIn() = default;
  virtual Consent consent(const std::string& transport) const = 0;
  /// Since the last authentic packet of the track, or check of the transport; nothing when none is reported.
  virtual std::optional<uint64_t> sinceHeardMs(const std::string& track) const = 0;
  virtual std::optional<uint64_t> sinceCheckMs(const std::string& transport) const = 0;
  /// RFC 6464: 0 loudest .. 127 silence; nothing when no packet came lately.
  virtual std::optional<uint8_t> audioLevel(const std::string& track) const = 0;
  /// Of a transport that publishes; nothing when no dataplane says anything of it.
  virtual std::optional<contract::SpeakerStats> speaker(const std::string& transport) const = 0;
  /// Is a subscription not sent, as others spoke later?
  virtual bool held(const std::string& transport, const std::string& track) const = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual uint64_t unixMs() const = 0;
  virtual uint64_t monotonicMs() const = 0;
};

class Chance {
 public:
  virtual ~Chance() = default;
  virtual void fill(std::span<uint8_t> bytes) = 0;
};

}  // namespace penstock
