// How long a worker that finds nothing to do sleeps: not at first, then ever longer, never past a bound.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock {

/// A quarter of the time it has been idle: a packet that follows closely is met spinning, one that comes after a long
/// silence waits at most `sleep_max_ns`, and the cost of waking up falls with the silence.
struct IdleBackoff {
  uint64_t spin_ns = 20'000;
  uint64_t sleep_max_ns = 500'000;

  constexpr uint64_t sleepNs(uint64_t idle_ns) const {
    return idle_ns < spin_ns ? 0 : std::min(idle_ns / 4, sleep_max_ns);
  }
};

}  // namespace penstock
