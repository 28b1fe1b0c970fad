// Cycles per packet beside Google Benchmark's nanoseconds: the figure that compares across machines and clock speeds.
#pragma once

#include <benchmark/benchmark.h>

#include "bench/load/cpu_clock.h"

namespace penstock::bench {

/// Counts from construction to report().
class Cycles {
 public:
  /// Adds "cycles/packet" and packets per second for `packets` in all.
  void report(benchmark::State& state, uint64_t packets) const {
    const double cycles = static_cast<double>(threadCpuNs() - begin_ns_) * cyclesPerNs();
    if (packets == 0) return;
    state.counters["cycles/packet"] = cycles / static_cast<double>(packets);
    state.SetItemsProcessed(static_cast<int64_t>(packets));
  }

 private:
  uint64_t begin_ns_ = threadCpuNs();
};

}  // namespace penstock::bench
