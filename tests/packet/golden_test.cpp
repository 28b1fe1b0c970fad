// Packets that other programs made, decoded to text, must read like their twins in tests/packets.
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <filesystem>
#include <fstream>

#include "dataplane/packet/arp.h"
#include "dataplane/packet/classify.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/nd.h"
#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtp_extension.h"
#include "dataplane/packet/stun.h"
#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr std::string_view kPassword = "0123456789abcdef0123456789abcdef";

std::string refusal(Counter counter) {
  return fmt::format("refused {}\n", contract::kCounterTexts[static_cast<size_t>(counter)].name);
}

std::string describeStun(std::span<const uint8_t> payload) {
  const auto request = parseStunRequest(payload);
  if (!request) return refusal(request.error());
  if (!integrityGood(*request, HmacSha1Key(kPassword))) return refusal(Counter::stun_integrity_bad);
  return fmt::format("stun username {} priority {:08x} role {} {:016x}{}\n", request->username, request->priority,
                     request->role == IceRole::kControlling ? "controlling" : "controlled", request->tie_breaker,
                     request->use_candidate ? " nominated" : "");
}

std::string describeRtp(std::span<const uint8_t> payload) {
  const auto view = parseRtp(payload);
  if (!view) return refusal(view.error());
  const auto extensions = RtpExtensions::parse(*view);
  std::string text = fmt::format("rtp pt {} seq {} ts {} ssrc {:08x} csrc {}{}\n", view->payload_type, view->sequence,
                                 view->timestamp, view->ssrc, view->csrc_count, view->marker ? " marker" : "");
  for (const ExtensionElement& element : extensions.elements()) {
    text += fmt::format("extension {} ", element.id);
    for (const uint8_t byte : extensions.value(element)) text += fmt::format("{:02x}", byte);
    text += '\n';
  }
  return text + fmt::format("payload {} padding {}\n", view->payload().size(), view->padding_size);
}

std::string describeReport(const Report& report) {
  std::string text;
  if (report.sender) {
    text =
        fmt::format("rtcp sr {:08x} ntp {:016x} ts {} packets {} octets {}\n", report.sender_ssrc, report.sender->ntp,
                    report.sender->rtp_timestamp, report.sender->packet_count, report.sender->octet_count);
  } else {
    text = fmt::format("rtcp rr {:08x}\n", report.sender_ssrc);
  }
  for (size_t i = 0; i < report.blockCount(); ++i) {
    const ReportBlock block = report.block(i);
    text += fmt::format("block {:08x} fraction {} lost {} highest {} jitter {} lsr {:08x} dlsr {}\n", block.ssrc,
                        block.fraction_lost_q8, block.packets_lost, block.highest_sequence, block.jitter, block.last_sr,
                        block.delay_since_last_sr);
  }
  return text;
}

std::string describeFeedback(RtcpKind kind, const Feedback& feedback) {
  std::string text;
  if (kind == RtcpKind::kPli) return fmt::format("rtcp pli {:08x}\n", feedback.media_ssrc);
  if (kind == RtcpKind::kNack) {
    text = fmt::format("rtcp nack {:08x}", feedback.media_ssrc);
    forEachNack(feedback, [&](uint16_t sequence) { text += fmt::format(" {}", sequence); });
  } else if (kind == RtcpKind::kFir) {
    forEachFir(feedback,
               [&](uint32_t ssrc, uint8_t command) { text = fmt::format("rtcp fir {:08x} {}", ssrc, command); });
  } else if (const auto remb = parseRemb(feedback)) {
    text = fmt::format("rtcp remb {}", remb->bitrate_bps);
    for (size_t i = 0; i < remb->count(); ++i) text += fmt::format(" {:08x}", remb->ssrc(i));
  }
  return text + "\n";
}

std::string describeRtcp(std::span<const uint8_t> payload) {
  std::string text;
  RtcpReader reader(payload);
  while (const auto member = reader.next()) {
    if (const auto report = parseReport(*member)) text += describeReport(*report);
    if (const auto cname = parseSdesCname(*member))
      text += fmt::format("rtcp sdes {:08x} {}\n", cname->ssrc, cname->cname);
    if (const auto bye = parseBye(*member)) text += fmt::format("rtcp bye {:08x}\n", bye->ssrc(0));
    if (const auto feedback = parseFeedback(*member)) text += describeFeedback(member->kind(), *feedback);
  }
  return reader.malformed() ? text + refusal(Counter::rtcp_malformed) : text;
}

std::string describeDatagram(std::span<const uint8_t> payload) {
  switch (classify(payload)) {
    case DatagramKind::kStun:
      return describeStun(payload);
    case DatagramKind::kDtls:
      return "dtls\n";
    case DatagramKind::kRtp:
      return describeRtp(payload);
    case DatagramKind::kRtcp:
      return describeRtcp(payload);
    default:
      return refusal(Counter::datagram_kind_unknown);
  }
}

std::string describe(std::span<const uint8_t> frame) {
  const auto view = parseFrame(frame);
  if (!view) return refusal(view.error());
  std::string text = fmt::format("mac {} > {}\n", formatMac(view->source_mac), formatMac(view->destination_mac));
  if (view->vlan != kNoVlan) text += fmt::format("vlan {}\n", view->vlan);
  if (view->kind == FrameKind::kArp) {
    const auto arp = parseArp(*view);
    if (!arp) return refusal(arp.error());
    return text + fmt::format("arp {} {} {} target {}\n", arp->request ? "request" : "reply", formatIp(arp->sender.ip),
                              formatMac(arp->sender.mac), formatIp(arp->target));
  }
  if (view->kind == FrameKind::kNeighbourDiscovery) {
    const auto nd = parseNeighbourDiscovery(*view);
    if (!nd) return refusal(nd.error());
    return text + fmt::format("nd {} {} target {} {}\n", nd->solicitation ? "solicitation" : "advertisement",
                              formatIp(nd->source), formatIp(nd->target),
                              nd->link_address ? formatMac(*nd->link_address) : "-");
  }
  if (view->kind == FrameKind::kEchoRequest) {
    Bytes out(frame.size());
    const auto reply = writeEchoReply(*view, kRelayMac, view->destination, out);
    if (!reply) return refusal(reply.error());
    return text + fmt::format("echo {} > {}, {} bytes\n", formatIp(view->source), formatIp(view->destination),
                              view->payload.size());
  }
  if (!udpChecksumGood(frame, *view)) return refusal(Counter::udp_checksum_bad);
  text += fmt::format("udp {} > {} dscp {}, {} bytes\n", formatEndpoint(view->source),
                      formatEndpoint(view->destination), view->traffic_class >> 2, view->payload.size());
  return text + describeDatagram(view->payload);
}

std::string readFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(GoldenPackets, each_reads_like_its_twin) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(PENSTOCK_PACKETS)) {
    if (entry.path().extension() != ".bin") continue;
    ++count;
    const std::string bytes = readFile(entry.path());
    const std::string twin = readFile(fs::path(entry.path()).replace_extension(".txt"));
    EXPECT_EQ(describe(bytesOf(bytes)), twin) << entry.path().filename();
  }
  EXPECT_GE(count, 16u);
}

}  // namespace
}  // namespace penstock
