// penstock-dataplane itself under load: this process is control, as far as its tables region goes. So housekeeping, the
// checks of rows and the placing of transports on workers are those of the daemon.
#pragma once

#include <memory>
#include <string>

#include "bench/load/daemons.h"
#include "bench/load/loaded_relay.h"
#include "bench/load/run_plan.h"
#include "control/seam/region_file.h"

namespace penstock::bench {

class DataplaneProcess final : public LoadedRelay {
 public:
  /// Starts it in `folder`, and returns when it has taken all rows of the scenario. Throws std::runtime_error.
  DataplaneProcess(const RunPlan& plan, const std::string& folder);

  CounterValues counters() const override { return countersOf(reports()); }
  uint64_t scenarioMemory() const override { return memory_after_ - memory_before_; }
  uint64_t residentMemory() const override { return memory_after_; }
  uint32_t timestampOffset(uint32_t subscription) const override {
    return flows().subscription[subscription].timestamp_offset;
  }

 private:
  void writeRows(const RunPlan& plan, const std::string& folder);
  void waitForRows(const Scenario& scenario);
  const contract::ReportsRegion& reports() const {
    return *static_cast<const contract::ReportsRegion*>(reports_.data());
  }
  const contract::FlowsRegion& flows() const { return *static_cast<const contract::FlowsRegion*>(flows_.data()); }

  Daemons daemon_;
  std::unique_ptr<TablesFile> tables_;
  Mapping reports_, flows_;
  uint64_t memory_before_ = 0, memory_after_ = 0;
};

}  // namespace penstock::bench
