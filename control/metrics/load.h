// How busy the dataplane is: counters of two moments become a ratio and rates. Pure; the caller brings figures and
// time.
#pragma once

#include <cstdint>
#include <vector>

#include "control/metrics/report_source.h"

namespace penstock {

struct Load {
  std::vector<double> worker_busy_ratio;  // busy / (busy + idle) of each worker over the last interval, 0..1
  double packets_received_per_s = 0;
  double packets_sent_per_s = 0;
  double bits_received_per_s = 0;
  double bits_sent_per_s = 0;
};

class LoadSampler {
 public:
  /// Called about once a second. A counter that went backwards (the dataplane restarted) starts a new interval.
  void sample(uint64_t now_ns, const DataplaneFigures& figures);
  const Load& load() const { return load_; }

 private:
  struct Totals {
    uint64_t received = 0, received_bytes = 0, sent = 0, sent_bytes = 0;
  };
  struct Worker {
    uint64_t busy_ns = 0, idle_ns = 0;
  };

  uint64_t last_ns_ = 0;
  Totals last_;
  std::vector<Worker> last_workers_;
  Load load_;
};

/// A counter of all threads of the dataplane together.
uint64_t total(const DataplaneFigures& figures, contract::Counter counter);
uint64_t total(const DataplaneFigures& figures, size_t counter);

}  // namespace penstock
