// RTCP members, each with its length filled in once it is whole.
#include "dataplane/packet/rtcp_writer.h"

#include <algorithm>
#include <bit>

namespace penstock {
namespace {

constexpr size_t kCnameMax = 255;
constexpr uint8_t kSdesCname = 1;
constexpr uint32_t kRembIdentifier = 0x5245'4d42;  // "REMB"
constexpr unsigned kRembMantissaBits = 18;
constexpr uint8_t kReferenceTimeBlock = 4;  // RFC 3611 section 4.4
constexpr uint8_t kEchoBlock = 5;           // section 4.5, DLRR

}  // namespace

size_t RtcpWriter::begin(uint8_t count, RtcpType type) {
  const size_t start = writer_.size();
  writer_.put8(static_cast<uint8_t>(0x80 | count));
  writer_.put8(static_cast<uint8_t>(type));
  writer_.put16(0);
  return start;
}

bool RtcpWriter::end(size_t start) {
  if (writer_.overflowed()) {
    writer_.rewind(start);
    return false;
  }
  store16(writer_.data() + start + 2, static_cast<uint16_t>((writer_.size() - start) / 4 - 1));
  return true;
}

void RtcpWriter::putBlocks(std::span<const ReportBlock> blocks) {
  for (const ReportBlock& block : blocks) {
    writer_.put32(block.ssrc);
    // RFC 3550 A.3: what does not fit 24 bits is clamped, not wrapped.
    const int32_t lost = std::clamp(block.packets_lost, -0x80'0000, 0x7f'ffff);
    writer_.put32(uint32_t{block.fraction_lost_q8} << 24 | (static_cast<uint32_t>(lost) & 0xff'ffff));
    writer_.put32(block.highest_sequence);
    writer_.put32(block.jitter);
    writer_.put32(block.last_sr);
    writer_.put32(block.delay_since_last_sr);
  }
}

bool RtcpWriter::addSenderReport(uint32_t sender_ssrc, const SenderInfo& info, std::span<const ReportBlock> blocks) {
  if (blocks.size() > kReportBlockMax) return false;
  const size_t start = begin(static_cast<uint8_t>(blocks.size()), RtcpType::kSenderReport);
  writer_.put32(sender_ssrc);
  writer_.put64(info.ntp);
  writer_.put32(info.rtp_timestamp);
  writer_.put32(info.packet_count);
  writer_.put32(info.octet_count);
  putBlocks(blocks);
  return end(start);
}

bool RtcpWriter::addReceiverReport(uint32_t sender_ssrc, std::span<const ReportBlock> blocks) {
  if (blocks.size() > kReportBlockMax) return false;
  const size_t start = begin(static_cast<uint8_t>(blocks.size()), RtcpType::kReceiverReport);
  writer_.put32(sender_ssrc);
  putBlocks(blocks);
  return end(start);
}

bool RtcpWriter::addSdesCname(uint32_t ssrc, std::string_view cname) {
  if (cname.size() > kCnameMax) return false;
  const size_t start = begin(1, RtcpType::kSourceDescription);
  writer_.put32(ssrc);
  writer_.put8(kSdesCname);
  writer_.put8(static_cast<uint8_t>(cname.size()));
  writer_.put({reinterpret_cast<const uint8_t*>(cname.data()), cname.size()});
  writer_.putZeros(4 - (2 + cname.size()) % 4);  // the end mark, then up to the boundary
  return end(start);
}

bool RtcpWriter::addBye(std::span<const uint32_t> sources) {
  if (sources.size() > kReportBlockMax) return false;
  const size_t start = begin(static_cast<uint8_t>(sources.size()), RtcpType::kBye);
  for (const uint32_t ssrc : sources) writer_.put32(ssrc);
  return end(start);
}

bool RtcpWriter::addPli(uint32_t sender_ssrc, uint32_t media_ssrc) {
  const size_t start = begin(kFormatPli, RtcpType::kPayloadFeedback);
  writer_.put32(sender_ssrc);
  writer_.put32(media_ssrc);
  return end(start);
}

bool RtcpWriter::addFir(uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t command_sequence) {
  const size_t start = begin(kFormatFir, RtcpType::kPayloadFeedback);
  writer_.put32(sender_ssrc);
  writer_.put32(0);  // RFC 5104 section 4.3.1.2: "SSRC of media source" is not used
  writer_.put32(media_ssrc);
  writer_.put32(uint32_t{command_sequence} << 24);
  return end(start);
}

bool RtcpWriter::addNack(uint32_t sender_ssrc, uint32_t media_ssrc, std::span<const uint16_t> lost) {
  if (lost.empty()) return false;
  const size_t start = begin(kFormatNack, RtcpType::kTransportFeedback);
  writer_.put32(sender_ssrc);
  writer_.put32(media_ssrc);
  for (size_t i = 0; i < lost.size();) {
    const uint16_t first = lost[i++];
    uint16_t following = 0;
    for (; i < lost.size(); ++i) {
      const auto distance = static_cast<uint16_t>(lost[i] - first);
      if (distance == 0) continue;  // named twice
      if (distance > 16) break;
      following = static_cast<uint16_t>(following | 1u << (distance - 1));
    }
    writer_.put16(first);
    writer_.put16(following);
  }
  return end(start);
}

bool RtcpWriter::addTransportFeedback(uint32_t sender_ssrc, uint32_t media_ssrc,
                                      std::span<const uint8_t> control_information) {
  const size_t start = begin(kFormatTransportCc, RtcpType::kTransportFeedback);
  writer_.put32(sender_ssrc);
  writer_.put32(media_ssrc);
  writer_.put(control_information);
  return end(start);
}

bool RtcpWriter::addReferenceTime(uint32_t sender_ssrc, uint64_t ntp) {
  const size_t start = begin(0, RtcpType::kExtendedReport);
  writer_.put32(sender_ssrc);
  writer_.put32(uint32_t{kReferenceTimeBlock} << 24 | 2);
  writer_.put64(ntp);
  return end(start);
}

bool RtcpWriter::addReferenceEchoes(uint32_t sender_ssrc, std::span<const ReferenceEcho> echoes) {
  if (echoes.empty()) return false;
  const size_t start = begin(0, RtcpType::kExtendedReport);
  writer_.put32(sender_ssrc);
  writer_.put32(uint32_t{kEchoBlock} << 24 | static_cast<uint32_t>(3 * echoes.size()));
  for (const ReferenceEcho& echo : echoes) {
    writer_.put32(echo.ssrc);
    writer_.put32(echo.last_rr);
    writer_.put32(echo.delay_since_last_rr);
  }
  return end(start);
}

bool RtcpWriter::addRemb(uint32_t sender_ssrc, uint64_t bitrate_bps, std::span<const uint32_t> sources) {
  if (sources.size() > 0xff) return false;
  const size_t start = begin(kFormatApplication, RtcpType::kPayloadFeedback);
  writer_.put32(sender_ssrc);
  writer_.put32(0);  // draft-alvestrand-rmcat-remb-03 section 2.2: "SSRC of media source" is always 0
  writer_.put32(kRembIdentifier);
  const auto width = static_cast<unsigned>(std::bit_width(bitrate_bps));
  const unsigned exponent = width > kRembMantissaBits ? width - kRembMantissaBits : 0;  // rounds down: never too much
  writer_.put32(static_cast<uint32_t>(sources.size()) << 24 | exponent << kRembMantissaBits |
                static_cast<uint32_t>(bitrate_bps >> exponent));
  for (const uint32_t ssrc : sources) writer_.put32(ssrc);
  return end(start);
}

}  // namespace penstock
