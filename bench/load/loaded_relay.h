// A relay under load, whichever it is: the one built in, or penstock-dataplane itself.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/contract/regions.h"

namespace penstock::bench {

/// Counters of all workers together.
struct CounterValues {
  std::array<uint64_t, contract::kCounterCount> value{};
  uint64_t of(contract::Counter counter) const { return value[static_cast<size_t>(counter)]; }
  CounterValues since(const CounterValues& before) const {
    CounterValues difference;
    for (size_t i = 0; i < value.size(); ++i) difference.value[i] = value[i] - before.value[i];
    return difference;
  }
};

inline CounterValues countersOf(const contract::ReportsRegion& reports) {
  CounterValues values;
  for (const contract::WorkerReports& worker : reports.worker) {
    for (size_t i = 0; i < values.value.size(); ++i) values.value[i] += worker.counters.read(i);
  }
  return values;
}

class LoadedRelay {
 public:
  virtual ~LoadedRelay() = default;
  virtual CounterValues counters() const = 0;
  /// What the rows of the scenario took, in bytes of resident memory.
  virtual uint64_t scenarioMemory() const = 0;
  virtual uint64_t residentMemory() const = 0;
  /// RTP timestamps of a subscription are the publisher's plus this.
  virtual uint32_t timestampOffset(uint32_t subscription) const = 0;
};

}  // namespace penstock::bench
