// What the measurements of crypto have in common: which cases there are, and time taken over passes of many packets.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/micro/cycles.h"
#include "dataplane/contract/rows.h"

namespace penstock::bench {

constexpr size_t kRtpHeader = 12;
/// Packets of one iteration, more than their buffers have room for in the nearest caches.
constexpr size_t kPass = 2048;

struct CryptoCase {
  contract::SrtpProfile profile;
  size_t payload, batch, keys;
};

/// The last four arguments of a benchmark, behind `first`.
inline CryptoCase cryptoCase(const benchmark::State& state, size_t first) {
  const auto at = [&](size_t i) { return static_cast<size_t>(state.range(first + i)); };
  return {static_cast<contract::SrtpProfile>(at(0)), at(1), at(2), at(3)};
}

/// Calls `add` with each case: profile x payload bytes x batch x keys. Batches below 64 are asked of two profiles only.
template <typename Add>
void forEachCryptoCase(const Add& add) {
  for (const int64_t profile : {0x0007, 0x0008, 0x0001, 0x0002}) {
    for (const int64_t bytes : {100, 1200}) {
      for (const int64_t batch : {1, 8, 32, 64}) {
        const bool variant = profile == 0x0008 || profile == 0x0002;
        if (variant && batch != 64) continue;
        for (const int64_t keys : {1, 1000}) add(profile, bytes, batch, keys);
      }
    }
  }
}

/// CPU time of passes, of which a benchmark may prepare each outside of the time that is taken.
class PassTimer {
 public:
  template <typename Pass>
  void time(benchmark::State& state, const Pass& pass) {
    const uint64_t begin = threadCpuNs();
    pass();
    const uint64_t took = threadCpuNs() - begin;
    total_ns_ += took;
    packets_ += kPass;
    state.SetIterationTime(static_cast<double>(took) / 1e9);
  }
  void report(benchmark::State& state) const {
    if (packets_ == 0) return;
    const double per_packet = static_cast<double>(total_ns_) / static_cast<double>(packets_);
    state.counters["cycles/packet"] = per_packet * cyclesPerNs();
    state.SetItemsProcessed(static_cast<int64_t>(packets_));
  }

 private:
  uint64_t total_ns_ = 0, packets_ = 0;
};

}  // namespace penstock::bench
