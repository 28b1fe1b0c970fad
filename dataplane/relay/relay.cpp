#include "dataplane/relay/relay.h"

#include "dataplane/packet/classify.h"
#include "dataplane/relay/apply.h"
#include "dataplane/relay/cache_share.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/feedback.h"
#include "dataplane/relay/handed_over.h"
#include "dataplane/relay/link.h"
#include "dataplane/relay/media.h"
#include "dataplane/relay/receive_feedback.h"
#include "dataplane/relay/speakers.h"
#include "dataplane/relay/state.h"
#include "dataplane/relay/steer.h"
#include "dataplane/relay/timers.h"
#include "dataplane/relay/transmit.h"

namespace penstock {

namespace {

constexpr uint64_t kTimerGranularityNs = 1'000'000;
constexpr size_t kNeighbourMax = 4096;
/// Messages taken from each of the other workers before ports are looked at again.
constexpr size_t kHandOversPerTurn = 256;

/// DTLS is control's to parse, and only from where a check has come.
Counter punt(RelayState& s, const FrameView& frame, uint64_t now_ns) {
  const uint32_t* index = s.ownAt(frame.source);
  if (index == nullptr) return Counter::dtls_source_unvalidated;
  TransportState& transport = s.transports[*index];
  if (!transport.punt_budget.allow(now_ns)) return Counter::dtls_budget_spent;
  transport.punted_from = frame.source;
  const contract::RowReference reference{*index, transport.row.generation};
  return s.report.punt(reference, frame.source, frame.payload) ? Counter::punted : Counter::punt_ring_full;
}

/// Takes one packet as far as it goes alone. Returns how it ended, or nothing: it is RTP and waits for its burst, or
/// another worker's.
template <bool handed_over>
std::optional<Counter> takePacket(RelayState& s, const Packet& packet, uint64_t now_ns) {
  const auto frame = parseFrame(std::span(packet.data, packet.length_bytes));
  if (!frame) return frame.error();
  if (frame->vlan != s.config.vlan) return Counter::frame_vlan_other;
  if (frame->destination_mac != s.config.mac && !frame->destination_mac.isMulticast()) return Counter::frame_not_ours;
  switch (frame->kind) {
    case FrameKind::kArp:
      return answerArp(s, *frame, now_ns);
    case FrameKind::kNeighbourDiscovery:
      return answerNeighbourDiscovery(s, *frame, now_ns);
    case FrameKind::kListenerQuery:
      return answerListenerQuery(s, *frame, now_ns);
    case FrameKind::kEchoRequest:
      return answerEcho(s, *frame);
    case FrameKind::kUdp:
      break;
  }
  if (!s.routes.isOurs(frame->destination)) return Counter::ip_not_ours;
  if (portOf(frame->destination) != s.config.port) return Counter::udp_port_other;
  if (packet.flags & kUdpChecksumBad) return Counter::udp_checksum_bad;
  if (frame->payload.size() > contract::kDatagramMax) return Counter::datagram_too_long;
  const DatagramKind kind = classify(frame->payload);
  if (const auto other = handed_over ? std::nullopt : otherOwner(s, kind, *frame, now_ns))
    return handOver(s, *other, packet);
  switch (kind) {
    case DatagramKind::kRtp:
      return s.media.add(s, packet, *frame, now_ns);
    case DatagramKind::kRtcp:
      return takeRtcp(s, packet, *frame, now_ns);
    case DatagramKind::kStun:
      return answerCheck(s, *frame, now_ns);
    case DatagramKind::kDtls:
      return punt(s, *frame, now_ns);
    case DatagramKind::kUnknown:
      break;
  }
  return Counter::datagram_kind_unknown;
}

}  // namespace

RelayState::RelayState(const RelayConfig& c, srtp::Backend& b, PacketIo& packet_io, contract::ReportsRegion& r, Peers p,
                       contract::FlowsRegion& f)
    : config(c),
      backend(b),
      io(packet_io),
      reports(r),
      flows(f),
      report(r.worker[p.self()]),
      stages(r.worker[p.self()].stages),
      peers(p),
      routes(c.addresses, c.gateways, LinkLocal::kForbidden, c.denied),
      neighbours(kNeighbourMax),
      outbox(packet_io, report, stages),
      transports(contract::kTransportMax),
      tracks(contract::kTrackMax),
      subscriptions(contract::kSubscriptionMax),
      by_remote(contract::kTransportMax * kRemoteMax, {c.seed}),
      by_ufrag(contract::kTransportMax, {c.seed}),
      owner_of(contract::kTransportMax, static_cast<uint8_t>(p.self())),
      incoming(kIncomingMax, {c.seed}),
      outgoing(kOutgoingMax, {c.seed}),
      latches(contract::kTrackMax * contract::kEncodingMax, {c.seed}),
      is_plain(contract::kTransportMax),
      speakers(contract::kTransportMax),
      subscriber_of(contract::kTransportMax, contract::kTransportMax) {
  any_ssrc_latches.reserve(contract::kLatchAnySsrcMax);
  ranks_due.reserve(contract::kTransportMax);
  active.reserve(contract::kTransportMax);
  watched.reserve(contract::kTransportMax);
}

Relay::Relay(const RelayConfig& config, srtp::Backend& backend, PacketIo& io, contract::ReportsRegion& reports,
             HandOverRings& rings, uint32_t worker, contract::FlowsRegion& flows)
    : state_(std::make_unique<RelayState>(config, backend, io, reports, Peers(rings, worker), flows)) {}

/// Gives back every buffer. Flows stay: a dataplane that starts again goes on from them.
Relay::~Relay() {
  RelayState& s = *state_;
  for (uint32_t index = 0; index < s.tracks.size(); ++index) {
    if (TrackState* track = s.tracks.find(index)) clearCaches(s, *track);
  }
  s.io.release(std::span(s.stock).first(s.stock_count));
}

void Relay::prepareThread() {
  state_->backend.prepareThread();
}

void Relay::apply(Command& command, uint64_t now_ns) {
  RelayState& s = *state_;
  const auto outcome = std::visit(
      [&](auto& c) -> std::optional<Counter> {
        using C = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<C, TransportCommand>)
          return applyTransport(s, c, now_ns);
        else if constexpr (std::is_same_v<C, TrackCommand>)
          return applyTrack(s, c, now_ns);
        else if constexpr (std::is_same_v<C, SubscriptionCommand>)
          return applySubscription(s, c, now_ns);
        else if constexpr (std::is_same_v<C, ElsewhereCommand>)
          applyElsewhere(s, c);
        else if constexpr (std::is_same_v<C, LatchCommand>)
          setLatch(s, c.track, c.transport, c.keys);
        else if constexpr (std::is_same_v<C, RanksCommand>)
          applyRanks(s, c, now_ns);
        else
          applyFanOut(s, c);
        return std::nullopt;
      },
      command);
  if (outcome) s.count(*outcome);
  s.outbox.flush();
}

void Relay::receive(std::span<const Packet> burst, uint64_t now_ns) {
  RelayState& s = *state_;
  s.stages.begin();
  for (const Packet& packet : burst) {
    s.count(Counter::received);
    s.count(Counter::received_bytes, packet.length_bytes);
    if (const auto outcome = takePacket<false>(s, packet, now_ns)) s.count(*outcome);
  }
  s.stages.mark(contract::Stage::classify, burst.size());
  s.media.finish(s, now_ns);  // unprotect, account, keep, forward
  s.outbox.flush();
  s.io.release(burst);
  s.stages.mark(contract::Stage::send, 0);
  s.stages.end();
}

bool Relay::takeHandOvers(uint64_t now_ns) {
  RelayState& s = *state_;
  if (!s.peers.waiting()) return false;
  HandedOver turn(s, takePacket<true>, now_ns);
  return s.peers.take(kHandOversPerTurn, [&](uint32_t from, const HandOver& message) {
    std::visit([&](const auto& m) { turn.take(from, m); }, message);
  }) > 0;
}

void Relay::inject(const contract::Datagram& datagram, uint64_t now_ns) {
  RelayState& s = *state_;
  const size_t length = datagram.length_bytes;
  if (datagram.transport.index >= contract::kTransportMax || length == 0 || length > contract::kDatagramMax) {
    return s.count(Counter::injects_refused);
  }
  const auto bytes = std::span(datagram.bytes).first(length);
  if (s.owns(datagram.transport.index)) {
    sendDatagram(s, datagram.transport, bytes, now_ns);
  } else {
    handDatagram(s, datagram.transport, bytes);
  }
  s.outbox.flush();
}

void Relay::timers(uint64_t now_ns) {
  RelayState& s = *state_;
  if (now_ns - s.timers_ran_ns < kTimerGranularityNs) return;
  sendReceiveFeedback(s, now_ns);
  reviewRanks(s, now_ns);
  visitTransports(s, now_ns);
  announce(s, now_ns);
  pollNeighbours(s, now_ns);
  s.outbox.flush();
  s.timers_ran_ns = now_ns;
}

void Relay::linkCameUp(uint64_t now_ns) {
  state_->announcements.begin(now_ns);
}

void Relay::attach(ReportWriter::Tails tails) {
  state_->report.attach(tails);
}

}  // namespace penstock
