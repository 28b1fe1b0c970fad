// The one unpolled thread: attaches to the tables region, reads doorbells, hands workers what they need, frees what
// they give back, watches links, and says that the dataplane lives.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "config/log.h"
#include "dataplane/contract/regions.h"
#include "dataplane/worker/command_maker.h"
#include "dataplane/worker/dispatcher.h"
#include "dataplane/worker/region_files.h"
#include "dataplane/worker/row_reader.h"
#include "dataplane/worker/speakers.h"
#include "dataplane/worker/worker.h"

namespace penstock {

struct LinkState {
  std::string device;
  bool up;
};

struct HousekeepingSettings {
  std::string tables_path;
  /// Of the ports, in an order that stays; called every second.
  std::function<std::vector<LinkState>()> links;
};

class Housekeeping {
 public:
  /// All that is referred to outlives it; `workers` are the links to worker 0, 1, ...
  Housekeeping(HousekeepingSettings settings, srtp::Backend& backend,
               std::span<const std::unique_ptr<WorkerLink>> workers, OwnRegion& reports, OwnRegion& flows);
  ~Housekeeping();

  void start();
  void stop();
  /// Turns of its loop: for the watchdog.
  uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }

 private:
  void run(const std::stop_token& stop);
  bool turn(uint64_t now_ns);

  void lookForTables();
  void attach(std::unique_ptr<MappedFile> file);
  void forgetOtherEpoch(bool first);
  void sendAttach();
  bool readDoorbells();
  void watchLinks();
  void complain(uint64_t now_ns);

  void dispatch(Command command);
  void send(uint32_t worker, WorkerMessage message);
  /// Until at most so many messages are on their way to a worker and back.
  void waitForWorker(uint32_t worker, size_t under_way_max);
  void takeBack();
  contract::ReportsRegion& reports() { return *static_cast<contract::ReportsRegion*>(reports_file_.data()); }
  contract::FlowsRegion& flows() { return *static_cast<contract::FlowsRegion*>(flows_file_.data()); }
  const contract::TablesRegion& tables() const { return *static_cast<const contract::TablesRegion*>(tables_->data()); }

  HousekeepingSettings settings_;
  std::span<const std::unique_ptr<WorkerLink>> workers_;
  OwnRegion& reports_file_;
  OwnRegion& flows_file_;
  Dispatcher dispatcher_;
  Speakers speakers_;
  CommandMaker maker_;
  RowReader reader_;

  std::shared_ptr<MappedFile> tables_;
  uint64_t tables_epoch_ = 0;
  uint64_t doorbell_tail_ = 0;
  std::string last_refusal_;
  std::vector<size_t> under_way_;  // messages, by worker
  uint64_t next_look_ns_ = 0, next_beat_ns_ = 0, next_links_ns_ = 0, next_retry_ns_ = 0;
  std::vector<LinkState> last_links_;
  LogLimiter complaint_limiter_;
  std::atomic<uint64_t> turns_{0};
  std::atomic<bool> stopping_{false};
  std::jthread thread_;
};

}  // namespace penstock
