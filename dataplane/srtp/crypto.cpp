// See crypto.h: what is looked at before any arithmetic, the same for all backends.
#include "dataplane/srtp/crypto.h"

#include <optional>

namespace penstock::srtp {
namespace {

constexpr size_t kRtpHeaderMin = 12;

uint16_t read16(const uint8_t* from) {
  return static_cast<uint16_t>(from[0] << 8 | from[1]);
}
uint32_t read32(const uint8_t* from) {
  return uint32_t{read16(from)} << 16 | read16(from + 2);
}

/// Length of the RTP header that `packet` starts with; nothing if it is none or incomplete.
std::optional<size_t> rtpHeaderLength(std::span<const uint8_t> packet) {
  if (packet.size() < kRtpHeaderMin || packet[0] >> 6 != 2) return std::nullopt;
  size_t length = kRtpHeaderMin + 4 * (packet[0] & 0x0f);
  if (packet[0] & 0x10) {
    if (packet.size() < length + 4) return std::nullopt;
    length += 4 + 4 * size_t{read16(packet.data() + length + 2)};
  }
  return length <= packet.size() ? std::optional(length) : std::nullopt;
}

}  // namespace

inline CryptoStatus SendStream::admit(uint64_t index, uint16_t sequence) const {
  if ((index & 0xffff) != sequence) return CryptoStatus::kIndexMismatch;
  if (used_.check(index) != ReplayVerdict::kNew) return CryptoStatus::kIndexUsed;
  // RFC 3711 section 3.3.1: a receiver begins at roll-over counter 0 and follows steps below 2^15.
  const uint64_t limit = used_.started() ? used_.highest() + 0x8000 : 0x1'0000;
  return index < limit && index <= kPacketIndexMax ? CryptoStatus::kOk : CryptoStatus::kIndexTooFar;
}

CryptoStatus SendStream::examine(const ProtectJob& job) const {
  if (job.written_length < job.header_length || job.destination.size() < job.written_length) {
    return CryptoStatus::kMalformed;
  }
  const uint8_t* packet = job.destination.data();
  if (rtpHeaderLength({packet, job.written_length}) != job.header_length || read32(packet + 8) != ssrc_) {
    return CryptoStatus::kMalformed;
  }
  if (job.destination.size() < job.written_length + job.payload.size() + tag_length_) return CryptoStatus::kNoSpace;
  return admit(job.index, read16(packet + 2));
}

ReceiveStream::Claim ReceiveStream::examine(const UnprotectJob& job) const {
  const uint8_t* packet = job.packet.data();
  const auto header_length = rtpHeaderLength(job.packet);
  if (!header_length || job.packet.size() < *header_length + tag_length_) return {CryptoStatus::kMalformed};
  const uint32_t ssrc = read32(packet + 8);
  if (ssrc == 0 || (ssrc_ != 0 && ssrc != ssrc_)) return {CryptoStatus::kMalformed};
  const uint16_t sequence = read16(packet + 2);
  const uint64_t index = seen_.started() ? guessIndex(seen_.highest(), sequence) : sequence;
  const ReplayVerdict verdict = seen_.check(index);
  if (verdict == ReplayVerdict::kReplayed) return {CryptoStatus::kReplayed};
  if (verdict == ReplayVerdict::kOld) return {CryptoStatus::kOld};
  return {CryptoStatus::kOk, *header_length, ssrc, index};
}

}  // namespace penstock::srtp
