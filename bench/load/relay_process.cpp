#include "bench/load/relay_process.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/load/backend.h"
#include "bench/load/identity.h"
#include "bench/load/process_use.h"
#include "bench/load/region.h"
#include "bench/load/rows_by_hand.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"
#include "dataplane/relay/handover.h"
#include "dataplane/worker/clock.h"
#include "dataplane/worker/dispatcher.h"
#include "dataplane/worker/worker.h"

namespace penstock::bench {

struct RelayProcess::Shared {
  enum State : uint32_t { kStarting, kReady, kFailed };
  std::atomic<uint32_t> state;
  char reason[256];
  RowMemory rows;
  uint64_t memory;
  contract::ReportsRegion reports;
};

/// A worker and what is its own.
struct RelayProcess::WorkerParts {
  WorkerParts(const RunPlan& plan, uint32_t index, const RelayConfig& config, srtp::Backend& backend,
              std::span<const std::unique_ptr<Port>> ports, MbufPool& pool, HandOverRings& rings, Shared& shared,
              contract::FlowsRegion& flows)
      : io(ports, pool, static_cast<uint16_t>(index)),
        relay(config, backend, io, shared.reports, rings, index, flows),
        worker(
            {.index = index, .core = plan.worker_cores[index], .idle = plan.relay_sleeps ? Idle::kSleep : Idle::kPoll},
            relay, io, link, shared.reports) {}
  PortIo io;
  Relay relay;
  WorkerLink link;
  Worker worker;
};

RelayProcess::RelayProcess(const RunPlan& plan) {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  shared_ = static_cast<Shared*>(memory);  // zeroed: no counter has counted, the state is kStarting
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("the relay's process could not be made");
  if (process_ == 0) run(plan);
  while (shared_->state.load(std::memory_order_acquire) == Shared::kStarting) {
    if (waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = -1;
      throw std::runtime_error("the relay ended before it was ready");
    }
    usleep(2'000);
  }
  if (shared_->state.load() == Shared::kFailed) throw std::runtime_error(std::string("relay: ") + shared_->reason);
}

RelayProcess::~RelayProcess() {
  if (process_ > 0) {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }
  munmap(shared_, sizeof(Shared));
}

CounterValues RelayProcess::counters() const {
  return countersOf(shared_->reports);
}

uint64_t RelayProcess::scenarioMemory() const {
  return shared_->rows.all();
}
uint64_t RelayProcess::residentMemory() const {
  return shared_->memory;
}

void RelayProcess::run(const RunPlan& plan) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // not left behind when the generator dies
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  int result = EXIT_SUCCESS;
  try {
    const DataplaneConfig config = portConfig(plan, true);
    const Eal eal(config);
    MbufPool pool(config.packet_buffers);
    std::vector<std::unique_ptr<Port>> ports;
    ports.push_back(std::make_unique<Port>(
        eal, PortRequest{.device = config.device[0], .workers = static_cast<uint16_t>(plan.workers())}, pool));
    const auto backend = makeBackend(plan.backend);
    const auto flows = makeRegion<contract::FlowsRegion>();
    if (!backend) throw std::runtime_error("no such crypto backend");
    HandOverRings rings(plan.workers());
    std::vector<std::unique_ptr<WorkerParts>> workers;
    RelayConfig relay_config = relayConfig(config.packet_buffers, plan.workers());
    std::ranges::copy(ports[0]->facts().mac, relay_config.mac.bytes);
    for (uint32_t i = 0; i < plan.workers(); ++i) {
      workers.push_back(
          std::make_unique<WorkerParts>(plan, i, relay_config, *backend, ports, pool, rings, *shared_, *flows));
    }
    Dispatcher dispatcher(
        plan.workers(),
        [&](uint32_t worker, Command command) { workers[worker]->relay.apply(command, monotonicNow()); },
        [](uint32_t) {});
    shared_->rows = forEachRow(*backend, plan.scenario, plan.profile,
                               [&](Command command) { dispatcher.dispatch(std::move(command)); });
    shared_->memory = residentMemoryBytes();
    for (const auto& parts : workers) parts->worker.start();
    shared_->state.store(Shared::kReady, std::memory_order_release);
    int signal = 0;
    sigwait(&stop, &signal);
    for (const auto& parts : workers) parts->worker.stop();
  } catch (const std::exception& error) {
    std::snprintf(shared_->reason, sizeof(shared_->reason), "%s", error.what());
    shared_->state.store(Shared::kFailed, std::memory_order_release);
    result = EXIT_FAILURE;
  }
  _exit(result);
}

}  // namespace penstock::bench
