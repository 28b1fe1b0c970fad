// RTCP members appended to a bounded buffer. A member that does not fit is left out whole.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/packet/bytes.h"
#include "dataplane/packet/rtcp.h"

namespace penstock {

/// Each `add...` appends one member, or returns false and leaves the compound as it was.
class RtcpWriter {
 public:
  explicit RtcpWriter(std::span<uint8_t> out) : writer_(out) {}

  bool addSenderReport(uint32_t sender_ssrc, const SenderInfo& info, std::span<const ReportBlock> blocks);
  bool addReceiverReport(uint32_t sender_ssrc, std::span<const ReportBlock> blocks);
  bool addSdesCname(uint32_t ssrc, std::string_view cname);
  bool addBye(std::span<const uint32_t> sources);
  bool addPli(uint32_t sender_ssrc, uint32_t media_ssrc);
  bool addFir(uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t command_sequence);
  /// `lost` in rising order on the circle; packed greedily into PID + BLP pairs.
  bool addNack(uint32_t sender_ssrc, uint32_t media_ssrc, std::span<const uint16_t> lost);
  /// `control_information`: see writeTransportFeedback.
  bool addTransportFeedback(uint32_t sender_ssrc, uint32_t media_ssrc, std::span<const uint8_t> control_information);
  /// Extended reports (RFC 3611): our time as a receiver, and what became of such times of others.
  bool addReferenceTime(uint32_t sender_ssrc, uint64_t ntp);
  bool addReferenceEchoes(uint32_t sender_ssrc, std::span<const ReferenceEcho> echoes);
  bool addRemb(uint32_t sender_ssrc, uint64_t bitrate_bps, std::span<const uint32_t> sources);

  size_t size() const { return writer_.size(); }
  std::span<const uint8_t> written() const { return writer_.written(); }

 private:
  size_t begin(uint8_t count, RtcpType type);
  bool end(size_t start);
  void putBlocks(std::span<const ReportBlock> blocks);

  ByteWriter writer_;
};

/// 64-bit NTP time of a wall clock given as nanoseconds since 1970.
constexpr uint64_t ntpFromUnix(uint64_t unix_ns) {
  const uint64_t seconds = unix_ns / 1'000'000'000 + 2'208'988'800;
  const uint64_t rest_ns = unix_ns % 1'000'000'000;
  return seconds << 32 | (rest_ns << 32) / 1'000'000'000;
}
/// The middle 32 bits, as LSR carries them.
constexpr uint32_t ntpMiddle(uint64_t ntp) {
  return static_cast<uint32_t>(ntp >> 16);
}

}  // namespace penstock
