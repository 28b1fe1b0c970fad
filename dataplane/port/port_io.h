// One worker's way to its queue of every port: receives from each, sends where the destination MAC was last seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/port/mbuf_pool.h"
#include "dataplane/port/port.h"
#include "dataplane/relay/packet.h"

namespace penstock {

class PortIo final : public PacketIo {
 public:
  /// All ports wear the first one's MAC address, as the relay knows only one. A port without a queue of that number is
  /// sent to through whoever has queue 0 of it.
  PortIo(std::span<const std::unique_ptr<Port>> ports, MbufPool& pool, uint16_t queue);

  /// Why waitForPacket() cannot be had, with so many workers; empty if it can.
  static std::string waitObstacle(std::span<const std::unique_ptr<Port>> ports, size_t workers);
  /// Waits, awake within a microsecond but saving power, until a port may have something; at most so long.
  void waitForPacket(uint64_t ns) const;

  size_t portCount() const { return ports_.size(); }
  /// At most kBurstMax packets of one port; the caller owns them.
  size_t receive(size_t port, std::span<Packet> burst);

  size_t allocate(std::span<Packet> out) override { return pool_.allocate(out); }
  void retain(std::span<const Packet> packets) override { MbufPool::retain(packets); }
  void release(std::span<const Packet> packets) override { MbufPool::release(packets); }
  size_t send(std::span<const Packet> packets) override;

 private:
  /// Where a neighbour is: with several ports the relay behaves like a host behind a learning switch.
  struct Learned {
    uint64_t mac = 0;
    uint16_t port = 0;
  };
  static constexpr size_t kLearnedMax = 4096;

  size_t sendTo(Port& port, std::span<const Packet> packets);
  size_t sendEverywhere(const Packet& packet);
  /// Sends on the worker's own queue, or hands over to whoever has one; returns how many were taken.
  uint16_t transmit(Port& port, std::span<rte_mbuf*> mbufs) const;
  void learn(uint16_t port, std::span<const Packet> burst);
  const Learned* lookUp(uint64_t mac) const;

  uint16_t queueOf(const Port& port) const { return queue_ < port.queues() ? queue_ : uint16_t{0}; }

  std::vector<Port*> ports_;
  MbufPool& pool_;
  uint16_t queue_;
  std::vector<Learned> learned_;  // direct-mapped by MAC; empty with one port
};

}  // namespace penstock
