#include "dataplane/relay/receive_feedback.h"

#include <algorithm>
#include <array>

#include "dataplane/relay/requests.h"
#include "dataplane/relay/transmit.h"
#include "dataplane/stream/report_builder.h"

namespace penstock {

namespace {

/// Until a report said better; what libwebrtc takes too.
constexpr uint64_t kRoundTripGuessNs = 100'000'000;
/// Of one encoding, in one message.
constexpr size_t kNackMax = 128;

void watch(RelayState& s, uint32_t index) {
  TransportState& transport = s.transports[index];
  if (transport.watched) return;
  transport.watched = true;
  s.watched.push_back(index);
}

uint64_t roundTripNs(const RelayState& s, uint32_t transport) {
  const uint64_t measured_us = s.reports.transport[transport].round_trip_time_us;
  return measured_us == 0 ? kRoundTripGuessNs : measured_us * 1000;
}

void send(RelayState& s, uint32_t index, uint64_t now_ns, auto&& add) {
  const TransportState& transport = s.transports[index];
  const uint32_t self = transport.row.rtcp_ssrc;
  transmitRtcp(s, index, now_ns, [&](std::span<uint8_t> out) {
    return stream::buildFeedback(transport.takesReducedRtcp(), self, kRelayCname, out,
                                 [&](RtcpWriter& writer) { return add(writer, self); });
  });
}

/// As many as REMB and an RR may name.
std::span<const uint32_t> streamsOf(const RelayState& s, const TransportState& transport,
                                    std::array<uint32_t, kReportBlockMax>& streams) {
  size_t count = 0;
  for (const uint32_t track : transport.tracks) {
    for (const EncodingState& encoding : s.tracks[track].encoding) {
      if (encoding.ssrc != 0 && count < streams.size()) streams[count++] = encoding.ssrc;
    }
  }
  return std::span(streams).first(count);
}

/// That it has to send less is told at once, the rest with the reports.
void estimate(RelayState& s, uint32_t index, const RtpExtensions& extensions, size_t bytes, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  const auto value = extensions.find(transport.extensionId(contract::Extension::kAbsSendTime));
  const auto sent = value ? readAbsSendTime(*value) : std::nullopt;
  if (!sent) return;
  const bool fell =
      transport.estimator.onPacket(*sent, static_cast<uint32_t>(bytes), now_ns, transport.row.receive_bitrate_max_bps);
  if (!fell || !transport.sendable()) return;
  std::array<uint32_t, kReportBlockMax> streams;
  send(s, index, now_ns, [&](RtcpWriter& writer, uint32_t self) {
    return writer.addRemb(self, receiveBitrateMax(transport), streamsOf(s, transport, streams));
  });
}

/// Feedback about all streams of a transport has to name one of them.
uint32_t anyStream(const RelayState& s, const TransportState& transport) {
  for (const uint32_t track : transport.tracks) {
    for (const EncodingState& encoding : s.tracks[track].encoding) {
      if (encoding.ssrc != 0) return encoding.ssrc;
    }
  }
  return 0;
}

void sendArrivals(RelayState& s, uint32_t index, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  const uint32_t stream = anyStream(s, transport);
  std::array<uint8_t, 1000> information;
  while (transport.arrivals.pending()) {
    const size_t length = transport.arrivals.write(now_ns, information);
    if (length == 0) return;
    s.count(Counter::arrival_feedbacks_sent);
    send(s, index, now_ns, [&](RtcpWriter& writer, uint32_t self) {
      return writer.addTransportFeedback(self, stream, std::span(information).first(length));
    });
  }
}

/// True: something is still missing.
bool sendNacks(RelayState& s, uint32_t index, uint64_t now_ns) {
  bool waiting = false;
  std::array<uint16_t, kNackMax> lost;
  for (const uint32_t track : s.transports[index].tracks) {
    for (uint8_t e = 0; e < contract::kEncodingMax; ++e) {
      EncodingState& encoding = s.tracks[track].encoding[e];
      if (!encoding.nacks.waiting()) continue;
      const size_t count = encoding.nacks.collect(now_ns, roundTripNs(s, index), lost);
      const auto given_up = encoding.nacks.takeGivenUp();
      if (given_up && !encoding.isSuperseded(*given_up)) requestKeyFrame(s, track, e, now_ns);  // all wait for one
      waiting |= encoding.nacks.waiting();
      if (count == 0) continue;
      s.count(Counter::packets_asked_for, count);
      send(s, index, now_ns, [&](RtcpWriter& writer, uint32_t self) {
        return writer.addNack(self, encoding.ssrc, std::span(lost).first(count));
      });
    }
  }
  return waiting;
}

}  // namespace

uint64_t receiveBitrateMax(const TransportState& transport) {
  const uint64_t maximum = transport.row.receive_bitrate_max_bps;
  const uint64_t estimate = transport.isEstimated() ? transport.estimator.estimateBps() : 0;
  return estimate == 0 ? maximum : std::min(maximum, estimate);
}

void noteArrival(RelayState& s, uint32_t index, const RtpExtensions& extensions, size_t bytes, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (transport.isEstimated()) return estimate(s, index, extensions, bytes, now_ns);
  const auto value = extensions.find(transport.extensionId(contract::Extension::kTransportCc));
  if (!value || value->size() < 2) return;
  transport.arrivals.onPacket(load16(value->data()), now_ns);
  watch(s, index);
}

void noteSequence(RelayState& s, const TrackState& track, EncodingState& encoding, uint16_t sequence, uint64_t now_ns) {
  if (!track.isVideo()) return;  // audio that comes again comes too late
  if (track.muted() || !track.wanted() || (track.row.flags & contract::kTrackNoNack)) return encoding.nacks.reset();
  encoding.nacks.onPacket(sequence, now_ns);
  if (!encoding.nacks.waiting()) return;
  s.transports[track.row.transport.index].lacking = true;
  watch(s, track.row.transport.index);
}

void sendReceiveFeedback(RelayState& s, uint64_t now_ns) {
  for (size_t i = 0; i < s.watched.size();) {
    const uint32_t index = s.watched[i];
    TransportState& transport = s.transports[index];
    if (transport.sendable()) {
      if (transport.arrivals.due(now_ns)) sendArrivals(s, index, now_ns);
      if (transport.lacking) transport.lacking = sendNacks(s, index, now_ns);
    }
    if (transport.lacking || transport.arrivals.pending()) {
      ++i;
      continue;
    }
    transport.watched = false;
    s.watched[i] = s.watched.back();
    s.watched.pop_back();
  }
}

}  // namespace penstock
