#include "dataplane/worker/worker.h"

#include <fmt/format.h>
#include <pthread.h>
#include <rte_pause.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>

#include <array>
#include <cstring>
#include <ctime>
#include <utility>

#include "dataplane/port/eal.h"
#include "dataplane/worker/clock.h"
#include "dataplane/worker/cores.h"

namespace penstock {
namespace {

using contract::Counter;

// Between two bursts: small enough that a storm of row changes delays no packet by more than some tens of microseconds.
constexpr size_t kMessagesPerTurn = 16;
constexpr size_t kInjectsPerTurn = 16;

/// net_tap announces packets by real-time signals to the process. Only workers take them (main blocks all signals
/// before any thread starts): so a signal ends the sleep of the worker that polls the port.
void takeWakeUpSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

Worker::Worker(const WorkerSettings& settings, Relay& relay, PortIo& ports, WorkerLink& link,
               contract::ReportsRegion& reports)
    : settings_(settings),
      relay_(relay),
      ports_(ports),
      link_(link),
      reports_(reports),
      counters_(reports.worker[settings.index].counters) {}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Worker::run(const std::stop_token& stop) {
  const std::string name = fmt::format("worker-{}", settings_.index);
  pthread_setname_np(pthread_self(), name.c_str());
  if (settings_.core && !pinTo(*settings_.core)) {
    spdlog::warn("worker {} could not be pinned to core {}", settings_.index, *settings_.core);
  }
  takeWakeUpSignals();
  prctl(PR_SET_TIMERSLACK, 1UL);  // the kernel adds 50 us to short sleeps otherwise
  const EalThread identity;
  relay_.prepareThread();

  uint64_t turns = 0;
  uint64_t turn_began_ns = monotonicNow();
  uint64_t idle_since_ns = turn_began_ns;
  while (!stop.stop_requested()) {
    bool worked = pollPorts(turn_began_ns);
    worked |= relay_.takeHandOvers(turn_began_ns);
    worked |= takeMessages(turn_began_ns);
    worked |= takeInjects(turn_began_ns);
    relay_.timers(turn_began_ns);
    link_.turns.store(++turns, std::memory_order_relaxed);
    if (!worked) rest(turn_began_ns - idle_since_ns);

    const uint64_t now_ns = monotonicNow();
    counters_.add(worked ? Counter::busy_ns : Counter::idle_ns, now_ns - turn_began_ns);
    if (worked) idle_since_ns = now_ns;
    turn_began_ns = now_ns;
  }
}

bool Worker::pollPorts(uint64_t now_ns) {
  std::array<Packet, kBurstMax> burst;
  bool worked = false;
  for (size_t port = 0; port < ports_.portCount(); ++port) {
    const size_t count = ports_.receive(port, burst);
    if (count == 0) continue;
    relay_.receive(std::span(burst).first(count), now_ns);
    worked = true;
  }
  return worked;
}

bool Worker::takeMessages(uint64_t now_ns) {
  size_t taken = 0;
  for (WorkerMessage* message; taken < kMessagesPerTurn && link_.to_worker.pop(message); ++taken) {
    apply(*message, now_ns);
    // Never full: housekeeping has no more messages under way than the ring holds.
    link_.from_worker.push(std::move(message));
  }
  return taken > 0;
}

void Worker::apply(WorkerMessage& message, uint64_t now_ns) {
  if (Command* command = std::get_if<Command>(&message)) return relay_.apply(*command, now_ns);
  if (std::holds_alternative<LinkCameUp>(message)) return relay_.linkCameUp(now_ns);
  AttachTables& attach = std::get<AttachTables>(message);
  std::swap(attached_, attach);
  const contract::TablesRegion* tables = attached_.tables();
  if (tables == nullptr) return relay_.attach({});
  relay_.attach({.punt = &tables->punt_tail[settings_.index], .event = &tables->event_tail[settings_.index]});
  if (settings_.index == 0) reports_.inject_tail.count.store(attached_.inject_tail, std::memory_order_release);
}

bool Worker::takeInjects(uint64_t now_ns) {
  const contract::TablesRegion* tables = attached_.tables();
  if (tables == nullptr || settings_.index != 0) return false;
  const uint64_t head = tables->inject_head.count.load(std::memory_order_acquire);
  uint64_t& tail = attached_.inject_tail;
  if (head == tail) return false;
  if (head - tail > contract::kInjectMax) {
    counters_.add(Counter::doorbell_cursor_absurd);
    tail = head;
  }
  for (size_t taken = 0; tail != head && taken < kInjectsPerTurn; ++taken, ++tail) {
    // Copied once: control may be writing over it, or be out of its mind.
    std::memcpy(inject_.get(), &tables->inject[tail % contract::kInjectMax], sizeof(contract::Datagram));
    if (inject_->transport.index >= contract::kTransportMax || inject_->length_bytes > contract::kDatagramMax) {
      counters_.add(Counter::injects_refused);
      continue;
    }
    relay_.inject(*inject_, now_ns);
  }
  reports_.inject_tail.count.store(tail, std::memory_order_release);
  return true;
}

void Worker::rest(uint64_t idle_ns) const {
  const uint64_t sleep_ns = settings_.idle == Idle::kPoll ? 0 : settings_.backoff.sleepNs(idle_ns);
  if (sleep_ns == 0) return rte_pause();
  if (settings_.idle == Idle::kMonitor) return ports_.waitForPacket(sleep_ns);
  const timespec duration{.tv_sec = 0, .tv_nsec = static_cast<long>(sleep_ns)};
  nanosleep(&duration, nullptr);  // cut short by a signal: so much the better
}

}  // namespace penstock
