// How long a thread that finds nothing to do sleeps: not at first, then ever longer, never past a bound.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock {

/// As long as it has been idle: a packet that follows closely is met spinning, one that comes after a silence waits no
/// longer than that lasted, and at most `sleep_max_ns`. Each sleep doubles the next, so few are lost on growing: waking
/// up is what idling costs, 10 to 25 us of CPU time each in a virtual machine.
struct IdleBackoff {
  uint64_t spin_ns = 20'000;
  uint64_t sleep_max_ns = 500'000;

  constexpr uint64_t sleepNs(uint64_t idle_ns) const { return idle_ns < spin_ns ? 0 : std::min(idle_ns, sleep_max_ns); }
};

}  // namespace penstock
