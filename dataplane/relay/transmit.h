// The way out: a buffer, the headers of the transport's path in front of a payload, the outbox.
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "dataplane/relay/checks.h"
#include "dataplane/relay/state.h"

namespace penstock {

/// The headers towards an address; otherwise what is missing. Asks for the next hop's MAC address.
std::expected<HeaderTemplate, Counter> headerTowards(RelayState& s, const Address& address, uint64_t now_ns);

/// Fills in the headers towards the transport's address; otherwise says what is missing.
std::optional<Counter> findWay(RelayState& s, TransportState& transport, uint64_t now_ns);

/// Whether packets for the transport can be addressed now; otherwise why not (a send drop). Asks for the next hop's MAC
/// address when that is what is missing.
inline std::optional<Counter> unreachable(RelayState& s, TransportState& transport, uint64_t now_ns) {
  if (!transport.sendable()) return Counter::send_no_address;
  if (!transport.header.empty()) [[likely]]
    return std::nullopt;
  return findWay(s, transport, now_ns);
}

/// A buffer to send in; false if the pool is empty (to be counted as send_pool_empty).
inline bool takeBuffer(RelayState& s, Packet& packet) {
  if (s.stock_count == 0) [[unlikely]] {
    s.stock_count = s.io.allocate(s.stock);
    if (s.stock_count == 0) return false;
  }
  packet = s.stock[--s.stock_count];
  return true;
}

/// Where the UDP payload goes, bounded by the buffer and by the MTU.
inline std::span<uint8_t> payloadSpace(const RelayState& s, const HeaderTemplate& header, const Packet& packet) {
  const size_t headers = header.size();
  const size_t frame_max = std::min<size_t>(packet.capacity_bytes, header.ipOffset() + s.config.mtu_bytes);
  return std::span(packet.data + headers, frame_max - headers);
}

/// Writes the headers and hands the packet to the outbox. `payload_size` bytes stand in payloadSpace() already.
inline void transmit(RelayState& s, const HeaderTemplate& header, Packet& packet, size_t payload_size) {
  header.stamp(packet.data, payload_size);
  packet.length_bytes = static_cast<uint16_t>(header.size() + payload_size);
  if (s.config.checksum == UdpChecksum::kPseudoHeader) {
    packet.flags = kUdpChecksumOffload;
    packet.layer3_offset = static_cast<uint8_t>(header.ipOffset());
    packet.layer4_offset = static_cast<uint16_t>(header.size() - kUdpSize);
  }
  s.outbox.push(packet);
}

/// A packet that may not go to an address that is not proven.
inline void loseUnproven(RelayState& s, Packet& packet) {
  s.io.release(std::span(&packet, 1));
  s.outbox.lose(Counter::send_address_unproven);
}

/// Sends a datagram of control's to where its transport is.
void sendDatagram(RelayState& s, const contract::RowReference& transport, std::span<const uint8_t> bytes,
                  uint64_t now_ns);

/// Sends a frame that `write(span) -> size` fills from its first byte (answers on the link). Size 0 sends nothing.
template <class Write>
void transmitFrame(RelayState& s, Write&& write) {
  Packet packet;
  if (!takeBuffer(s, packet)) return s.outbox.lose(Counter::send_pool_empty);
  const size_t size = write(std::span(packet.data, packet.capacity_bytes));
  if (size == 0) return s.io.release(std::span(&packet, 1));
  packet.length_bytes = static_cast<uint16_t>(size);
  s.outbox.push(packet);
}

/// Protects the compound that `build(span) -> length` writes and sends it. Length 0 sends nothing.
template <class Build>
void transmitRtcp(RelayState& s, uint32_t index, uint64_t now_ns, Build&& build);

/// Reserves the next SRTCP index in the flows region, protects `length` bytes in `space`; 0 if that failed.
size_t protectRtcp(RelayState& s, uint32_t index, std::span<uint8_t> space, size_t length);

template <class Build>
void transmitRtcp(RelayState& s, uint32_t index, uint64_t now_ns, Build&& build) {
  TransportState& transport = s.transports[index];
  if (!transport.srtcp_sender) return;
  if (const auto drop = unreachable(s, transport, now_ns)) return s.outbox.lose(*drop);
  HeaderTemplate header = transport.header;
  if (transport.row.rtcp_port_be != 0) {
    const auto found = headerTowards(s, rtcpAddressOf(transport.row), now_ns);
    if (!found) return s.outbox.lose(found.error());
    header = *found;
  }
  Packet packet;
  if (!takeBuffer(s, packet)) return s.outbox.lose(Counter::send_pool_empty);
  const auto space = payloadSpace(s, header, packet);
  const size_t length = build(space.first(space.size() - srtp::kSrtcpTrailerMax));
  const size_t protected_length = length == 0 ? 0 : protectRtcp(s, index, space, length);
  if (protected_length == 0) {
    if (length != 0) s.outbox.lose(Counter::send_protect_failed);
    return s.io.release(std::span(&packet, 1));
  }
  if (!withinCredit(transport, protected_length)) [[unlikely]]
    return loseUnproven(s, packet);
  transmit(s, header, packet, protected_length);
}

}  // namespace penstock
