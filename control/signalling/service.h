// What the HTTP API, WebSocket, WHIP and WHEP call, and what they are told. All on the one control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "control/room/model.h"
#include "control/room/refusal.h"

namespace penstock {

/// Something that happened in a room, as clients and integrators see it: `message["type"]` is one of the
/// notifications of control/signalling/PROTOCOL.md ("participant_joined", "track_published", ...), with `room` and
/// `time`. `speakers` is not among them: it goes to the participants only, and
/// "dominant_speaker_changed" to everybody else.
struct Notice {
  std::string room;
  boost::json::object message;
};

/// The signalling connection of one participant. Not called again after detach().
class ParticipantLink {
 public:
  virtual ~ParticipantLink() = default;
  virtual void send(const boost::json::object& message) = 0;
  /// The participant is gone (kicked, room closed, replaced by a resumed connection). Close after sending what is
  /// queued.
  virtual void close(const std::string& reason) = 0;
};

/// Gets every Notice of every room (server-sent events, webhook). Never blocks.
class NoticeSink {
 public:
  virtual ~NoticeSink() = default;
  virtual void onNotice(const Notice& notice) = 0;
};

struct JoinRequest {
  std::string room;
  std::string name;
  std::string identity;
  std::string protocol;
  Permissions permissions;
  std::optional<uint64_t> expires_unix_ms;  // then its token ends, and the participant leaves
  bool auto_subscribe = true;
  std::string resume_token;  // of an earlier `joined`; empty = new
};

/// What the client says of a track it offers, by m-section.
struct TrackHint {
  std::string mid;
  Source source = Source::other;
  std::string name;
  bool muted = false;
};

/// A participant without ICE and DTLS, and without signalling: all of it is said at once. Its protocol is "plain".
struct PlainRequest {
  std::string room, name, identity;
  std::string remote_ip;  // empty: latched from its first authenticated packet
  uint16_t remote_port = 0;
  uint16_t rtcp_port = 0;      // 0 = as RTP
  SrtpKeys keys;               // a direction may have none; profile kUnprotected: RTP in the clear
  std::vector<Track> publish;  // without ids; an encoding without SSRC is known by its payload types
  bool subscribe = false;
  bool subscribe_all = false;       // to all tracks that there are and will be ...
  std::vector<std::string> tracks;  // ... or to these
  std::vector<Codec> codecs;        // that it takes, by its payload types; empty: any, as the relay numbers them
};
inline constexpr const char* kPlainProtocol = "plain";

class Service {
 public:
  virtual ~Service() = default;

  // Rooms
  virtual const std::map<std::string, Room>& rooms() const = 0;
  virtual Result<void> openRoom(const std::string& room,
                                const RoomSettings& settings) = 0;  // 409 room_exists, 503 rooms_full
  virtual Result<void> changeSettings(const std::string& room, const RoomSettings& settings) = 0;
  virtual Result<void> closeRoom(const std::string& room) = 0;

  // Participants. `join` returns the participant's id; the `joined` message is sent through `link` when there is one.
  virtual Result<std::string> join(const JoinRequest& request, std::shared_ptr<ParticipantLink> link) = 0;
  /// The signalling connection broke: the participant is kept for rooms.resume-timeout-s.
  virtual void detach(const std::string& room, const std::string& participant, const ParticipantLink* link) = 0;
  virtual Result<void> leave(const std::string& room, const std::string& participant, const std::string& reason) = 0;
  /// A newer token of the participant, who stays as long as it is good. One that ends sooner changes nothing.
  virtual Result<void> extend(const std::string& room, const std::string& participant,
                              std::optional<uint64_t> expires_unix_ms) = 0;

  /// Returns the participant's id; leave() ends it.
  virtual Result<std::string> addPlain(const PlainRequest& request) = 0;

  // Media. SDP in, SDP out.
  /// Client offers what it publishes (again at each change); returns the answer.
  virtual Result<std::string> publish(const std::string& room, const std::string& participant, const std::string& offer,
                                      const std::vector<TrackHint>& hints) = 0;
  /// Client offers to receive (WHEP); `from`, when not empty, names the participant to be played. Returns the answer.
  virtual Result<std::string> play(const std::string& room, const std::string& participant, const std::string& offer,
                                   const std::string& from) = 0;
  /// Client answers the last `offer` message.
  virtual Result<void> answer(const std::string& room, const std::string& participant, uint64_t offer_id,
                              const std::string& sdp) = 0;
  /// RFC 9725 section 4.3: new ICE credentials from an SDP fragment; returns our fragment. For a subscribe transport
  /// that the relay makes offers for, `fragment` is empty: an `offer` message with new credentials follows.
  virtual Result<std::string> restartIce(const std::string& room, const std::string& participant, Purpose purpose,
                                         const std::string& fragment) = 0;
  virtual Result<void> subscribe(const std::string& room, const std::string& participant, const std::string& track) = 0;
  virtual Result<void> unsubscribe(const std::string& room, const std::string& participant,
                                   const std::string& track) = 0;
  /// What is subscribed to may be paused, or wanted smaller or slower than it is.
  virtual Result<void> wish(const std::string& room, const std::string& participant, const std::string& track,
                            const Wish& wish) = 0;
  /// Pictures of so many participants at most, who spoke last, if the room does not say fewer; none: as the room says.
  virtual Result<void> setLastN(const std::string& room, const std::string& participant,
                                std::optional<uint16_t> last_n) = 0;
  virtual Result<void> unpublish(const std::string& room, const std::string& track) = 0;
  virtual Result<void> mute(const std::string& room, const std::string& track, bool by_moderator, bool muted) = 0;

  virtual void addSink(NoticeSink* sink) = 0;
};

}  // namespace penstock
