#include "bench/load/dataplane_process.h"

#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "bench/load/backend.h"
#include "bench/load/identity.h"

namespace penstock::bench {

namespace {

DaemonSettings settingsOf(const RunPlan& plan, const std::string& folder) {
  DaemonSettings settings{.programs = plan.programs, .folder = folder, .control = false};
  for (const auto& core : plan.worker_cores) {
    if (!settings.worker_cores.empty()) settings.worker_cores += ",";
    settings.worker_cores += std::to_string(core.value_or(0));
  }
  settings.device = portConfig(plan, true).device[0];
  settings.options = {"--dataplane.idle", plan.relay_sleeps ? "sleep" : "poll", "--srtp.backend", plan.backend};
  return settings;
}

Mapping mapped(const std::string& path, uint64_t magic, size_t size_bytes) {
  auto mapping = mapReadOnly(path, magic, size_bytes);
  if (!mapping) throw std::runtime_error(path + ": " + mapping.error());
  return std::move(*mapping);
}

}  // namespace

DataplaneProcess::DataplaneProcess(const RunPlan& plan, const std::string& folder)
    : daemon_(settingsOf(plan, folder)),
      reports_(mapped(folder + "/" + std::string(contract::kReportsFile), contract::kReportsMagic,
                      sizeof(contract::ReportsRegion))),
      flows_(mapped(folder + "/" + std::string(contract::kFlowsFile), contract::kFlowsMagic,
                    sizeof(contract::FlowsRegion))) {
  usleep(500'000);  // until its workers poll
  memory_before_ = daemon_.dataplaneMemory();
  writeRows(plan, folder);
  waitForRows(plan.scenario);
  memory_after_ = daemon_.dataplaneMemory();
}

/// In a file that appears under its name once it is whole: rows of a region are read when it is attached.
void DataplaneProcess::writeRows(const RunPlan& plan, const std::string& folder) {
  const std::string elsewhere = folder + "/made", name(contract::kTablesFile);
  std::filesystem::create_directory(elsewhere);
  tables_ = std::make_unique<TablesFile>(elsewhere, "");
  contract::TablesRegion& tables = tables_->region();
  const Scenario& scenario = plan.scenario;
  for (uint32_t i = 0; i < scenario.participants; ++i) tables.transport[i].publish(transportRow(i, plan.profile));
  for (uint32_t i = 0; i < scenario.tracks.size(); ++i) tables.track[i].publish(trackRow(scenario, i));
  for (uint32_t i = 0; i < scenario.subscriptions.size(); ++i) {
    tables.subscription[i].publish(subscriptionRow(scenario, i));
  }
  std::filesystem::rename(elsewhere + "/" + name, folder + "/" + name);
}

void DataplaneProcess::waitForRows(const Scenario& scenario) {
  const auto last = static_cast<uint32_t>(scenario.subscriptions.size() - 1);
  for (int hundredths = 0; hundredths < 3000; ++hundredths) {
    daemon_.check();
    // Rows are applied in order.
    if (__atomic_load_n(&flows().subscription[last].generation, __ATOMIC_ACQUIRE) != 0) {
      usleep(200'000);  // on the other workers too
      return;
    }
    usleep(10'000);
  }
  throw std::runtime_error("penstock-dataplane did not take the rows: " + daemon_.logOf("penstock-dataplane"));
}

}  // namespace penstock::bench
