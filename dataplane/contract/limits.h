// Every limit that both daemons must agree on. Rows are allocated once, at these sizes, and never grow.
#pragma once

#include <cstdint>

namespace penstock::contract {

/// ICE + DTLS-SRTP associations one relay can hold.
inline constexpr uint32_t kTransportMax = 16'384;
/// Tracks published into all rooms together.
inline constexpr uint32_t kTrackMax = 16'384;
/// Tracks forwarded to transports, all rooms together.
inline constexpr uint32_t kSubscriptionMax = 262'144;
/// RTP streams of one track: three simulcast encodings and one spare.
inline constexpr uint32_t kEncodingMax = 4;
inline constexpr uint8_t kNoEncoding = 0xff;
/// Payload types one track may use (codecs and their RTX each take one entry).
inline constexpr uint32_t kPayloadTypeMax = 16;
/// Workers (polled cores) of one dataplane.
inline constexpr uint32_t kWorkerMax = 32;
/// Largest UDP payload that crosses the seam or the relay: Ethernet MTU less the smallest IP and UDP headers.
inline constexpr uint32_t kDatagramMax = 1472;

/// RFC 8839 section 5.4: ice-ufrag and ice-pwd have at most 256 characters; ours are much shorter.
inline constexpr uint32_t kIceUfragMax = 16;
inline constexpr uint32_t kIcePwdMax = 32;
/// RFC 8843 section 15.1 leaves the length open; one-byte header extensions (RFC 8285) carry at most 16.
inline constexpr uint32_t kMidMax = 16;
inline constexpr uint32_t kRidMax = 16;
/// AES-256 master key and 112-bit master salt (RFC 3711, RFC 7714).
inline constexpr uint32_t kSrtpKeyMax = 32;
inline constexpr uint32_t kSrtpSaltMax = 14;
/// Senders of SRTCP on one transport whose replay state is kept. Never evicted: that would forget what was replayed.
inline constexpr uint32_t kSrtcpSenderMax = 64;
/// Streams of withdrawn tracks that a transport remembers, as the client may publish under their SSRCs again.
inline constexpr uint32_t kRetiredStreamMax = 16;

/// Tracks that are found neither by an address nor by an SSRC: a packet from an unknown address may be of any of them.
inline constexpr uint32_t kLatchAnySsrcMax = 256;

/// Ring sizes, powers of two.
inline constexpr uint32_t kDoorbellMax = 65'536;
inline constexpr uint32_t kInjectMax = 1'024;
inline constexpr uint32_t kPuntMax = 1'024;
inline constexpr uint32_t kEventMax = 8'192;

}  // namespace penstock::contract
