#include "bench/load/relay_process.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>

#include "bench/load/backend.h"
#include "bench/load/identity.h"
#include "bench/load/resident_memory.h"
#include "bench/load/rows_by_hand.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"
#include "dataplane/relay/handover.h"
#include "dataplane/worker/clock.h"
#include "dataplane/worker/worker.h"

namespace penstock::bench {

struct RelayProcess::Shared {
  enum State : uint32_t { kStarting, kReady, kFailed };
  std::atomic<uint32_t> state;
  char reason[256];
  uint64_t memory_before, memory_after;
  contract::ReportsRegion reports;
};

CounterValues CounterValues::since(const CounterValues& before) const {
  CounterValues difference;
  for (size_t i = 0; i < value.size(); ++i) difference.value[i] = value[i] - before.value[i];
  return difference;
}

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
  CounterValues values;
  for (const contract::WorkerReports& worker : shared_->reports.worker) {
    for (size_t i = 0; i < values.value.size(); ++i) values.value[i] += worker.counters.read(i);
  }
  return values;
}

uint32_t RelayProcess::workers() const {
  return 1;
}
uint64_t RelayProcess::scenarioMemory() const {
  return shared_->memory_after - shared_->memory_before;
}
uint64_t RelayProcess::residentMemory() const {
  return shared_->memory_after;
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
    ports.push_back(std::make_unique<Port>(eal, PortRequest{.device = config.device[0]}, pool));
    PortIo io(ports, pool, 0);
    const auto backend = makeBackend(plan.backend);
    const std::unique_ptr<contract::FlowsRegion, decltype(&std::free)> flows(
        static_cast<contract::FlowsRegion*>(std::calloc(1, sizeof(contract::FlowsRegion))), &std::free);
    if (!backend || !flows) throw std::runtime_error("no such crypto backend, or no memory");
    HandOverRings rings(1);
    Relay relay(relayConfig(config.packet_buffers), *backend, io, shared_->reports, rings, 0, *flows);
    shared_->memory_before = residentMemoryBytes();
    applyScenario(relay, *backend, plan.scenario, plan.profile, monotonicNow());
    shared_->memory_after = residentMemoryBytes();
    WorkerLink link;
    {
      Worker worker({.core = plan.relay_core, .idle = plan.relay_sleeps ? Idle::kSleep : Idle::kPoll}, relay, io, link,
                    shared_->reports);
      worker.start();
      shared_->state.store(Shared::kReady, std::memory_order_release);
      int signal = 0;
      sigwait(&stop, &signal);
    }
  } catch (const std::exception& error) {
    std::snprintf(shared_->reason, sizeof(shared_->reason), "%s", error.what());
    shared_->state.store(Shared::kFailed, std::memory_order_release);
    result = EXIT_FAILURE;
  }
  _exit(result);
}

}  // namespace penstock::bench
