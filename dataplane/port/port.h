// One network port, by PCI address or virtual device: configured, started, and stopped when it goes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/port/eal.h"
#include "dataplane/port/mbuf_pool.h"

struct rte_ring;
struct rte_mbuf;

namespace penstock {

/// What a port turned out to be.
struct PortFacts {
  std::string device;  // as configured
  std::string driver;
  std::array<uint8_t, 6> mac{};
  uint16_t mtu = 0;
  bool sends_udp_checksum = false;   // it completes the UDP checksums of what we send
  bool checks_udp_checksum = false;  // it verifies those of what we receive
  uint16_t queues = 1;               // of each direction; with fewer than workers, they share
  int numa_node = -1;                // where its memory is; -1 = not known
  std::string multicast;             // how neighbour solicitations reach us: "filter", "all multicast", "promiscuous"
};

/// A frame of ours on its way to a queue that is another worker's.
struct ClosesRing {
  void operator()(rte_ring* ring) const;
};

struct PortRequest {
  std::string device;
  uint16_t workers = 1;  // that want a queue each
  uint16_t mtu = 1500;
  std::vector<std::array<uint8_t, 6>> groups;  // multicast MAC addresses that we must hear
  std::optional<std::array<uint8_t, 6>> mac;   // to wear instead of its own
  std::string identity;                        // what tells this relay from others on its links: its addresses
};

/// The MAC address of a port that has none by nature: the same at each start.
std::array<uint8_t, 6> stableAddress(std::string_view identity);

class Port {
 public:
  /// Throws StartError.
  Port(const Eal& eal, const PortRequest& request, MbufPool& pool);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  uint16_t id() const { return id_; }
  const PortFacts& facts() const { return facts_; }
  bool linkUp() const;
  uint16_t queues() const { return facts_.queues; }
  /// From a worker without a queue to the one that has queue 0; returns how many there was room for.
  size_t handToSender(std::span<rte_mbuf*> mbufs);
  /// By the worker that has queue 0: sends what the others have handed over.
  void sendHanded();

 private:
  void check(int result, const char* what) const;
  void configure(const PortRequest& request);
  void setUpQueues(const PortRequest& request, MbufPool& pool);
  void setAddress(const PortRequest& request);
  void start(const PortRequest& request);

  const Eal& eal_;
  uint16_t id_ = 0;
  bool started_ = false;
  PortFacts facts_;
  std::unique_ptr<rte_ring, ClosesRing> handed_;  // many to one
};

}  // namespace penstock
