// The rows of the forwarding tables. Control writes every field; the dataplane copies a row, checks it, then uses it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "dataplane/contract/limits.h"

namespace penstock::contract {

/// Names a row and the use of it that is meant: a slot that was given to something else has another generation.
struct RowReference {
  uint32_t index;
  uint32_t generation;
  friend bool operator==(const RowReference&, const RowReference&) = default;
};

/// An IP address and UDP port. IPv4 is written as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
struct Address {
  uint8_t ip[16];
  uint16_t port_be;
  uint16_t reserved[3];
  friend bool operator==(const Address&, const Address&) = default;
};
static_assert(sizeof(Address) == 24);

/// RFC 5764 section 4.1.2 and RFC 7714 section 14.2 protection profiles, by their DTLS-SRTP code points.
enum class SrtpProfile : uint16_t {
  kNone = 0,  // no keys yet
  kAes128CmHmacSha1_80 = 0x0001,
  kAes128CmHmacSha1_32 = 0x0002,
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
  kUnprotected =
      0xff00,  // RTP and RTCP in the clear: of plain transports only, never negotiated. No code point of IANA
};

/// Master key and salt of one direction. AES-128 uses the first 16 bytes of `key`; GCM the first 12 of `salt`.
struct SrtpKey {
  uint8_t key[kSrtpKeyMax];
  uint8_t salt[kSrtpSaltMax];
  uint8_t reserved[2];
};
static_assert(sizeof(SrtpKey) == 48);

/// RTP header extensions the relay knows. The value indexes TransportRow::extension_id.
enum class Extension : uint8_t {
  kMid,                    // urn:ietf:params:rtp-hdrext:sdes:mid
  kRid,                    // urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
  kRepairedRid,            // urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
  kAudioLevel,             // urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464)
  kAbsSendTime,            // http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
  kAbsCaptureTime,         // http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time
  kTransportCc,            // http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
  kDependencyDescriptor,   // https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension
  kVideoOrientation,       // urn:3gpp:video-orientation
  kPlayoutDelay,           // http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
  kVideoContentType,       // http://www.webrtc.org/experiments/rtp-hdrext/video-content-type
  kVideoTiming,            // http://www.webrtc.org/experiments/rtp-hdrext/video-timing
  kColorSpace,             // http://www.webrtc.org/experiments/rtp-hdrext/color-space
  kVideoLayersAllocation,  // http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00
  kTransmissionOffset,     // urn:ietf:params:rtp-hdrext:toffset (RFC 5450)
  kCount,
};
inline constexpr uint32_t kExtensionMax = 16;
static_assert(static_cast<uint32_t>(Extension::kCount) <= kExtensionMax);

enum class RowState : uint8_t { kFree = 0, kUsed = 1 };
enum class MediaKind : uint8_t { kAudio = 1, kVideo = 2 };

enum class TransportKind : uint8_t {
  kIce = 0,
  kPlain = 1,  // no ICE, no DTLS: address and keys are in the row
};

inline constexpr uint8_t kTransportLastN = 1 << 0;        // `last_n` holds; without it all are sent
inline constexpr uint8_t kTransportDropSilence = 1 << 1;  // as publisher: what nobody hears is not forwarded
inline constexpr uint8_t kTransportEnded = 1
                                           << 2;  // its session is over: checks are answered with 403, no media passes
inline constexpr uint8_t kTransportReducedRtcp = 1 << 3;  // a=rtcp-rsize was agreed (RFC 5506): feedback may go alone

/// One association with a client. Keys are absent (profile kNone) until its DTLS handshake is done.
struct TransportRow {
  uint32_t generation;
  RowState state;
  uint8_t ufrag_length_bytes;
  uint8_t pwd_length_bytes;
  TransportKind kind;
  uint8_t ice_ufrag[kIceUfragMax];  // ours: the part of a check's USERNAME before the colon; of a plain one just a name
  uint8_t ice_pwd[kIcePwdMax];      // ours: keys the MESSAGE-INTEGRITY of checks to us and of our answers
  SrtpProfile srtp_profile;
  uint16_t last_n;                      // as subscriber: pictures of so many publishers, those who spoke last
  uint32_t rtcp_ssrc;                   // sender SSRC of the reports and requests we originate
  SrtpKey receive_key;                  // what the client sends is protected with this
  SrtpKey send_key;                     // what we send to the client is protected with this
  uint8_t extension_id[kExtensionMax];  // by Extension; 0 = not negotiated; 1..14 one-byte, ..255 two-byte (RFC 8285)
  uint32_t receive_bitrate_max_bps;     // told to the client by REMB; 0 = do not tell
  uint32_t room;                        // transports of one room have the same number; 0 = none
  Address remote;         // of a plain transport; all zero: where its first authenticated packet comes from (latched)
  RowReference partner;   // as subscriber: the transport that the same client publishes on; generation 0 = none
  uint8_t loudest;        // as publisher: audio is forwarded of so many publishers of its room; 0 = of all
  uint8_t flags;          // kTransport...
  uint16_t rtcp_port_be;  // of a plain transport with a remote address: of its RTCP, both ways; 0 = as RTP
  uint8_t reserved[4];
};
static_assert(sizeof(TransportRow) == 224 && std::is_trivially_copyable_v<TransportRow>);

/// One RTP stream of a track. `ssrc` 0 = not signalled: bound by MID (and RID) on the first authenticated packet.
struct EncodingRow {
  uint32_t ssrc;
  uint32_t rtx_ssrc;  // 0 = none
  uint8_t rid[kRidMax];
  uint8_t rid_length_bytes;
  uint8_t reserved[7];
};
static_assert(sizeof(EncodingRow) == 32);

/// Codecs whose payloads the dataplane looks into. Others pass all the same.
enum class Codec : uint8_t { kOther = 0, kVp8 = 1, kVp9 = 2, kH264 = 3, kAv1 = 4, kRed = 5 };

/// A payload type as the publisher uses it. For RTX, `associated` is the payload type it repairs (RFC 4588 apt).
struct PayloadTypeRow {
  uint8_t payload_type;
  uint8_t associated;  // kNotRtx, or the repaired payload type
  Codec codec;         // of RTX: kOther
  uint8_t reserved;
  uint32_t clock_rate_hz;
};
static_assert(sizeof(PayloadTypeRow) == 8);
inline constexpr uint8_t kNotRtx = 0xff;

/// Whether its address is learned from the first packet that passes SRTP authentication.
constexpr bool isLatching(const TransportRow& row) {
  return row.state == RowState::kUsed && row.kind == TransportKind::kPlain && row.remote == Address{};
}

inline constexpr uint8_t kTrackMuted = 1 << 0;       // packets are received and counted, not forwarded
inline constexpr uint8_t kTrackAlwaysSent = 1 << 1;  // a shared screen: `last_n` neither holds nor counts it
inline constexpr uint8_t kTrackNoNack =
    1 << 2;  // NACK (RFC 4585) was not negotiated: its publisher is not asked for packets
inline constexpr uint8_t kTrackAnySsrc = 1 << 3;  // of a plain transport: bound to the sender's SSRC by payload type

/// One media source published into a room.
struct TrackRow {
  uint32_t generation;
  RowState state;
  MediaKind kind;
  uint8_t flags;
  uint8_t mid_length_bytes;
  RowReference transport;  // the publisher's
  uint8_t mid[kMidMax];    // as the publisher's transport names it
  uint8_t encoding_count;
  uint8_t payload_type_count;
  uint8_t reserved[6];
  EncodingRow encoding[kEncodingMax];
  PayloadTypeRow payload_type[kPayloadTypeMax];
};
static_assert(sizeof(TrackRow) == 296 && std::is_trivially_copyable_v<TrackRow>);

/// How one payload type of the publisher is called on the subscriber's transport.
struct PayloadTypeMapping {
  uint8_t from;
  uint8_t to;
  uint8_t rtx_to;  // the subscriber's RTX payload type for it, or kNotRtx
  uint8_t reserved;
};
static_assert(sizeof(PayloadTypeMapping) == 4);

inline constexpr uint8_t kSubscriptionPaused = 1 << 0;
inline constexpr uint8_t kSubscriptionPinned = 1 << 1;  // whoever speaks: `last_n` neither holds nor counts it

/// One track forwarded to one transport: one outgoing RTP stream (and its RTX stream). The track may change and the
/// stream goes on: numbers, index and time. In between it may have none.
struct SubscriptionRow {
  uint32_t generation;
  RowState state;
  uint8_t flags;
  uint8_t mid_length_bytes;
  uint8_t mapping_count;
  RowReference track;      // generation 0 = none now
  RowReference transport;  // the subscriber's
  uint32_t ssrc;           // ours, unique on the transport, never used twice under its keys
  uint32_t rtx_ssrc;       // 0 = the client did not take RTX
  uint8_t mid[kMidMax];    // as the subscriber's transport names it
  PayloadTypeMapping mapping[kPayloadTypeMax / 2];
  uint16_t width_max, height_max;  // no larger picture is wanted, either way round; 0 = any
  uint8_t frame_rate_max;          // frames a second; 0 = any
  uint8_t priority;                // among what the subscriber gets: 255 highest
  uint8_t reserved[2];
};
static_assert(sizeof(SubscriptionRow) == 88 && std::is_trivially_copyable_v<SubscriptionRow>);

}  // namespace penstock::contract
