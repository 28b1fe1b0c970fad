// The clocks of measurements: CPU time of a thread, and how many cycles a nanosecond has.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#include <thread>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace penstock::bench {

/// Nominal frequency in cycles per nanosecond: that of the time stamp counter. 1 where there is none.
inline double cyclesPerNs() {
#if defined(__x86_64__)
  static const double measured = [] {
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto begin = now();
    const uint64_t cycles = __rdtsc();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const uint64_t passed = __rdtsc() - cycles;
    return static_cast<double>(passed) / static_cast<double>(std::chrono::nanoseconds(now() - begin).count());
  }();
  return measured;
#else
  return 1.0;
#endif
}

/// CPU time of this thread, so that other load on the machine does not count.
inline uint64_t threadCpuNs() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace penstock::bench
