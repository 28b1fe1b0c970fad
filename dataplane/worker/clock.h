// The dataplane's one clock. Read without a system call where the kernel's clock source is the CPU's counter.
#pragma once

#include <cstdint>
#include <ctime>

namespace penstock {

inline uint64_t clockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t monotonicNow() {
  return clockNs(CLOCK_MONOTONIC);
}

}  // namespace penstock
