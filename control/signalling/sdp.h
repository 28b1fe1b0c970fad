// SDP (RFC 8866) as far as WebRTC peers speak it: parsed into plain values, and written from them. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sdp {

/// Of a description that a client begins with; an answer to many sections of ours may be longer, see bytesMax.
inline constexpr size_t kBytesMax = 256 * 1024;
inline constexpr size_t kLinesMax = 16'384;
inline constexpr size_t kLineBytesMax = 8'192;
inline constexpr size_t kMediaMax = 512;
/// Of one section of an offer of ours: with every codec that we forward it has 3.3 KB in 97 lines, and what browsers
/// answer it with has no more. A test looks.
inline constexpr size_t kSectionBytesMax = 4'096, kSectionLinesMax = 128;
/// Of all descriptions: what stands before the sections, and candidates.
inline constexpr size_t kSessionBytesMax = 16 * 1024, kSessionLinesMax = 512;

/// Of a description that answers one of ours with so many sections.
constexpr size_t bytesMax(size_t sections) {
  const size_t bytes = kSessionBytesMax + sections * kSectionBytesMax;
  return bytes > kBytesMax ? bytes : kBytesMax;
}
constexpr size_t linesMax(size_t sections) {
  const size_t lines = kSessionLinesMax + sections * kSectionLinesMax;
  return lines > kLinesMax ? lines : kLinesMax;
}
/// The same in a JSON string: two bytes more for the end of each line, and what stands around it.
constexpr size_t jsonBytesMax(size_t sections) {
  return bytesMax(sections) + 2 * linesMax(sections) + kSessionBytesMax;
}
/// Header extensions, SSRCs, ... of one m-section, each.
inline constexpr size_t kItemsMax = 256;
/// Browsers name some 25. Matching costs by the square of it, reading parameters by their length: both are bounded.
inline constexpr size_t kFormatsMax = 64;
inline constexpr size_t kFmtpBytesMax = 512;

enum class Direction : uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };
/// RFC 5763 section 5 (a=setup).
enum class Setup : uint8_t { kAbsent, kActpass, kActive, kPassive, kHoldconn };

struct Format {
  uint8_t payload_type = 0;
  std::string name;  // empty: no a=rtpmap, and no static payload type that the relay knows
  uint32_t clock_rate_hz = 0;
  uint32_t channels = 0;  // 0: not said, and written so
  std::string fmtp;
  std::vector<std::string> feedback;  // of a=rtcp-fb, with those of the wildcard
};

struct Extmap {
  uint16_t id = 0;
  std::optional<Direction> direction;
  std::string uri;
};

struct Ssrc {
  uint32_t ssrc = 0;
  std::string cname, msid;
};

struct SsrcGroup {
  std::string semantics;  // "FID", "SIM", ...
  std::vector<uint32_t> ssrcs;
};

struct Rid {
  std::string id;
  bool send = true;
};

struct Fingerprint {
  std::string hash;   // lower case: "sha-256"
  std::string value;  // upper case, "AB:CD:..."
};

/// What ICE and DTLS need. On the session level, the default of every m-section.
struct Security {
  std::string ice_ufrag, ice_pwd, ice_options;
  std::vector<Fingerprint> fingerprints;
  Setup setup = Setup::kAbsent;
};

struct Media {
  std::string type;  // "audio", "video", "application", ...
  uint16_t port = 9;
  std::string protocol = "UDP/TLS/RTP/SAVPF";
  std::vector<std::string> formats_text;  // as on the m= line: kept for sections that we do not understand
  std::string connection;                 // c= line without "c="; empty = none
  std::string mid;
  Direction direction = Direction::kSendRecv;
  Security security;
  bool rtcp_mux = false, rtcp_rsize = false, bundle_only = false;
  std::vector<Format> formats;  // in the order of the m= line
  std::vector<Extmap> extmaps;
  std::vector<Ssrc> ssrcs;
  std::vector<SsrcGroup> ssrc_groups;
  std::vector<Rid> rids;
  std::string simulcast;  // value of a=simulcast
  std::string msid_stream, msid_track;
  std::vector<std::string> candidates;  // values of a=candidate
  bool end_of_candidates = false;
  std::optional<uint16_t> sctp_port;  // of a data channel (RFC 8841)
};

/// RFC 8829 section 5.1.2: the profiles that are all taken for DTLS-SRTP; a=fingerprint decides.
bool isRtpProfile(std::string_view protocol);
/// The same of data channels.
bool isDataProfile(std::string_view protocol);

struct Session {
  uint64_t id = 0, version = 0;
  std::vector<std::vector<std::string>> bundle;  // mids of each a=group:BUNDLE
  bool ice_lite = false;
  bool extmap_allow_mixed = false;
  Security security;
  std::vector<Media> media;
};

struct Error {
  size_t line = 0;  // from 1; 0 = the whole
  std::string message;
  std::string text() const;
};

/// `sections`: as many as the offer of ours has that it answers; 0 = it answers none.
std::expected<Session, Error> parse(std::string_view text, size_t sections = 0);
std::string write(const Session& session);

/// An SDP fragment (RFC 8840 section 9) as PATCH of WHIP carries it: the credentials in it.
std::expected<Security, Error> parseFragment(std::string_view text);

const char* text(Direction direction);
const char* text(Setup setup);

}  // namespace penstock::sdp
