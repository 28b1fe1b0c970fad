// What both processes of a load run agree on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bench/load/scenario.h"
#include "config/config.h"

namespace penstock::bench {

struct RunPlan {
  Scenario scenario;
  contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm;
  std::string backend = "auto";
  std::string device;       // of the generator; empty: net_memif between the two processes
  std::string socket;       // of net_memif
  uint32_t ring_log2 = 12;  // entries of net_memif's rings, as a power of two
  std::optional<int> relay_core, generator_core;
  bool relay_sleeps = false;  // backs off when idle, as in production
  size_t store_bytes = size_t{512} << 20;
};

/// The settings of DPDK for one side.
inline DataplaneConfig portConfig(const RunPlan& plan, bool relay) {
  DataplaneConfig config;
  const std::string memif = std::string("net_memif0,id=0,socket-abstract=no,role=") + (relay ? "server" : "client") +
                            ",rsize=" + std::to_string(plan.ring_log2) + ",socket=" + plan.socket;
  config.device = {plan.device.empty() || relay ? memif : plan.device};
  config.hugepages = Hugepages::kAuto;
  return config;
}

}  // namespace penstock::bench
