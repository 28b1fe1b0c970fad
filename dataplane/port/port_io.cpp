#include "dataplane/port/port_io.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>

#include "dataplane/port/burst.h"
#include "dataplane/relay/fixed_map.h"

namespace penstock {
namespace {

uint64_t macAt(const uint8_t* bytes) {
  uint64_t mac = 0;
  std::memcpy(&mac, bytes, 6);
  return mac;
}

constexpr size_t kMacsEnd = 12;

}  // namespace

PortIo::PortIo(std::span<const std::unique_ptr<Port>> ports, MbufPool& pool, uint16_t queue)
    : pool_(pool), queue_(queue) {
  for (const auto& port : ports) ports_.push_back(port.get());
  if (ports_.size() > 1) learned_.resize(kLearnedMax);
}

size_t PortIo::receive(size_t port, std::span<Packet> burst) {
  Port& from = *ports_[port];
  if (queue_ >= from.queues()) return 0;
  if (queue_ == 0) from.sendHanded();
  std::array<rte_mbuf*, kBurstMax> mbufs;
  const auto wanted = static_cast<uint16_t>(std::min(burst.size(), mbufs.size()));
  const uint16_t got = rte_eth_rx_burst(from.id(), queue_, mbufs.data(), wanted);
  for (uint16_t i = 0; i < got; ++i) burst[i] = packetOf(mbufs[i]);
  if (!learned_.empty()) learn(static_cast<uint16_t>(port), burst.first(got));
  return got;
}

size_t PortIo::send(std::span<const Packet> packets) {
  if (ports_.size() == 1) return sendTo(*ports_[0], packets);
  size_t sent = 0;
  while (!packets.empty()) {
    // One call per run of packets to the same port.
    const auto portOf = [&](const Packet& packet) { return lookUp(macAt(packet.data)); };
    const Learned* first = portOf(packets[0]);
    size_t run = 1;
    if (first == nullptr) {
      sent += sendEverywhere(packets[0]);
    } else {
      const auto same = [&](const Packet& packet) {
        const Learned* next = portOf(packet);
        return next != nullptr && next->port == first->port;
      };
      while (run < packets.size() && same(packets[run])) ++run;
      sent += sendTo(*ports_[first->port], packets.first(run));
    }
    packets = packets.subspan(run);
  }
  return sent;
}

size_t PortIo::sendTo(Port& port, std::span<const Packet> packets) {
  size_t sent = 0;
  while (!packets.empty()) {
    std::array<rte_mbuf*, kBurstMax> mbufs;
    const size_t count = std::min(packets.size(), mbufs.size());
    bool offload = false;
    for (size_t i = 0; i < count; ++i) {
      mbufs[i] = mbufToSend(packets[i]);
      offload = offload || mbufs[i]->ol_flags != 0;
    }
    auto ready = static_cast<uint16_t>(count);
    // Writes the pseudo-header checksum where the driver's hardware wants to find it.
    if (offload) ready = rte_eth_tx_prepare(port.id(), queueOf(port), mbufs.data(), ready);
    const uint16_t took = transmit(port, std::span(mbufs).first(ready));
    for (size_t i = took; i < count; ++i) rte_pktmbuf_free(mbufs[i]);
    sent += took;
    packets = packets.subspan(count);
  }
  return sent;
}

uint16_t PortIo::transmit(Port& port, std::span<rte_mbuf*> mbufs) const {
  if (queue_ >= port.queues()) return static_cast<uint16_t>(port.handToSender(mbufs));
  return rte_eth_tx_burst(port.id(), queue_, mbufs.data(), static_cast<uint16_t>(mbufs.size()));
}

/// Broadcast, multicast, or a neighbour not heard of yet. The copies share the bytes, which nobody changes any more.
size_t PortIo::sendEverywhere(const Packet& packet) {
  rte_mbuf* mbuf = mbufToSend(packet);
  rte_mbuf_refcnt_update(mbuf, static_cast<int16_t>(ports_.size() - 1));
  size_t sent = 0;
  for (Port* port : ports_) {
    // Prepared once is prepared for all: the ports are used with the offloads that all of them have.
    if (mbuf->ol_flags != 0 && sent == 0 && rte_eth_tx_prepare(port->id(), queueOf(*port), &mbuf, 1) != 1) {
      rte_pktmbuf_free(mbuf);
      continue;
    }
    if (transmit(*port, std::span(&mbuf, 1)) == 1) {
      ++sent;
    } else {
      rte_pktmbuf_free(mbuf);
    }
  }
  return sent > 0 ? 1 : 0;
}

void PortIo::learn(uint16_t port, std::span<const Packet> burst) {
  for (const Packet& packet : burst) {
    if (packet.length_bytes < kMacsEnd) continue;
    const uint64_t source = macAt(packet.data + 6);
    learned_[mixBits(source) % kLearnedMax] = {source, port};
  }
}

const PortIo::Learned* PortIo::lookUp(uint64_t mac) const {
  const Learned& learned = learned_[mixBits(mac) % kLearnedMax];
  return learned.mac == mac ? &learned : nullptr;
}

}  // namespace penstock
