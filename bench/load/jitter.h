// What the machine itself does to a polling thread: a loop that does nothing but look at the clock, and how late it is
// for events that nobody sends. Beside it, a relay's delay says what is the relay's.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/load/histogram.h"

namespace penstock::bench {

/// One thread pinned to each core, all at once; how late each was for an event every `interval_ns`.
std::vector<Histogram> measureJitter(const std::vector<int>& cores, uint64_t interval_ns, double seconds);

}  // namespace penstock::bench
