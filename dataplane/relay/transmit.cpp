#include "dataplane/relay/transmit.h"

#include <algorithm>

namespace penstock {

std::expected<HeaderTemplate, Counter> headerTowards(RelayState& s, const Address& address, uint64_t now_ns) {
  const auto route = s.routes.find(address);
  if (!route) return std::unexpected(Counter::send_no_route);
  s.neighbours.want(route->next_hop, now_ns);
  const auto mac = s.neighbours.find(route->next_hop);
  if (!mac) return std::unexpected(Counter::send_neighbour_unresolved);
  return HeaderTemplate({.source_mac = s.config.mac,
                         .destination_mac = *mac,
                         .source = withPort(route->source, s.config.port),
                         .destination = address,
                         .vlan = s.config.vlan},
                        s.config.checksum);
}

std::optional<Counter> findWay(RelayState& s, TransportState& transport, uint64_t now_ns) {
  const auto header = headerTowards(s, transport.nominated, now_ns);
  if (!header) return header.error();
  transport.header = *header;
  return std::nullopt;
}

namespace {

/// Where DTLS goes. A client opens the handshake while it chooses among its addresses: it is answered where it asks.
std::expected<HeaderTemplate, Counter> wayOfDtls(RelayState& s, TransportState& transport, uint64_t now_ns) {
  const Address to = transport.sendable() ? transport.nominated : transport.punted_from;
  if (to.port_be == 0) return std::unexpected(Counter::send_no_address);
  if (transport.row.srtp_profile == contract::SrtpProfile::kNone) {
    transport.answered_twice |= transport.answered_at.port_be != 0 && transport.answered_at != to;
    transport.answered_at = to;
  }
  return headerTowards(s, to, now_ns);
}

}  // namespace

void sendDatagram(RelayState& s, const contract::RowReference& reference, std::span<const uint8_t> bytes,
                  uint64_t now_ns) {
  TransportState* transport = s.transports.find(reference.index);
  if (transport == nullptr || transport->foreign || transport->row.generation != reference.generation) {
    return s.count(Counter::injects_refused);
  }
  s.count(Counter::injected);
  const auto header = wayOfDtls(s, *transport, now_ns);
  if (!header) return s.outbox.lose(header.error());
  Packet packet;
  if (!takeBuffer(s, packet)) return s.outbox.lose(Counter::send_pool_empty);
  const auto space = payloadSpace(s, *header, packet);
  if (bytes.size() > space.size()) {
    s.io.release(std::span(&packet, 1));
    return s.outbox.lose(Counter::send_too_long);
  }
  if (!withinCredit(*transport, bytes.size())) return loseUnproven(s, packet);
  std::ranges::copy(bytes, space.begin());
  transmit(s, *header, packet, bytes.size());
}

size_t protectRtcp(RelayState& s, uint32_t index, std::span<uint8_t> space, size_t length) {
  TransportState& transport = s.transports[index];
  if (transport.srtcp_reservation.reserve(transport.srtcp_sender->nextIndex())) {
    s.flows.transport[index].srtcp_index_reserved = transport.srtcp_reservation.reserved();
  }
  const auto result = transport.srtcp_sender->protect(space, length);
  if (result.status != srtp::CryptoStatus::kOk) return 0;
  contract::TransportStats& stats = s.reports.transport[index];
  stats.packets_sent += 1;
  stats.bytes_sent += result.length;
  return result.length;
}

}  // namespace penstock
