// The whole packet path of several workers with no port at its ends: each worker takes prepared frames of the
// publishers it owns, and what it sends is counted and gone. So every core can be a worker's, and what is measured is
// how the path itself grows with workers and with subscriptions. Buffers, rings between workers, crypto and timers are
// the relay's own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/load/loaded_relay.h"
#include "bench/load/rows_by_hand.h"
#include "bench/load/run_plan.h"

namespace penstock::bench {

struct PortlessRun {
  double seconds = 0;            // from the first packet until the last was sent
  uint64_t in = 0, out = 0;      // packets
  uint64_t missing = 0;          // that should have been sent and were not
  uint64_t busy_ns = 0;          // of all workers, in turns that had something to do
  uint64_t idle_ns = 0;          // in turns without
  std::vector<uint64_t> out_of;  // by worker
  CounterValues counters;
  RowMemory rows;
  uint64_t base_bytes = 0;  // resident memory before the rows
};

/// Runs about `seconds` in all, prepared a part at a time as the store allows. Starts DPDK: only in a process that may.
/// Throws StartError, std::runtime_error.
PortlessRun runPortless(const RunPlan& plan, double seconds);

}  // namespace penstock::bench
