#include "dataplane/relay/timers.h"

#include <algorithm>

#include "dataplane/relay/cache_share.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/incoming.h"
#include "dataplane/relay/layers.h"
#include "dataplane/relay/receive_feedback.h"
#include "dataplane/relay/requests.h"
#include "dataplane/relay/speakers.h"
#include "dataplane/relay/steer.h"
#include "dataplane/relay/transmit.h"
#include "dataplane/stream/report_builder.h"

namespace penstock {

namespace {

constexpr uint64_t kVisitIntervalNs = stream::kNsPerSecond / 10;
/// Places of a packet cache looked at in one visit: a whole cache in less than a second.
constexpr size_t kExpirePerVisit = 64;

/// Streams of one publisher share a CNAME, so that receivers keep its audio and video together (RFC 3550
/// section 6.5.1).
std::string_view cnameOf(const TransportState& publisher) {
  return {publisher.cname.data(), publisher.cname.size()};
}

void sendReceiverReports(RelayState& s, uint32_t index, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  std::array<ReportBlock, kReportBlockMax> blocks;
  size_t count = 0;
  for (const uint32_t track_index : transport.tracks) {
    TrackState& track = s.tracks[track_index];
    for (EncodingState& encoding : track.encoding) {
      if (!encoding.statistics.started() || count == blocks.size()) continue;
      blocks[count++] = encoding.statistics.reportBlock(encoding.ssrc, now_ns);
    }
  }
  if (count == 0) return;
  transmitRtcp(s, index, now_ns, [&](std::span<uint8_t> out) {
    return stream::buildReceiverReport(transport.row.rtcp_ssrc, kRelayCname, std::span(blocks).first(count),
                                       s.ntp(now_ns), receiveBitrateMax(transport), out)
        .length;
  });
}

void sendSenderReports(RelayState& s, uint32_t index, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  const uint64_t ntp = s.ntp(now_ns);
  std::array<stream::StreamReport, 16> reports;
  size_t count = 0;
  const auto send = [&] {
    for (size_t done = 0; done < count;) {
      size_t consumed = 0;
      transmitRtcp(s, index, now_ns, [&](std::span<uint8_t> out) {
        const auto built = stream::buildSenderReports(std::span(reports).subspan(done, count - done), out);
        consumed = built.consumed;
        return built.length;
      });
      if (consumed == 0) break;
      done += consumed;
    }
    count = 0;
  };
  for (const uint32_t subscription_index : transport.subscriptions) {
    const SubscriptionState& subscription = s.subscriptions[subscription_index];
    if (subscription.packets_sent == 0 || !subscription.hasTrack()) continue;
    const TrackState& track = s.tracks[subscription.row.track.index];
    const TransportState& publisher = s.transports[track.row.transport.index];
    const uint8_t encoding = subscription.layers.current();
    if (encoding == contract::kNoEncoding) continue;  // paused
    const auto timestamp = track.encoding[encoding].clock.timestampAt(now_ns, publisher.clock);
    if (!timestamp) continue;  // before the publisher's first report: better none than a wrong one
    reports[count] = {.ssrc = subscription.row.ssrc,
                      .info = {.ntp = ntp,
                               .rtp_timestamp = *timestamp + subscription.timestamp.offset(),
                               .packet_count = subscription.packets_sent,
                               .octet_count = subscription.octets_sent},
                      .cname = cnameOf(publisher)};
    if (++count == reports.size()) send();
  }
  send();
}

void echoReferenceTime(RelayState& s, uint32_t index, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (!transport.reference) return;
  const ReferenceEcho echo{transport.reference->ssrc, transport.reference->ntp_middle,
                           stream::shortNtpFromNs(now_ns - transport.reference->received_ns)};
  transport.reference.reset();
  const uint32_t self = transport.row.rtcp_ssrc;
  transmitRtcp(s, index, now_ns, [&](std::span<uint8_t> out) {
    return stream::buildCompound(self, kRelayCname, out, [&](RtcpWriter& writer) {
      return writer.addReferenceEchoes(self, std::span(&echo, 1));
    });
  });
}

void visitTrack(RelayState& s, uint32_t index, uint64_t now_ns) {
  TrackState& track = s.tracks[index];
  if (track.isVideo()) {
    pollKeyFrames(s, index, now_ns);
    expireCaches(s, track, kExpirePerVisit, now_ns);
  }
  contract::TrackStats& stats = s.reports.track[index];
  stats.audio_level_dbov = track.audio_level.level(now_ns);
  stats.voice = track.audio_level.voice(now_ns);
  storeSpeech(stats, track.speech.at(now_ns));
  stats.key_frames_per_minute = track.key_frames.get(now_ns);
  stats.jitter_us = 0;
  uint64_t lost = 0;
  for (const EncodingState& encoding : track.encoding) {
    stats.jitter_us = std::max(stats.jitter_us, encoding.statistics.jitterUs());
    if (encoding.statistics.started()) lost += static_cast<uint64_t>(std::max<int64_t>(encoding.statistics.lost(), 0));
  }
  stats.packets_lost = lost;
}

/// How many frames a second the layers make is known after a while only, and changes.
void aimAgain(RelayState& s, const TransportState& transport, uint64_t now_ns) {
  for (const uint32_t index : transport.subscriptions) {
    if (s.subscriptions[index].row.frame_rate_max != 0) aim(s, index, now_ns);
  }
}

void visit(RelayState& s, uint32_t index, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (transport.foreign) {
    for (const uint32_t track : transport.tracks) expireCaches(s, s.tracks[track], kExpirePerVisit, now_ns);
    return;
  }
  if (transport.remotes_untold) tellRemotes(s, index);
  reviewAddresses(s, index, now_ns);
  provideSpare(s, index);
  for (const uint32_t track : transport.tracks) visitTrack(s, track, now_ns);
  if (!transport.sendable() || now_ns < transport.next_report_ns) return;
  aimAgain(s, transport, now_ns);
  transport.next_report_ns = now_ns + kReportIntervalNs;
  sendReceiverReports(s, index, now_ns);
  sendSenderReports(s, index, now_ns);
  echoReferenceTime(s, index, now_ns);
}

}  // namespace

void visitTransports(RelayState& s, uint64_t now_ns) {
  const uint64_t elapsed_ns = std::min(now_ns - s.timers_ran_ns, kVisitIntervalNs);
  s.visits_owed_ns += elapsed_ns * s.active.size();  // in units of kVisitIntervalNs
  uint64_t visits = std::min<uint64_t>(s.visits_owed_ns / kVisitIntervalNs, s.active.size());
  s.visits_owed_ns -= visits * kVisitIntervalNs;
  for (; visits > 0; --visits) {
    if (s.timer_cursor >= s.active.size()) s.timer_cursor = 0;
    visit(s, s.active[s.timer_cursor++], now_ns);
  }
}

}  // namespace penstock
