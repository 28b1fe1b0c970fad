// The relay of a load run: a process of its own with a real port and a real worker, whose rows are given directly. Its
// counters are in memory that the parent sees, as control would.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "bench/load/loaded_relay.h"
#include "bench/load/run_plan.h"
#include "dataplane/contract/regions.h"

namespace penstock::bench {

class RelayProcess final : public LoadedRelay {
 public:
  /// Forks; returns when the relay's port is there. Throws std::runtime_error with its reason if it fails. Must come
  /// before this process starts DPDK or a thread.
  explicit RelayProcess(const RunPlan& plan);
  /// Ends it and waits.
  ~RelayProcess() override;
  RelayProcess(const RelayProcess&) = delete;
  RelayProcess& operator=(const RelayProcess&) = delete;

  CounterValues counters() const override;
  uint64_t scenarioMemory() const override;
  uint64_t residentMemory() const override;
  uint32_t timestampOffset(uint32_t) const override { return 0; }

 private:
  struct Shared;
  struct WorkerParts;
  [[noreturn]] void run(const RunPlan& plan);

  Shared* shared_;
  pid_t process_ = -1;
};

}  // namespace penstock::bench
