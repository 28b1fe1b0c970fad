#include "dataplane/relay/feedback.h"

#include <algorithm>

#include "dataplane/packet/rtcp.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/flows.h"
#include "dataplane/relay/requests.h"
#include "dataplane/relay/steer.h"
#include "dataplane/stream/report_builder.h"

namespace penstock {

namespace {

/// Packets asked for by one compound that are looked up; the rest is beyond any round trip's loss.
constexpr uint32_t kNackMax = 256;

void takeSenderReport(RelayState& s, uint32_t transport, uint32_t ssrc, const SenderInfo& info, uint64_t now_ns) {
  const IncomingStream* stream = s.incoming.find({transport, ssrc});
  if (stream == nullptr || stream->rtx) return;
  EncodingState& encoding = s.tracks[stream->track].encoding[stream->encoding];
  encoding.statistics.onSenderReport(info.ntp, now_ns);
  encoding.clock.onSenderReport(info.ntp, info.rtp_timestamp);
  s.transports[transport].clock.onSenderReport(info.ntp, now_ns);
  tellFanOut(s, stream->track, [&](auto reference, auto&& tell) {
    tell(handover::SenderReport{reference, stream->encoding, info, now_ns});
  });
}

void takeReportBlock(RelayState& s, uint32_t transport, const ReportBlock& block, uint64_t now_ns) {
  const uint32_t* index = s.outgoing.find({transport, block.ssrc});
  if (index == nullptr) return;
  const SubscriptionState& subscription = s.subscriptions[*index];
  if (block.ssrc != subscription.row.ssrc) return;  // of the RTX stream
  contract::SubscriptionStats& stats = s.reports.subscription[*index];
  stats.fraction_lost_q8 = block.fraction_lost_q8;
  stats.packets_lost = static_cast<uint64_t>(std::max(block.packets_lost, 0));
  const uint32_t clock_rate_hz = subscription.clock_rate_hz;
  stats.jitter_us = static_cast<uint32_t>(uint64_t{block.jitter} * 1'000'000 / clock_rate_hz);
  const auto rtt_us = stream::roundTripTimeUs(s.ntp(now_ns), block.last_sr, block.delay_since_last_sr);
  if (rtt_us) s.reports.transport[transport].round_trip_time_us = *rtt_us;
}

/// `room`: how many more packets this compound may ask for.
bool takeNack(RelayState& s, uint32_t transport, const Feedback& feedback, uint32_t& room, uint64_t now_ns) {
  const uint32_t* index = s.outgoing.find({transport, feedback.media_ssrc});
  if (index == nullptr || s.subscriptions[*index].row.ssrc != feedback.media_ssrc) return true;
  const auto asked = static_cast<uint32_t>(nackCount(feedback));
  const uint32_t granted = s.transports[transport].nack_budget.take(std::min(asked, room), now_ns);
  room -= granted;
  if (granted < asked) s.count(Counter::nack_flood, asked - granted);
  const bool good = forEachNack(
      feedback, [&](uint16_t sequence) { retransmit(s, *index, sequence, now_ns); }, granted);
  s.forwarder.flush(s);
  return good;
}

void takeKeyFrameRequest(RelayState& s, uint32_t transport, uint32_t ssrc, uint64_t now_ns) {
  if (const uint32_t* index = s.outgoing.find({transport, ssrc})) onKeyFrameRequest(s, *index, now_ns);
}

/// The publisher's clock reading of ours: its round trip. The subscriber's clock: ours to echo.
void takeExtendedReport(RelayState& s, uint32_t index, const ExtendedReport& report, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (report.receiver_ntp) transport.reference = {report.sender_ssrc, ntpMiddle(*report.receiver_ntp), now_ns};
  for (size_t i = 0; i < report.echoCount(); ++i) {
    const ReferenceEcho echo = report.echo(i);
    if (echo.ssrc != transport.row.rtcp_ssrc) continue;
    const auto rtt_us = stream::roundTripTimeUs(s.ntp(now_ns), echo.last_rr, echo.delay_since_last_rr);
    if (rtt_us) s.reports.transport[index].round_trip_time_us = *rtt_us;
  }
}

/// False: the member's body is not what its type says.
bool take(RelayState& s, uint32_t transport, const RtcpMember& member, uint32_t& nack_room, uint64_t now_ns) {
  switch (member.kind()) {
    case RtcpKind::kSenderReport:
    case RtcpKind::kReceiverReport: {
      const auto report = parseReport(member);
      if (!report) return false;
      if (report->sender) takeSenderReport(s, transport, report->sender_ssrc, *report->sender, now_ns);
      for (size_t i = 0; i < report->blockCount(); ++i) takeReportBlock(s, transport, report->block(i), now_ns);
      return true;
    }
    case RtcpKind::kNack:
      if (const auto feedback = parseFeedback(member)) return takeNack(s, transport, *feedback, nack_room, now_ns);
      return false;
    case RtcpKind::kPli:
      if (const auto feedback = parseFeedback(member)) {
        return takeKeyFrameRequest(s, transport, feedback->media_ssrc, now_ns), true;
      }
      return false;
    case RtcpKind::kFir:
      if (const auto feedback = parseFeedback(member)) {
        return forEachFir(*feedback, [&](uint32_t ssrc, uint8_t) { takeKeyFrameRequest(s, transport, ssrc, now_ns); });
      }
      return false;
    case RtcpKind::kExtendedReport:
      if (const auto report = parseExtendedReport(member)) {
        return takeExtendedReport(s, transport, *report, now_ns), true;
      }
      return false;
    default:
      return true;  // SDES, BYE, REMB, transport-cc: nothing here needs them yet
  }
}

}  // namespace

Counter takeRtcp(RelayState& s, const Packet& packet, const FrameView& frame, uint64_t now_ns) {
  const uint32_t* transport = s.ownAt(frame.source);
  if (transport == nullptr) return Counter::rtcp_source_unvalidated;
  TransportState& state = s.transports[*transport];
  if (!state.srtcp_receiver) return Counter::rtcp_keys_missing;
  // Before the arithmetic; what is not authentic takes nothing of it.
  if (!state.rtcp_budget.allows(now_ns)) return Counter::rtcp_budget_spent;
  const auto bytes = std::span(packet.data + frame.payload_offset, frame.payload.size());
  const auto result = state.srtcp_receiver->unprotect(bytes);
  switch (result.status) {
    case srtp::CryptoStatus::kOk:
      break;
    case srtp::CryptoStatus::kReplayed:
    case srtp::CryptoStatus::kOld:
      return Counter::srtcp_replayed;
    case srtp::CryptoStatus::kMalformed:
      return Counter::rtcp_malformed;
    default:
      return Counter::srtcp_authentication_failed;
  }
  state.rtcp_budget.allow(now_ns);
  if (result.sender != srtp::kNoSender) {
    storeSrtcpSender(s.flows.transport[*transport], *state.srtcp_receiver, result.sender);
  }
  if (state.limited) proveAddress(s, *transport, frame.source);
  contract::TransportStats& stats = s.reports.transport[*transport];
  stats.authentic_ticks = contract::ticksOf(now_ns);
  stats.packets_received += 1;
  stats.bytes_received += result.length;
  RtcpReader reader(bytes.first(result.length));
  bool good = true;
  uint32_t nack_room = kNackMax;
  while (const auto member = reader.next()) good &= take(s, *transport, *member, nack_room, now_ns);
  return good && !reader.malformed() ? Counter::answered : Counter::rtcp_malformed;
}

}  // namespace penstock
