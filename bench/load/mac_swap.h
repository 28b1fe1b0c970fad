// The other end of a comparison: a program that only swaps MAC addresses over the same net_memif, one core each side.
// dpdk-testpmd where it is installed; otherwise the same loop over our own port.
#pragma once

#include <string>

#include "bench/load/core_distance.h"
#include "bench/load/run_plan.h"

namespace penstock::bench {

struct MacSwapRate {
  std::string program;
  double per_second = 0;  // frames that came back
};

/// As many frames of `frame_bytes` circulate as a ring of net_memif holds; each comes back with its addresses swapped
/// and leaves again. Measured again if the cores were moved apart meanwhile. Starts DPDK: only in a process that may.
/// Throws StartError, std::runtime_error.
MacSwapRate measureMacSwap(const RunPlan& plan, uint16_t frame_bytes, double seconds, CoreDistance& distance);

}  // namespace penstock::bench
