#include "dataplane/port/mbuf_pool.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>

#include "daemon/exit_codes.h"
#include "dataplane/port/burst.h"

namespace penstock {
namespace {

constexpr uint32_t kCachedPerThread = 256;
// Received frames longer than an MTU are dropped by the port, or shown cut.
constexpr uint16_t kRoom = 2048 + RTE_PKTMBUF_HEADROOM;
static_assert(kRoom - RTE_PKTMBUF_HEADROOM >= kFrameMax);

static_assert(SOCKET_ID_ANY == -1);

}  // namespace

MbufPool::MbufPool(uint32_t buffers, int numa_node)
    : pool_(rte_pktmbuf_pool_create("penstock", buffers, kCachedPerThread, 0, kRoom, numa_node)) {
  if (pool_ != nullptr) return;
  const uint64_t mib = (uint64_t{buffers} * (kRoom + sizeof(rte_mbuf) + 64) >> 20) + 1;
  throw StartError(kExitMemory, fmt::format("{} packet buffers need about {} MiB ({}): raise dataplane.memory-mib or "
                                            "lower dataplane.packet-buffers.",
                                            buffers, mib, rte_strerror(rte_errno)));
}

MbufPool::~MbufPool() {
  rte_mempool_free(pool_);
}

size_t MbufPool::allocate(std::span<Packet> out) {
  std::array<rte_mbuf*, kBurstMax> mbufs;
  size_t had = 0;
  while (had < out.size()) {
    const size_t wanted = std::min(out.size() - had, mbufs.size());
    // In bulk it is all or nothing; near the end of the pool single ones may still be had.
    if (rte_pktmbuf_alloc_bulk(pool_, mbufs.data(), static_cast<unsigned>(wanted)) == 0) {
      for (size_t i = 0; i < wanted; ++i) out[had++] = packetOf(mbufs[i]);
      continue;
    }
    rte_mbuf* last = rte_pktmbuf_alloc(pool_);
    if (last == nullptr) break;
    out[had++] = packetOf(last);
  }
  return had;
}

void MbufPool::retain(std::span<const Packet> packets) {
  for (const Packet& packet : packets) rte_mbuf_refcnt_update(mbufOf(packet), 1);
}

void MbufPool::release(std::span<const Packet> packets) {
  for (const Packet& packet : packets) rte_pktmbuf_free(mbufOf(packet));
}

}  // namespace penstock
