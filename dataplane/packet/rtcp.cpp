// RTCP members and the fixed parts of their bodies.
#include "dataplane/packet/rtcp.h"

#include <algorithm>
#include <cstring>

namespace penstock {
namespace {

constexpr size_t kMemberHeaderSize = 4;
constexpr size_t kSenderInfoSize = 20;
constexpr uint8_t kSdesEnd = 0;
constexpr uint8_t kSdesCname = 1;
constexpr uint32_t kRembIdentifier = 0x5245'4d42;  // "REMB"
constexpr uint8_t kPaddingBit = 0x20;
constexpr uint8_t kReferenceTimeBlock = 4;  // RFC 3611 section 4.4
constexpr uint8_t kEchoBlock = 5;           // section 4.5, DLRR
constexpr size_t kEchoSize = 12;

bool isRemb(std::span<const uint8_t> body) {
  return body.size() >= 16 && load32(body.data() + 8) == kRembIdentifier;
}

}  // namespace

RtcpKind RtcpMember::kind() const {
  switch (static_cast<RtcpType>(type)) {
    case RtcpType::kSenderReport:
      return RtcpKind::kSenderReport;
    case RtcpType::kReceiverReport:
      return RtcpKind::kReceiverReport;
    case RtcpType::kSourceDescription:
      return RtcpKind::kSourceDescription;
    case RtcpType::kBye:
      return RtcpKind::kBye;
    case RtcpType::kTransportFeedback:
      if (count == kFormatNack) return RtcpKind::kNack;
      return count == kFormatTransportCc ? RtcpKind::kTransportCc : RtcpKind::kOther;
    case RtcpType::kPayloadFeedback:
      if (count == kFormatPli) return RtcpKind::kPli;
      if (count == kFormatFir) return RtcpKind::kFir;
      return count == kFormatApplication && isRemb(body) ? RtcpKind::kRemb : RtcpKind::kOther;
    case RtcpType::kExtendedReport:
      return RtcpKind::kExtendedReport;
    default:
      return RtcpKind::kOther;
  }
}

/// One member, of which the length is known to be good. Nothing: it is bad.
std::optional<RtcpMember> RtcpReader::read(std::span<const uint8_t> member, bool last) {
  // RFC 5761 section 4: whatever is RTCP on a shared port has a type of 192..223.
  if (member[0] >> 6 != 2 || (member[1] & 0xe0) != 0xc0) return std::nullopt;
  auto body = member.subspan(kMemberHeaderSize);
  if ((member[0] & kPaddingBit) != 0) {
    // RFC 3550 section 6.4.1: "padding MUST only be added to the last individual packet"; it counts itself. It should
    // be a multiple of four, but browsers fill their transport-wide feedback up to a word with one to three octets.
    const uint8_t padding = member.back();
    if (!last || padding == 0 || padding > body.size()) return std::nullopt;
    body = body.first(body.size() - padding);
  }
  return RtcpMember{member[1], static_cast<uint8_t>(member[0] & 0x1f), body};
}

std::optional<RtcpMember> RtcpReader::next() {
  while (!rest_.empty()) {
    const size_t size = rest_.size() < kMemberHeaderSize ? SIZE_MAX : 4u * (load16(rest_.data() + 2) + 1u);
    if (size > rest_.size()) {
      malformed_ = true;
      rest_ = {};
      break;
    }
    const auto member = read(rest_.first(size), size == rest_.size());
    rest_ = rest_.subspan(size);
    if (member) return member;
    malformed_ = true;
  }
  return std::nullopt;
}

ReportBlock Report::block(size_t i) const {
  const uint8_t* at = blocks.data() + i * kReportBlockSize;
  ReportBlock block;
  block.ssrc = load32(at);
  block.fraction_lost_q8 = at[4];
  block.packets_lost = static_cast<int32_t>(load24(at + 5) << 8) >> 8;  // sign of 24 bits
  block.highest_sequence = load32(at + 8);
  block.jitter = load32(at + 12);
  block.last_sr = load32(at + 16);
  block.delay_since_last_sr = load32(at + 20);
  return block;
}

std::optional<Report> parseReport(const RtcpMember& member) {
  const bool from_sender = member.type == static_cast<uint8_t>(RtcpType::kSenderReport);
  if (!from_sender && member.type != static_cast<uint8_t>(RtcpType::kReceiverReport)) return std::nullopt;
  const size_t fixed = 4 + (from_sender ? kSenderInfoSize : 0);
  const size_t blocks = member.count * kReportBlockSize;
  // What lies behind the blocks are profile-specific extensions; they are passed over.
  if (member.body.size() < fixed + blocks) return std::nullopt;
  const uint8_t* at = member.body.data();
  Report report{};
  report.sender_ssrc = load32(at);
  if (from_sender) report.sender = SenderInfo{load64(at + 4), load32(at + 12), load32(at + 16), load32(at + 20)};
  report.blocks = member.body.subspan(fixed, blocks);
  return report;
}

std::optional<SdesCname> parseSdesCname(const RtcpMember& member, bool* malformed) {
  const auto fail = [&](bool bad) {
    if (malformed != nullptr) *malformed = bad;
    return std::nullopt;
  };
  auto rest = member.body;
  if (member.type != static_cast<uint8_t>(RtcpType::kSourceDescription)) return fail(true);
  for (size_t chunk = 0; chunk < member.count; ++chunk) {
    if (rest.size() < 8) return fail(true);  // SSRC and at least the end mark with its padding
    const uint32_t ssrc = load32(rest.data());
    size_t at = 4;
    while (at < rest.size() && rest[at] != kSdesEnd) {
      if (rest.size() - at < 2 || rest[at + 1] > rest.size() - at - 2) return fail(true);
      const size_t length = rest[at + 1];
      if (rest[at] == kSdesCname) {
        fail(false);
        return SdesCname{ssrc, {reinterpret_cast<const char*>(rest.data() + at + 2), length}};
      }
      at += 2 + length;
    }
    // RFC 3550 section 6.5: each chunk ends with one or more null octets, up to the next 32-bit boundary.
    const size_t end = (at & ~size_t{3}) + 4;
    if (end > rest.size()) return fail(true);
    rest = rest.subspan(end);
  }
  return fail(false);
}

std::optional<Bye> parseBye(const RtcpMember& member) {
  if (member.type != static_cast<uint8_t>(RtcpType::kBye) || member.body.size() < 4u * member.count)
    return std::nullopt;
  return Bye{member.body.first(4u * member.count)};
}

std::optional<Feedback> parseFeedback(const RtcpMember& member) {
  if (member.type != static_cast<uint8_t>(RtcpType::kTransportFeedback) &&
      member.type != static_cast<uint8_t>(RtcpType::kPayloadFeedback)) {
    return std::nullopt;
  }
  if (member.body.size() < 8) return std::nullopt;
  return Feedback{load32(member.body.data()), load32(member.body.data() + 4), member.body.subspan(8)};
}

ReferenceEcho ExtendedReport::echo(size_t i) const {
  const uint8_t* at = echoes.data() + i * kEchoSize;
  return {load32(at), load32(at + 4), load32(at + 8)};
}

std::optional<ExtendedReport> parseExtendedReport(const RtcpMember& member) {
  if (member.type != static_cast<uint8_t>(RtcpType::kExtendedReport) || member.body.size() < 4) return std::nullopt;
  ExtendedReport report{.sender_ssrc = load32(member.body.data()), .receiver_ntp = {}, .echoes = {}};
  for (auto rest = member.body.subspan(4); !rest.empty();) {
    if (rest.size() < 4) return std::nullopt;
    const size_t size = 4u * load16(rest.data() + 2);
    if (size > rest.size() - 4) return std::nullopt;
    const auto block = rest.subspan(4, size);
    if (rest[0] == kReferenceTimeBlock && size == 8) report.receiver_ntp = load64(block.data());
    if (rest[0] == kEchoBlock && report.echoes.empty()) report.echoes = block.first(size - size % kEchoSize);
    rest = rest.subspan(4 + size);
  }
  return report;
}

std::optional<Remb> parseRemb(const Feedback& feedback) {
  const auto fci = feedback.control_information;
  if (fci.size() < 8 || load32(fci.data()) != kRembIdentifier) return std::nullopt;
  const size_t count = fci[4];
  if (fci.size() < 8 + 4 * count) return std::nullopt;
  // |Num SSRC 8|BR Exp 6|BR Mantissa 18|
  const uint32_t rate = load24(fci.data() + 5);
  const unsigned exponent = rate >> 18;
  const uint64_t mantissa = rate & 0x3'ffff;
  // 18 bits shifted by up to 63: what does not fit 64 bits means "no limit".
  const uint64_t bitrate = exponent > 46 && mantissa >> (64 - exponent) != 0 ? UINT64_MAX : mantissa << exponent;
  return Remb{bitrate, fci.subspan(8, 4 * count)};
}

}  // namespace penstock
