// See load.h.
#include "control/metrics/load.h"

namespace penstock {

using contract::Counter;

uint64_t total(const DataplaneFigures& figures, size_t counter) {
  uint64_t sum = figures.housekeeping[counter];
  for (const CounterValues& worker : figures.workers) sum += worker[counter];
  return sum;
}

uint64_t total(const DataplaneFigures& figures, Counter counter) {
  return total(figures, static_cast<size_t>(counter));
}

namespace {

uint64_t value(const CounterValues& values, Counter counter) {
  return values[static_cast<size_t>(counter)];
}

double perSecond(uint64_t now, uint64_t before, uint64_t interval_ns) {
  return now < before ? 0.0 : static_cast<double>(now - before) * 1e9 / static_cast<double>(interval_ns);
}

}  // namespace

void LoadSampler::sample(uint64_t now_ns, const DataplaneFigures& figures) {
  const Totals now{total(figures, Counter::received), total(figures, Counter::received_bytes),
                   total(figures, Counter::sent), total(figures, Counter::sent_bytes)};
  std::vector<Worker> workers;
  workers.reserve(figures.workers.size());
  for (const CounterValues& worker : figures.workers) {
    workers.push_back({value(worker, Counter::busy_ns), value(worker, Counter::idle_ns)});
  }

  Load load;
  load.worker_busy_ratio.assign(workers.size(), 0.0);
  if (last_ns_ != 0 && now_ns > last_ns_) {
    const uint64_t interval_ns = now_ns - last_ns_;
    load.packets_received_per_s = perSecond(now.received, last_.received, interval_ns);
    load.packets_sent_per_s = perSecond(now.sent, last_.sent, interval_ns);
    load.bits_received_per_s = 8 * perSecond(now.received_bytes, last_.received_bytes, interval_ns);
    load.bits_sent_per_s = 8 * perSecond(now.sent_bytes, last_.sent_bytes, interval_ns);
    for (size_t i = 0; i < workers.size() && i < last_workers_.size(); ++i) {
      if (workers[i].busy_ns < last_workers_[i].busy_ns || workers[i].idle_ns < last_workers_[i].idle_ns) continue;
      const uint64_t busy_ns = workers[i].busy_ns - last_workers_[i].busy_ns;
      const uint64_t idle_ns = workers[i].idle_ns - last_workers_[i].idle_ns;
      if (busy_ns + idle_ns == 0) continue;
      load.worker_busy_ratio[i] = static_cast<double>(busy_ns) / static_cast<double>(busy_ns + idle_ns);
    }
  }
  load_ = std::move(load);
  last_ns_ = now_ns;
  last_ = now;
  last_workers_ = std::move(workers);
}

}  // namespace penstock
