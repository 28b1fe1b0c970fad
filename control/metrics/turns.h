// How long each turn of the control loop takes: what one handler costs, all others wait for.
#pragma once

#include <time.h>

#include <cstdint>

namespace boost::asio {
class io_context;
}

namespace penstock {

class Metrics;

/// CPU time of the calling thread: waiting, and a busy machine, do not count.
inline uint64_t threadCpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// io.run(), with each turn told to the metrics.
void runTurns(boost::asio::io_context& io, Metrics& metrics);

}  // namespace penstock
