#include "dataplane/worker/housekeeping.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "dataplane/worker/clock.h"
#include "dataplane/worker/idle_backoff.h"

namespace penstock {
namespace {

using contract::Counter;

constexpr uint64_t kMillisecondNs = 1'000'000;
constexpr uint64_t kBeatNs = 100 * kMillisecondNs;
constexpr uint64_t kLookNs = 100 * kMillisecondNs;
constexpr uint64_t kLinksNs = 1000 * kMillisecondNs;
constexpr uint64_t kRetryNs = 10 * kMillisecondNs;
// A change that control makes into a silence waits so long at most.
constexpr IdleBackoff kBackoff{.spin_ns = 0, .sleep_max_ns = 4 * kMillisecondNs};
constexpr size_t kDoorbellsPerTurn = 1024;

}  // namespace

Housekeeping::Housekeeping(HousekeepingSettings settings, srtp::Backend& backend,
                           std::span<const std::unique_ptr<WorkerLink>> workers, OwnRegion& reports_file,
                           OwnRegion& flows_file)
    : settings_(std::move(settings)),
      workers_(workers),
      reports_file_(reports_file),
      flows_file_(flows_file),
      dispatcher_(
          static_cast<uint32_t>(workers.size()),
          [this](uint32_t worker, Command command) { send(worker, std::move(command)); },
          [this](uint32_t worker) { waitForWorker(worker, 0); }),
      speakers_(reports(), [this](RanksCommand ranks) { dispatcher_.dispatch(std::move(ranks)); }),
      maker_(backend, flows(), [this](Command command) { dispatch(std::move(command)); }),
      reader_(maker_, reports().housekeeping),
      under_way_(workers.size()) {}

Housekeeping::~Housekeeping() {
  stop();
}

void Housekeeping::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Housekeeping::stop() {
  if (thread_.joinable()) {
    stopping_ = true;
    thread_.request_stop();
    thread_.join();
  }
  takeBack();
}

void Housekeeping::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "housekeeping");
  uint64_t idle_since_ns = monotonicNow();
  while (!stop.stop_requested()) {
    const bool worked = turn(monotonicNow());
    turns_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t now_ns = monotonicNow();
    if (worked) idle_since_ns = now_ns;
    if (!worked) std::this_thread::sleep_for(std::chrono::nanoseconds(kBackoff.sleepNs(now_ns - idle_since_ns)));
  }
}

bool Housekeeping::turn(uint64_t now_ns) {
  if (now_ns >= next_beat_ns_) {
    next_beat_ns_ = now_ns + kBeatNs;
    reports_file_.beat(now_ns);
    flows_file_.beat(now_ns);
  }
  if (now_ns >= next_look_ns_) {
    next_look_ns_ = now_ns + kLookNs;
    lookForTables();
  }
  if (now_ns >= next_links_ns_) {
    next_links_ns_ = now_ns + kLinksNs;
    watchLinks();
  }
  const bool worked = readDoorbells();
  if (reader_.retryPending() && now_ns >= next_retry_ns_) {
    next_retry_ns_ = now_ns + kRetryNs;
    reader_.retry();
  }
  speakers_.poll(now_ns);
  takeBack();
  complain(now_ns);
  return worked;
}

/// Either daemon may start first, and control may make its region afresh: what counts is what the name means now.
void Housekeeping::lookForTables() {
  if (tables_ && tables_->isAt(settings_.tables_path) && tables().header.epoch == tables_epoch_) return;
  auto mapped = mapForeignRegion(settings_.tables_path, contract::kTablesMagic, sizeof(contract::TablesRegion));
  if (mapped) {
    last_refusal_.clear();
    return attach(std::move(*mapped));
  }
  // What was attached before stays: media goes on by the rows that are believed.
  if (mapped.error() == last_refusal_) return;
  last_refusal_ = mapped.error();
  spdlog::info("{}: not attached: {}{}", settings_.tables_path, last_refusal_,
               tables_ ? "; forwarding goes on as programmed before" : "");
}

void Housekeeping::attach(std::unique_ptr<MappedFile> file) {
  std::shared_ptr<MappedFile> before = std::exchange(tables_, std::move(file));
  forgetOtherEpoch(before == nullptr);
  doorbell_tail_ = tables().doorbell_head.count.load(std::memory_order_acquire);
  sendAttach();
  reader_.attach(tables());
  reports().doorbell_tail.count.store(doorbell_tail_, std::memory_order_release);
  __atomic_store_n(&reports().status.tables_epoch, tables_epoch_, __ATOMIC_RELEASE);
  spdlog::info("{}: attached", settings_.tables_path);
}

/// Generations are those of one epoch. What is remembered under another one's is void.
void Housekeeping::forgetOtherEpoch(bool first) {
  tables_epoch_ = tables().header.epoch;
  if (flows().tables_epoch == tables_epoch_) return;
  if (first) {
    std::memset(&flows().tables_epoch, 0, sizeof(contract::FlowsRegion) - sizeof(contract::RegionHeader));
  } else {
    // Closing a row clears its flow, on the worker: wait for that before a flow is read for the new rows.
    reader_.closeAllBut(tables());
    for (uint32_t worker = 0; worker < workers_.size(); ++worker) waitForWorker(worker, 0);
  }
  flows().tables_epoch = tables_epoch_;
}

void Housekeeping::sendAttach() {
  // A restart goes on where the process before it stopped; another region is read from its oldest entry.
  const bool goes_on = __atomic_load_n(&reports().status.tables_epoch, __ATOMIC_ACQUIRE) == tables_epoch_;
  const uint64_t head = tables().inject_head.count.load(std::memory_order_acquire);
  uint64_t tail = goes_on ? reports().inject_tail.count.load(std::memory_order_relaxed) : 0;
  if (head - tail > contract::kInjectMax) tail = head;
  for (uint32_t worker = 0; worker < workers_.size(); ++worker) {
    send(worker, AttachTables{.file = tables_, .inject_tail = tail});
  }
}

bool Housekeeping::readDoorbells() {
  if (!tables_) return false;
  const uint64_t head = tables().doorbell_head.count.load(std::memory_order_acquire);
  if (head == doorbell_tail_) return false;
  if (head - doorbell_tail_ > contract::kDoorbellMax) {
    reports().housekeeping.add(Counter::doorbell_cursor_absurd);
    doorbell_tail_ = head;
    reader_.attach(tables());
  }
  for (size_t taken = 0; doorbell_tail_ != head && taken < kDoorbellsPerTurn; ++taken) {
    contract::Doorbell doorbell;
    std::memcpy(&doorbell, &tables().doorbell[doorbell_tail_ % contract::kDoorbellMax], sizeof(doorbell));
    reader_.look(doorbell);
    ++doorbell_tail_;
  }
  reports().doorbell_tail.count.store(doorbell_tail_, std::memory_order_release);
  return true;
}

void Housekeeping::watchLinks() {
  if (!settings_.links) return;
  std::vector<LinkState> links = settings_.links();
  bool came_up = false;
  for (size_t i = 0; i < links.size(); ++i) {
    const bool known = i < last_links_.size();
    if (known && links[i].up == last_links_[i].up) continue;
    spdlog::info("port {}: link is {}", links[i].device, links[i].up ? "up" : "down");
    came_up |= known && links[i].up;  // at start the relay announces itself anyway
  }
  if (came_up) send(0, LinkCameUp{});
  last_links_ = std::move(links);
}

void Housekeeping::complain(uint64_t now_ns) {
  const std::string complaint = reader_.takeComplaint();
  uint64_t suppressed = 0;
  if (complaint.empty() || !complaint_limiter_.allow(now_ns, suppressed)) return;
  spdlog::warn("{}{}", complaint, suppressed > 0 ? fmt::format(" ({} more lines left out)", suppressed) : "");
}

void Housekeeping::dispatch(Command command) {
  speakers_.note(command);
  dispatcher_.dispatch(std::move(command));
}

void Housekeeping::send(uint32_t worker, WorkerMessage message) {
  auto* sent = new WorkerMessage(std::move(message));
  // No more under way than the way back holds. A worker that takes nothing is dead, and the watchdog's business.
  waitForWorker(worker, WorkerLink::kMessagesMax - 1);
  turns_.fetch_add(1, std::memory_order_relaxed);  // reading ten thousands of rows at once takes longer than a watchdog
  if (!stopping_ && workers_[worker]->to_worker.push(std::move(sent))) {
    ++under_way_[worker];
  } else {
    delete sent;
  }
}

void Housekeeping::waitForWorker(uint32_t worker, size_t under_way_max) {
  while (takeBack(), under_way_[worker] > under_way_max && !stopping_) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

void Housekeeping::takeBack() {
  for (size_t worker = 0; worker < workers_.size(); ++worker) {
    for (WorkerMessage* message; workers_[worker]->from_worker.pop(message); --under_way_[worker]) delete message;
  }
}

}  // namespace penstock
