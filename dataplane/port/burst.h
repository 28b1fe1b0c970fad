// mbuf <-> Packet: the same bytes under two names, and the few flags that mean something on both sides.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/relay/packet.h"

namespace penstock {

inline rte_mbuf* mbufOf(const Packet& packet) {
  return static_cast<rte_mbuf*>(packet.handle);
}

/// A received or empty buffer. Of a chain only the first part is shown: longer than an MTU, the relay drops it by name.
inline Packet packetOf(rte_mbuf* mbuf) {
  Packet packet;
  packet.data = rte_pktmbuf_mtod(mbuf, uint8_t*);
  packet.length_bytes = mbuf->data_len;
  packet.capacity_bytes = static_cast<uint16_t>(mbuf->buf_len - mbuf->data_off);
  if ((mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD) packet.flags = kUdpChecksumBad;
  packet.handle = mbuf;
  return packet;
}

/// A buffer to send: the relay's length, and the checksum it leaves to the port.
inline rte_mbuf* mbufToSend(const Packet& packet) {
  rte_mbuf* mbuf = mbufOf(packet);
  mbuf->data_off = static_cast<uint16_t>(packet.data - static_cast<uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = packet.length_bytes;
  mbuf->pkt_len = packet.length_bytes;
  mbuf->ol_flags = 0;
  if (packet.flags & kUdpChecksumOffload) {
    const bool ipv6 = packet.data[packet.layer3_offset] >> 4 == 6;
    mbuf->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | (ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
    mbuf->l2_len = packet.layer3_offset;
    mbuf->l3_len = static_cast<uint64_t>(packet.layer4_offset - packet.layer3_offset) & 0x1ff;
  }
  return mbuf;
}

}  // namespace penstock
