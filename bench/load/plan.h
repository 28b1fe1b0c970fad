// What both sides of a load run agree on: who takes part, where they are, which keys they have.
#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"
#include "tests/support/relay_world.h"

namespace penstock::bench {

struct LoadPlan {
  uint32_t subscribers = 50;
  size_t payload_bytes = 1200;
  contract::SrtpProfile profile = contract::SrtpProfile::kAeadAes128Gcm;
  std::string socket;
};

inline constexpr uint32_t kPublisherSsrc = 0x1111'1111;
constexpr uint32_t ssrcOf(uint32_t subscriber) {
  return 0x2000'0000 + subscriber * 2;
}

/// Client 0 publishes, 1..subscribers receive; all behind 198.18/15.
inline std::string addressOf(uint32_t client) {
  return "198.18." + std::to_string(1 + client / 200) + "." + std::to_string(1 + client % 200) + ":5000";
}

inline DataplaneConfig portConfig(const LoadPlan& plan, bool server) {
  DataplaneConfig config;
  config.device = {std::string("net_memif0,role=") + (server ? "server" : "client") +
                   ",id=0,rsize=12,socket-abstract=no," + "socket=" + plan.socket};
  config.hugepages = Hugepages::kAuto;
  return config;
}

}  // namespace penstock::bench
