// What a room is made of. Plain values: copied, compared, stored as JSON; nothing here acts.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include "dataplane/contract/rows.h"

namespace penstock {

BOOST_DEFINE_ENUM_CLASS(Kind, audio, video)
BOOST_DEFINE_ENUM_CLASS(Source, microphone, camera, screen, other)
BOOST_DEFINE_ENUM_CLASS(Purpose, publish, subscribe)
/// RFC 8842: which side opens the DTLS handshake, seen from us.
BOOST_DEFINE_ENUM_CLASS(DtlsRole, server, client)

/// What a participant may do (from its token's room grant, or all when no keys are configured).
struct Permissions {
  bool publish = true;
  bool subscribe = true;
  bool moderate = false;
};
BOOST_DESCRIBE_STRUCT(Permissions, (), (publish, subscribe, moderate))

struct RoomSettings {
  uint32_t participants_max = 200;
  uint32_t tracks_max = 8;         // per participant
  std::optional<uint16_t> last_n;  // pictures of so many participants, who spoke last, are sent to each; none: of all
  uint8_t loudest = 0;             // audio of so many participants is forwarded; 0 = of all
  bool forward_silence = true;
  friend bool operator==(const RoomSettings&, const RoomSettings&) = default;
};
BOOST_DESCRIBE_STRUCT(RoomSettings, (), (participants_max, tracks_max, last_n, loudest, forward_silence))

/// One codec of an m-section, with the payload types used on that transport.
struct Codec {
  std::string name;  // as in a=rtpmap, e.g. "opus", "VP8", "H264"
  uint32_t clock_rate_hz = 0;
  uint32_t channels = 0;  // 0: not said, which is one (RFC 8866 section 6.6), or two of Opus
  uint8_t payload_type = 0;
  std::optional<uint8_t> rtx_payload_type;
  std::string fmtp;                        // parameters of a=fmtp, as offered
  std::vector<std::string> rtcp_feedback;  // "nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"
};
BOOST_DESCRIBE_STRUCT(Codec, (), (name, clock_rate_hz, channels, payload_type, rtx_payload_type, fmtp, rtcp_feedback))

struct Encoding {
  uint32_t ssrc = 0;  // 0 = not signalled; the dataplane binds it by MID and RID
  uint32_t rtx_ssrc = 0;
  std::string rid;
};
BOOST_DESCRIBE_STRUCT(Encoding, (), (ssrc, rtx_ssrc, rid))

/// One media source published into a room.
struct Track {
  std::string id;
  Kind kind = Kind::audio;
  Source source = Source::other;
  std::string name;
  std::string mid;  // on the publisher's transport
  std::vector<Codec> codecs;
  std::vector<Encoding> encodings;
  bool muted_by_self = false;
  bool muted_by_moderator = false;
  bool muted() const { return muted_by_self || muted_by_moderator; }
};
BOOST_DESCRIBE_STRUCT(Track, (), (id, kind, source, name, mid, codecs, encodings, muted_by_self, muted_by_moderator))

/// What a subscriber asks of a track: less than there is. 0 = any.
struct Wish {
  bool paused = false;
  uint16_t width_max = 0, height_max = 0;
  uint8_t frame_rate_max = 0;  // frames a second
  bool pinned = false;         // whoever speaks: last_n neither holds nor counts it
  uint8_t priority = 128;      // among what the subscriber gets: 255 highest
  friend bool operator==(const Wish&, const Wish&) = default;
};
BOOST_DESCRIBE_STRUCT(Wish, (), (paused, width_max, height_max, frame_rate_max, pinned, priority))

/// One track forwarded to the participant's subscribe transport.
struct Subscription {
  std::string track;
  std::string mid;  // on the subscriber's transport; empty until a negotiation gave it an m-section
  uint32_t ssrc = 0;
  uint32_t rtx_ssrc = 0;
  std::vector<Codec> codecs;  // as the subscriber accepted them; matched with the track's by name and fmtp
  bool active = false;        // negotiated: packets may flow
  bool undecodable = false;   // the subscriber answered, and has none of the track's codecs
  Wish wish;
};
BOOST_DESCRIBE_STRUCT(Subscription, (), (track, mid, ssrc, rtx_ssrc, codecs, active, undecodable, wish))

/// Keys of both directions, hexadecimal, as the RFC 5764 exporter or, for a plain transport, the API gave them.
struct SrtpKeys {
  uint16_t profile = 0;                   // contract::SrtpProfile
  std::string receive_key, receive_salt;  // what the client sends
  std::string send_key, send_salt;        // what we send
};
BOOST_DESCRIBE_STRUCT(SrtpKeys, (), (profile, receive_key, receive_salt, send_key, send_salt))

/// One ICE + DTLS-SRTP association, or a plain one. `id` is unique in the relay and never used again. A plain transport
/// that both publishes and subscribes is both of its participant's, under one id: an address has one row.
struct Transport {
  std::string id;
  Purpose purpose = Purpose::publish;
  std::string ice_ufrag, ice_pwd;  // ours
  std::string remote_fingerprint;  // "sha-256 AB:CD:..."
  DtlsRole dtls_role = DtlsRole::server;
  std::array<uint8_t, contract::kExtensionMax> extension_id{};  // by contract::Extension; 0 = not negotiated
  uint32_t rtcp_ssrc = 0;
  uint32_t receive_bitrate_max_bps = 0;
  bool reduced_rtcp = false;  // a=rtcp-rsize was agreed on (RFC 5506)
  std::optional<SrtpKeys> keys;
  bool plain = false;     // no ICE, no DTLS
  std::string remote_ip;  // of a plain one; empty: where its first authenticated packet comes from
  uint16_t remote_port = 0;
  uint16_t rtcp_port = 0;  // with remote_ip: of its RTCP, both ways; 0 = as RTP
};
BOOST_DESCRIBE_STRUCT(Transport, (),
                      (id, purpose, ice_ufrag, ice_pwd, remote_fingerprint, dtls_role, extension_id, rtcp_ssrc,
                       receive_bitrate_max_bps, reduced_rtcp, keys, plain, remote_ip, remote_port, rtcp_port))

/// What the row of a transport says of the room that it is in, and of its participant.
struct TransportPlace {
  uint32_t room = 0;
  std::optional<uint16_t> last_n;  // of what it receives
  std::string partner;             // the transport that its participant publishes on; empty = none
  uint8_t loudest = 0;
  bool forward_silence = true;
};

/// One m-section of a negotiated session, in order; sections are reused, never removed (RFC 8829 section 5.2.2).
struct MediaSection {
  std::string mid;
  Kind kind = Kind::audio;
  std::string track;  // published or subscribed track; empty = inactive now
  bool slot = false;  // a player's section (WHEP): takes any fitting track, now or later, without a new offer
  uint32_t ssrc = 0;  // of a slot: told in our answer, of whatever track it carries
  uint32_t rtx_ssrc = 0;
  std::vector<Codec> codecs;  // of a slot: what the player takes
  bool undecodable = false;   // of a slot without a track: there are some, and of none it has a codec
};
BOOST_DESCRIBE_STRUCT(MediaSection, (), (mid, kind, track, slot, ssrc, rtx_ssrc, codecs, undecodable))

/// What offer/answer must remember of one transport between two rounds. Of a plain subscriber, `sections` holds the
/// codecs that it takes, if it named any.
struct Session {
  uint64_t id = 0;       // o= line, for the life of the session
  uint64_t version = 0;  // o= line, raised by every description of ours
  std::vector<MediaSection> sections;
  std::string
      remote_ufrag;  // of the client's last description: another one is an ICE restart (RFC 8839 section 4.4.1.1.1)
  uint32_t next_ssrc = 0;  // of the next subscription on this transport; only ever grows, so that none is used twice
  std::string play_from;   // of a player: the participant it wants to see; empty = everybody
};
BOOST_DESCRIBE_STRUCT(Session, (), (id, version, sections, remote_ufrag, next_ssrc, play_from))

struct Participant {
  std::string id;
  std::string identity;  // `sub` of its token, or empty
  std::string name;
  std::string protocol;  // "websocket", "whip", "whep", "plain"
  std::string resume_token;
  Permissions permissions;
  bool auto_subscribe = true;
  std::optional<uint16_t> last_n;  // fewer than the room's
  uint64_t joined_unix_ms = 0;
  std::optional<uint64_t> expires_unix_ms;  // when its token is accepted no longer; none: it came without one
  std::vector<Track> tracks;
  std::vector<Subscription> subscriptions;
  std::optional<Transport> publish_transport, subscribe_transport;
  Session publish_session, subscribe_session;
};
BOOST_DESCRIBE_STRUCT(Participant, (),
                      (id, identity, name, protocol, resume_token, permissions, auto_subscribe, last_n, joined_unix_ms,
                       expires_unix_ms, tracks, subscriptions, publish_transport, subscribe_transport, publish_session,
                       subscribe_session))

struct Room {
  std::string name;
  RoomSettings settings;
  bool keep_when_empty = false;  // made by the API, not by a join
  uint64_t created_unix_ms = 0;
  uint32_t number = 0;                              // in rows: unique in the relay, and never used again
  std::map<std::string, Participant> participants;  // by id
};
BOOST_DESCRIBE_STRUCT(Room, (), (name, settings, keep_when_empty, created_unix_ms, number, participants))

}  // namespace penstock
