// RTCP compounds taken apart member by member (RFC 3550 section 6, RFC 3611, RFC 4585, RFC 5104, RFC 5506).
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/packet/bytes.h"

namespace penstock {

enum class RtcpType : uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSourceDescription = 202,
  kBye = 203,
  kApplication = 204,
  kTransportFeedback = 205,  // RFC 4585 RTPFB
  kPayloadFeedback = 206,    // RFC 4585 PSFB
  kExtendedReport = 207,     // RFC 3611
};
/// Format field of RTPFB and PSFB.
inline constexpr uint8_t kFormatNack = 1;
inline constexpr uint8_t kFormatTransportCc = 15;
inline constexpr uint8_t kFormatPli = 1;
inline constexpr uint8_t kFormatFir = 4;
inline constexpr uint8_t kFormatApplication = 15;  // REMB, among others

inline constexpr size_t kReportBlockSize = 24;
inline constexpr size_t kReportBlockMax = 31;

/// What a member asks or tells, decided by type and format.
enum class RtcpKind : uint8_t {
  kOther,
  kSenderReport,
  kReceiverReport,
  kSourceDescription,
  kBye,
  kNack,
  kTransportCc,
  kPli,
  kFir,
  kRemb,
  kExtendedReport,
};

struct RtcpMember {
  uint8_t type;
  uint8_t count;                  // reports, sources or format: the five bits of the first byte
  std::span<const uint8_t> body;  // behind the four-byte header, without padding
  RtcpKind kind() const;
};

/// Goes through a compound once, front to back. A bad member is passed over by its length; where that leads beyond the
/// end, nothing can be found behind it. What is whole stays valid.
class RtcpReader {
 public:
  /// An empty compound is none.
  explicit RtcpReader(std::span<const uint8_t> compound) : rest_(compound), malformed_(compound.empty()) {}
  /// Nothing: the end.
  std::optional<RtcpMember> next();
  /// Something was bad so far.
  bool malformed() const { return malformed_; }

 private:
  static std::optional<RtcpMember> read(std::span<const uint8_t> member, bool last);

  std::span<const uint8_t> rest_;
  bool malformed_;
};

struct ReportBlock {
  uint32_t ssrc;
  uint8_t fraction_lost_q8;
  int32_t packets_lost;  // 24 bits, signed (RFC 3550 section 6.4.1)
  uint32_t highest_sequence;
  uint32_t jitter;  // in timestamp units
  uint32_t last_sr;
  uint32_t delay_since_last_sr;  // in 1/65536 s
};

struct SenderInfo {
  uint64_t ntp;
  uint32_t rtp_timestamp;
  uint32_t packet_count;
  uint32_t octet_count;
};

/// SR or RR.
struct Report {
  uint32_t sender_ssrc;
  std::optional<SenderInfo> sender;  // SR only
  std::span<const uint8_t> blocks;   // whole report blocks
  size_t blockCount() const { return blocks.size() / kReportBlockSize; }
  ReportBlock block(size_t i) const;  // i < blockCount()
};
std::optional<Report> parseReport(const RtcpMember& member);

/// First CNAME item of a source description.
struct SdesCname {
  uint32_t ssrc;
  std::string_view cname;
};
/// Nothing if there is none; false through `malformed` only tells the two apart.
std::optional<SdesCname> parseSdesCname(const RtcpMember& member, bool* malformed = nullptr);

/// The sources that leave: 4 bytes each.
struct Bye {
  std::span<const uint8_t> sources;
  size_t count() const { return sources.size() / 4; }
  uint32_t ssrc(size_t i) const { return load32(sources.data() + 4 * i); }
};
std::optional<Bye> parseBye(const RtcpMember& member);

/// Any feedback message: who says it, about which source, and the rest (RFC 4585 section 6.1).
struct Feedback {
  uint32_t sender_ssrc;
  uint32_t media_ssrc;
  std::span<const uint8_t> control_information;
};
std::optional<Feedback> parseFeedback(const RtcpMember& member);

/// How many packets a generic NACK asks for.
inline size_t nackCount(const Feedback& feedback) {
  const auto fci = feedback.control_information;
  size_t count = 0;
  for (size_t at = 0; at + 4 <= fci.size(); at += 4) {
    count += 1 + static_cast<size_t>(std::popcount(load16(fci.data() + at + 2)));
  }
  return count;
}

/// Generic NACK (RFC 4585 section 6.2.1): calls `lost(sequence)` for each packet asked for, in the order they stand.
/// At most `limit` are. False, and nothing called, if malformed.
template <class Lost>
bool forEachNack(const Feedback& feedback, Lost&& lost, size_t limit = SIZE_MAX) {
  const auto fci = feedback.control_information;
  if (fci.empty() || fci.size() % 4 != 0) return false;
  for (size_t at = 0; at < fci.size() && limit > 0; at += 4) {
    const uint16_t first = load16(fci.data() + at);
    // The packet itself, then those of the bits behind it.
    uint32_t asked = uint32_t{load16(fci.data() + at + 2)} << 1 | 1;
    for (uint16_t sequence = first; asked != 0 && limit > 0; asked >>= 1, ++sequence) {
      if ((asked & 1) == 0) continue;
      lost(sequence);
      --limit;
    }
  }
  return true;
}

/// Full intra request (RFC 5104 section 4.3.1): calls `request(ssrc, command_sequence)` for each entry.
template <class Request>
bool forEachFir(const Feedback& feedback, Request&& request) {
  const auto fci = feedback.control_information;
  if (fci.empty() || fci.size() % 8 != 0) return false;
  for (size_t at = 0; at < fci.size(); at += 8) request(load32(fci.data() + at), fci[at + 4]);
  return true;
}

/// DLRR sub-block (RFC 3611 section 4.5): like LSR and DLSR, about the receiver reference time of `ssrc`.
struct ReferenceEcho {
  uint32_t ssrc;
  uint32_t last_rr;
  uint32_t delay_since_last_rr;  // in 1/65536 s
};

/// Blocks of an extended report (RFC 3611 section 3) that measure a round trip without sending media.
struct ExtendedReport {
  uint32_t sender_ssrc;
  std::optional<uint64_t> receiver_ntp;  // receiver reference time (section 4.4)
  std::span<const uint8_t> echoes;       // whole DLRR sub-blocks, of the first block that has any
  size_t echoCount() const { return echoes.size() / 12; }
  ReferenceEcho echo(size_t i) const;  // i < echoCount()
};
std::optional<ExtendedReport> parseExtendedReport(const RtcpMember& member);

/// Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03).
struct Remb {
  uint64_t bitrate_bps;
  std::span<const uint8_t> sources;
  size_t count() const { return sources.size() / 4; }
  uint32_t ssrc(size_t i) const { return load32(sources.data() + 4 * i); }
};
std::optional<Remb> parseRemb(const Feedback& feedback);

}  // namespace penstock
