// Any bytes as RTCP: it ends, views stay inside, and what was understood can be written and read back.
#include <array>
#include <vector>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/packet/transport_feedback.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

std::array<uint8_t, 4096> out;

void writeReport(const Report& report) {
  std::vector<ReportBlock> blocks;
  for (size_t i = 0; i < report.blockCount(); ++i) blocks.push_back(report.block(i));
  RtcpWriter writer(out);
  FUZZ_CHECK(report.sender ? writer.addSenderReport(report.sender_ssrc, *report.sender, blocks)
                           : writer.addReceiverReport(report.sender_ssrc, blocks));
  RtcpReader reader(writer.written());
  const auto again = parseReport(reader.next().value());
  FUZZ_CHECK(again && again->sender_ssrc == report.sender_ssrc && again->blockCount() == blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    FUZZ_CHECK(again->block(i).packets_lost == blocks[i].packets_lost);
    FUZZ_CHECK(again->block(i).highest_sequence == blocks[i].highest_sequence);
  }
}

void readArrivals(const Feedback& feedback) {
  auto reader = TransportFeedbackReader::parse(feedback);
  if (!reader) return;
  size_t packets = 0;
  while (reader->next()) ++packets;
  FUZZ_CHECK(reader->malformed() || packets == reader->packetCount());
}

void readExtendedReport(const RtcpMember& member) {
  const auto report = parseExtendedReport(member);
  if (!report || report->echoCount() == 0) return;
  std::vector<ReferenceEcho> echoes;
  for (size_t i = 0; i < report->echoCount(); ++i) echoes.push_back(report->echo(i));
  RtcpWriter writer(out);
  if (!writer.addReferenceEchoes(report->sender_ssrc, echoes)) return;  // more than `out` holds
  RtcpReader reader(writer.written());
  const auto again = parseExtendedReport(reader.next().value());
  FUZZ_CHECK(again && again->echoCount() == echoes.size() && again->echo(0).last_rr == echoes[0].last_rr);
}

void readFeedback(const RtcpMember& member) {
  const auto feedback = parseFeedback(member);
  if (!feedback) return;
  std::vector<uint16_t> lost;
  (void)forEachNack(*feedback, [&](uint16_t sequence) { lost.push_back(sequence); });
  FUZZ_CHECK(lost.size() <= feedback->control_information.size() / 4 * 17);
  if (!lost.empty()) {
    RtcpWriter writer(out);
    (void)writer.addNack(1, 2, lost);
    FUZZ_CHECK(writer.size() <= out.size());
  }
  if (member.kind() == RtcpKind::kTransportCc) readArrivals(*feedback);
  (void)forEachFir(*feedback, [](uint32_t, uint8_t) {});
  if (const auto remb = parseRemb(*feedback)) {
    uint32_t mixed = 0;
    for (size_t i = 0; i < remb->count(); ++i) mixed ^= remb->ssrc(i);
    RtcpWriter writer(out);
    FUZZ_CHECK(writer.addRemb(1, remb->bitrate_bps, std::span(&mixed, 1)));
    RtcpReader reader(writer.written());
    const auto again = parseRemb(parseFeedback(reader.next().value()).value());
    FUZZ_CHECK(again && again->bitrate_bps <= remb->bitrate_bps);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  RtcpReader reader({data, size});
  size_t members = 0;
  while (const auto member = reader.next()) {
    FUZZ_CHECK(++members <= size / 4);
    (void)member->kind();
    if (const auto report = parseReport(*member)) writeReport(*report);
    if (const auto cname = parseSdesCname(*member)) {
      RtcpWriter writer(out);
      FUZZ_CHECK(writer.addSdesCname(cname->ssrc, cname->cname));
    }
    if (const auto bye = parseBye(*member)) {
      for (size_t i = 0; i < bye->count(); ++i) (void)bye->ssrc(i);
    }
    readFeedback(*member);
    readExtendedReport(*member);
  }
  FUZZ_CHECK(!reader.next());
  return 0;
}
