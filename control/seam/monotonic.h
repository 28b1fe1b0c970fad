// The one clock of the seam: CLOCK_MONOTONIC in nanoseconds, the same in both daemons.
#pragma once

#include <cstdint>
#include <ctime>

namespace penstock {

inline uint64_t monotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace penstock
