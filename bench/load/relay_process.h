// The relay of a load run: a process of its own with a real port and a real worker, whose rows are given directly. Its
// counters are in memory that the parent sees, as control would.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "bench/load/run_plan.h"
#include "dataplane/contract/regions.h"

namespace penstock::bench {

/// Counters of all workers together.
struct CounterValues {
  std::array<uint64_t, contract::kCounterCount> value{};
  uint64_t of(contract::Counter counter) const { return value[static_cast<size_t>(counter)]; }
  CounterValues since(const CounterValues& before) const;
};

class RelayProcess {
 public:
  /// Forks; returns when the relay's port is there. Throws std::runtime_error with its reason if it fails. Must come
  /// before this process starts DPDK or a thread.
  explicit RelayProcess(const RunPlan& plan);
  /// Ends it and waits.
  ~RelayProcess();
  RelayProcess(const RelayProcess&) = delete;
  RelayProcess& operator=(const RelayProcess&) = delete;

  CounterValues counters() const;
  uint32_t workers() const { return workers_; }
  /// What the rows of the scenario took, in bytes of resident memory.
  uint64_t scenarioMemory() const;
  uint64_t residentMemory() const;

 private:
  struct Shared;
  struct WorkerParts;
  [[noreturn]] void run(const RunPlan& plan);

  Shared* shared_;
  pid_t process_ = -1;
  uint32_t workers_ = 1;
};

}  // namespace penstock::bench
