#include "bench/load/jitter.h"

#include <thread>

#include "bench/load/pin.h"
#include "dataplane/worker/clock.h"

namespace penstock::bench {

namespace {

void poll(int core, uint64_t interval_ns, uint64_t duration_ns, Histogram& delays) {
  pinThread(core);
  const uint64_t begin_ns = monotonicNow();
  uint64_t due_ns = begin_ns + interval_ns;
  for (uint64_t now_ns = begin_ns; now_ns - begin_ns < duration_ns; now_ns = monotonicNow()) {
    for (; due_ns <= now_ns; due_ns += interval_ns) delays.record(now_ns - due_ns);
  }
}

}  // namespace

std::vector<Histogram> measureJitter(const std::vector<int>& cores, uint64_t interval_ns, double seconds) {
  std::vector<Histogram> delays(cores.size());
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < cores.size(); ++i) {
    threads.emplace_back([&, i] { poll(cores[i], interval_ns, static_cast<uint64_t>(seconds * 1e9), delays[i]); });
  }
  threads.clear();  // joins
  return delays;
}

}  // namespace penstock::bench
