#include "dataplane/relay/relay.h"

#include "dataplane/packet/classify.h"
#include "dataplane/relay/apply.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/feedback.h"
#include "dataplane/relay/link.h"
#include "dataplane/relay/media.h"
#include "dataplane/relay/state.h"
#include "dataplane/relay/timers.h"
#include "dataplane/relay/transmit.h"

namespace penstock {

namespace {

constexpr uint64_t kTimerGranularityNs = 1'000'000;
constexpr size_t kNeighbourMax = 4096;

/// DTLS is control's to parse, and only from where a check has come.
Counter punt(RelayState& s, const FrameView& frame, uint64_t now_ns) {
  const uint32_t* index = s.by_remote.find(frame.source);
  if (index == nullptr) return Counter::dtls_source_unvalidated;
  TransportState& transport = s.transports[*index];
  if (!transport.punt_budget.allow(now_ns)) return Counter::dtls_budget_spent;
  const contract::RowReference reference{*index, transport.row.generation};
  return s.report.punt(reference, frame.source, frame.payload) ? Counter::punted : Counter::punt_ring_full;
}

/// Takes one packet as far as it goes alone. Returns how it ended, or nothing: it is RTP and waits for its burst.
std::optional<Counter> takePacket(RelayState& s, const Packet& packet, MediaBurst& media, uint64_t now_ns) {
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
  switch (classify(frame->payload)) {
    case DatagramKind::kRtp:
      return media.add(s, packet, *frame);
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

RelayState::RelayState(const RelayConfig& c, srtp::Backend& b, PacketIo& packet_io, contract::ReportsRegion& r,
                       uint32_t worker, contract::FlowsRegion& f)
    : config(c),
      backend(b),
      io(packet_io),
      reports(r),
      flows(f),
      report(r.worker[worker]),
      routes(c.addresses, c.gateways),
      neighbours(kNeighbourMax),
      outbox(packet_io, report),
      transports(contract::kTransportMax),
      tracks(contract::kTrackMax),
      subscriptions(contract::kSubscriptionMax),
      by_remote(contract::kTransportMax * kRemoteMax),
      by_ufrag(contract::kTransportMax),
      incoming(contract::kTrackMax * 2),
      outgoing(contract::kSubscriptionMax * 2) {
  active.reserve(contract::kTransportMax);
}

Relay::Relay(const RelayConfig& config, srtp::Backend& backend, PacketIo& io, contract::ReportsRegion& reports,
             uint32_t worker, contract::FlowsRegion& flows)
    : state_(std::make_unique<RelayState>(config, backend, io, reports, worker, flows)) {}

/// Gives back every buffer. Flows stay: a dataplane that starts again goes on from them.
Relay::~Relay() {
  RelayState& s = *state_;
  for (uint32_t index = 0; index < s.tracks.size(); ++index) {
    if (TrackState* track = s.tracks.find(index)) {
      track->cache.clear([&](CachedPacket cached) { s.io.release(std::span(&cached.packet, 1)); });
    }
  }
  s.io.release(std::span(s.stock).first(s.stock_count));
}

void Relay::prepareThread() {
  state_->backend.prepareThread();
}

void Relay::apply(Command& command, uint64_t now_ns) {
  RelayState& s = *state_;
  const Counter outcome = std::visit(
      [&](auto& c) {
        using C = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<C, TransportCommand>)
          return applyTransport(s, c, now_ns);
        else if constexpr (std::is_same_v<C, TrackCommand>)
          return applyTrack(s, c, now_ns);
        else
          return applySubscription(s, c, now_ns);
      },
      command);
  s.count(outcome);
  s.outbox.flush();
}

void Relay::receive(std::span<const Packet> burst, uint64_t now_ns) {
  RelayState& s = *state_;
  MediaBurst media;
  for (const Packet& packet : burst) {
    s.count(Counter::received);
    s.count(Counter::received_bytes, packet.length_bytes);
    if (const auto outcome = takePacket(s, packet, media, now_ns)) s.count(*outcome);
  }
  media.finish(s, now_ns);  // unprotect, account, keep, forward
  s.outbox.flush();
  s.io.release(burst);
}

void Relay::inject(const contract::Datagram& datagram, uint64_t now_ns) {
  RelayState& s = *state_;
  TransportState* transport = s.transports.find(datagram.transport.index);
  const size_t length = datagram.length_bytes;
  if (transport == nullptr || transport->row.generation != datagram.transport.generation || length == 0 ||
      length > contract::kDatagramMax) {
    return s.count(Counter::injects_refused);
  }
  s.count(Counter::injected);
  if (const auto drop = unreachable(s, *transport, now_ns)) return s.outbox.lose(*drop);
  std::optional<Packet> packet = takeBuffer(s);
  if (!packet) return s.outbox.lose(Counter::send_pool_empty);
  const auto space = payloadSpace(s, *transport, *packet);
  if (length > space.size()) {
    s.io.release(std::span(&*packet, 1));
    return s.outbox.lose(Counter::send_too_long);
  }
  std::memcpy(space.data(), datagram.bytes, length);
  transmit(s, *transport, *packet, length);
  s.outbox.flush();
}

void Relay::timers(uint64_t now_ns) {
  RelayState& s = *state_;
  if (now_ns - s.timers_ran_ns < kTimerGranularityNs) return;
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
