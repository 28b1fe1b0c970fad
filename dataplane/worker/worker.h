// One polled core: takes bursts from its queues, gives them to the relay, and between bursts does what housekeeping and
// control ask for. Never waits for anybody; sleeps only when there is nothing to do.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "config/config.h"
#include "dataplane/contract/regions.h"
#include "dataplane/port/port_io.h"
#include "dataplane/relay/relay.h"
#include "dataplane/relay/spsc_ring.h"
#include "dataplane/worker/idle_backoff.h"
#include "dataplane/worker/region_files.h"

namespace penstock {

/// The tables region to read injects and control's cursors from. Applied, it goes back holding the one before.
struct AttachTables {
  std::shared_ptr<MappedFile> file;
  uint64_t inject_tail = 0;

  const contract::TablesRegion* tables() const {
    return file ? static_cast<const contract::TablesRegion*>(file->data()) : nullptr;
  }
};

/// A port's link came up after start.
struct LinkCameUp {};

using WorkerMessage = std::variant<Command, AttachTables, LinkCameUp>;

/// How housekeeping and one worker talk. Messages are made, and freed, by housekeeping.
struct WorkerLink {
  static constexpr size_t kMessagesMax = 4096;
  SpscRing<WorkerMessage*> to_worker{kMessagesMax};
  SpscRing<WorkerMessage*> from_worker{kMessagesMax};
  std::atomic<uint64_t> turns{0};  // of the worker's loop: for the watchdog

  WorkerLink() = default;
  /// Both threads are gone.
  ~WorkerLink() {
    for (WorkerMessage* message; to_worker.pop(message) || from_worker.pop(message);) delete message;
  }
};

struct WorkerSettings {
  uint32_t index = 0;
  std::optional<int> core;  // to be pinned to
  Idle idle = Idle::kSleep;
  IdleBackoff backoff;
};

class Worker {
 public:
  /// All that is referred to outlives the worker. `reports.inject_tail` is written by worker 0.
  Worker(const WorkerSettings& settings, Relay& relay, PortIo& ports, WorkerLink& link,
         contract::ReportsRegion& reports);
  ~Worker();

  void start();
  /// Returns once the thread has ended.
  void stop();

 private:
  void run(const std::stop_token& stop);
  /// Each returns whether there was anything to do.
  bool pollPorts(uint64_t now_ns);
  bool takeMessages(uint64_t now_ns);
  bool takeInjects(uint64_t now_ns);
  void apply(WorkerMessage& message, uint64_t now_ns);
  void rest(uint64_t idle_ns) const;

  WorkerSettings settings_;
  Relay& relay_;
  PortIo& ports_;
  WorkerLink& link_;
  contract::ReportsRegion& reports_;
  contract::CounterBlock& counters_;
  AttachTables attached_;
  std::unique_ptr<contract::Datagram> inject_ = std::make_unique<contract::Datagram>();
  std::jthread thread_;
};

}  // namespace penstock
