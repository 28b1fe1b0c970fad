// The packet buffers of all workers: one DPDK mempool, and its buffers seen as Packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/relay/packet.h"

struct rte_mempool;
struct rte_mbuf;

namespace penstock {

class MbufPool {
 public:
  /// Throws StartError. DPDK must run (Eal). `numa_node`: where its memory should be; -1 = anywhere.
  explicit MbufPool(uint32_t buffers, int numa_node = -1);
  ~MbufPool();
  MbufPool(const MbufPool&) = delete;
  MbufPool& operator=(const MbufPool&) = delete;

  rte_mempool* raw() const { return pool_; }

  /// Fills `out` from its front, each an empty buffer with one reference; returns how many could be had.
  size_t allocate(std::span<Packet> out);
  static void retain(std::span<const Packet> packets);
  static void release(std::span<const Packet> packets);

 private:
  rte_mempool* pool_;
};

}  // namespace penstock
