// What both processes of a load run agree on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/scenario.h"
#include "config/config.h"

namespace penstock::bench {

struct RunPlan {
  Scenario scenario;
  contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm;
  std::string backend = "auto";
  // Of the generator and of the relay; empty: net_memif between the two processes.
  std::string device, relay_device;
  std::string programs;     // folder of penstock-dataplane; empty: the relay built in
  std::string socket;       // of net_memif
  uint32_t ring_log2 = 12;  // entries of net_memif's rings, as a power of two
  std::vector<std::optional<int>> worker_cores{std::nullopt};  // one worker each
  std::optional<int> generator_core;
  bool relay_sleeps = false;  // backs off when idle, as in production
  size_t store_bytes = size_t{512} << 20;

  uint32_t workers() const { return static_cast<uint32_t>(worker_cores.size()); }
  /// Too few cores: a worker and the generator take turns on one, and rates say little.
  bool sharesCore() const {
    return generator_core && std::ranges::find(worker_cores, generator_core) != worker_cores.end();
  }
};

/// The settings of DPDK for one side.
inline DataplaneConfig portConfig(const RunPlan& plan, bool relay) {
  DataplaneConfig config;
  const std::string memif = std::string("net_memif0,id=0,socket-abstract=no,role=") + (relay ? "server" : "client") +
                            ",rsize=" + std::to_string(plan.ring_log2) + ",socket=" + plan.socket;
  const std::string& device = relay ? plan.relay_device : plan.device;
  config.device = {device.empty() ? memif : device};
  config.hugepages = Hugepages::kAuto;
  return config;
}

}  // namespace penstock::bench
