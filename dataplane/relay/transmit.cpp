#include "dataplane/relay/transmit.h"

#include <algorithm>

namespace penstock {

std::optional<Counter> findWay(RelayState& s, TransportState& transport, uint64_t now_ns) {
  const auto route = s.routes.find(transport.nominated);
  if (!route) return Counter::send_no_route;
  transport.next_hop = route->next_hop;
  s.neighbours.want(route->next_hop, now_ns);
  const auto mac = s.neighbours.find(route->next_hop);
  if (!mac) return Counter::send_neighbour_unresolved;
  transport.header = HeaderTemplate({.source_mac = s.config.mac,
                                     .destination_mac = *mac,
                                     .source = withPort(route->source, s.config.port),
                                     .destination = transport.nominated,
                                     .vlan = s.config.vlan},
                                    s.config.checksum);
  return std::nullopt;
}

void sendDatagram(RelayState& s, const contract::RowReference& reference, std::span<const uint8_t> bytes,
                  uint64_t now_ns) {
  TransportState* transport = s.transports.find(reference.index);
  if (transport == nullptr || transport->foreign || transport->row.generation != reference.generation) {
    return s.count(Counter::injects_refused);
  }
  s.count(Counter::injected);
  if (const auto drop = unreachable(s, *transport, now_ns)) return s.outbox.lose(*drop);
  Packet packet;
  if (!takeBuffer(s, packet)) return s.outbox.lose(Counter::send_pool_empty);
  const auto space = payloadSpace(s, *transport, packet);
  if (bytes.size() > space.size()) {
    s.io.release(std::span(&packet, 1));
    return s.outbox.lose(Counter::send_too_long);
  }
  std::ranges::copy(bytes, space.begin());
  transmit(s, *transport, packet, bytes.size());
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
