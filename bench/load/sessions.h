// Clients of the whole relay, as real as they need be: each joins by WHIP or WHEP over HTTP, checks its path by ICE,
// does its DTLS handshake, and then sends or receives SRTP, all of them over one net_memif.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bench/load/daemons.h"
#include "bench/load/histogram.h"

namespace penstock::bench {

struct SessionCounts {
  double seconds = 0;  // from the first request until the last player had its first packet
  uint64_t begun = 0, playing = 0, failed = 0;
  std::string failure;  // of the last that failed
  // Since the request was made.
  Histogram to_answer, to_keys, to_packet;
};

class Sessions {
 public:
  /// Starts DPDK: only in a process that may. Throws StartError, std::runtime_error.
  Sessions(Daemons& daemons, std::optional<int> core);
  ~Sessions();

  /// `rooms` more, each with a publisher and `players`, which join `per_second` in all, 0: at once. Publishers come
  /// first, and send an audio packet every `interval_ns`.
  SessionCounts join(uint32_t rooms, uint32_t players, double per_second, uint64_t interval_ns);
  /// Publishers stop; all that is sent are checks.
  void fallSilent(double seconds);
  /// One packet of one publisher each time, after such a silence: how long its room's players waited for it.
  Histogram wake(uint32_t times, uint64_t silence_ns);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::bench
