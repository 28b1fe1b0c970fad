// Clients that do DTLS handshakes with the relay's pool, in one process: as fast as they can, or at a rate.
#pragma once

#include <cstdint>
#include <memory>

#include "bench/load/histogram.h"

namespace penstock::bench {

struct JoinSettings {
  uint32_t threads = 1;
  uint32_t handshakes_max = 1024;
  uint32_t concurrent = 16;
  double seconds = 5;
};

struct JoinCounts {
  double seconds = 0;
  uint64_t begun = 0, done = 0, failed = 0;
  uint64_t refused = 0;      // datagrams the pool dropped because as many handshakes as allowed were in progress
  uint64_t pool_cpu_ns = 0;  // CPU time of the process less that of the clients' thread
  Histogram time_to_keys;    // from a client's first datagram until both sides have keys
};

class JoinStorm {
 public:
  explicit JoinStorm(const JoinSettings& settings);
  ~JoinStorm();

  /// Joins begin at this rate for the time set; 0: always `concurrent` at once. Those under way are finished after.
  JoinCounts run(double joins_per_second);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::bench
