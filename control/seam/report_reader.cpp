#include "control/seam/report_reader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include <spdlog/spdlog.h>

#include "control/seam/monotonic.h"

namespace penstock {
namespace {

using contract::Datagram;
using contract::Event;
using contract::ReportsRegion;
using contract::RowReference;

constexpr auto kPollHurried = std::chrono::milliseconds(2);
constexpr auto kPoll = std::chrono::milliseconds(10);
constexpr uint64_t kRefreshNs = 100'000'000;
/// Of one worker in one turn, so that requests are served in between.
constexpr uint64_t kPuntsPerTurn = 128;
constexpr uint64_t kEventsPerTurn = 1024;

/// Another process may be writing: each word is whole, the set may be of two moments.
template <class Entry>
Entry copyOf(const Entry& from) {
  static_assert(sizeof(Entry) % sizeof(uint64_t) == 0 && std::is_trivially_copyable_v<Entry>);
  uint64_t words[sizeof(Entry) / sizeof(uint64_t)];
  const auto* source = reinterpret_cast<const uint64_t*>(&from);
  for (size_t i = 0; i < std::size(words); ++i) words[i] = __atomic_load_n(source + i, __ATOMIC_RELAXED);
  Entry entry;
  std::memcpy(&entry, words, sizeof(Entry));
  return entry;
}

template <class Stats, size_t N>
std::optional<Stats> statsOf(const Stats (&table)[N], RowReference row) {
  if (row.index >= N) return std::nullopt;
  const Stats stats = copyOf(table[row.index]);
  if (stats.generation != row.generation) return std::nullopt;
  return stats;
}

CounterValues valuesOf(const contract::CounterBlock& block) {
  CounterValues values{};
  for (size_t i = 0; i < contract::kCounterCount; ++i) values[i] = block.read(i);
  return values;
}

bool isKnown(const Event& event) {
  switch (event.kind) {
    case contract::EventKind::kTransportNominated:
    case contract::EventKind::kTransportConsentLost:
    case contract::EventKind::kTransportAddressTaken:
      return event.subject.index < contract::kTransportMax;
    case contract::EventKind::kSubscriptionHeld:
      return event.subject.index < contract::kSubscriptionMax;
    case contract::EventKind::kTrackStarted:
      return event.subject.index < contract::kTrackMax;
  }
  return false;
}

}  // namespace

ReportReader::ReportReader(boost::asio::any_io_executor executor, TablesFile& tables, ReportsFile& reports,
                           Callbacks callbacks)
    : tables_(tables.region()),
      reports_(reports),
      callbacks_(std::move(callbacks)),
      timer_(executor),
      tables_are_new_(tables.isNew()) {}

void ReportReader::start() {
  running_ = true;
  onTimer();
}

void ReportReader::stop() {
  running_ = false;
  timer_.cancel();
}

void ReportReader::onTimer() {
  const bool more = poll();
  if (!running_) return;
  timer_.expires_after(more ? std::chrono::milliseconds(0) : hurried_ ? kPollHurried : kPoll);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && running_) onTimer();
  });
}

void ReportReader::refresh(uint64_t now_ns) {
  if (now_ns < next_refresh_ns_) return;
  next_refresh_ns_ = now_ns + kRefreshNs;
  switch (reports_.refresh()) {
    case ReportsFile::Change::kNone:
      break;
    case ReportsFile::Change::kDetached:
      spdlog::warn("reports of the dataplane lost: {}", reports_.refusal());
      break;
    case ReportsFile::Change::kAttached:
      spdlog::info("reports of the dataplane attached, epoch {:016x}", reports_.region()->header.epoch);
      if (tables_are_new_) skipEarlierReports(*reports_.region());
      if (callbacks_.on_attached) callbacks_.on_attached();
      missed_ = true;
      break;
  }
  tables_are_new_ = false;
  if (reports_.region() != nullptr) countLostEvents(*reports_.region());
}

void ReportReader::countLostEvents(const ReportsRegion& reports) {
  uint64_t lost = 0;
  for (uint32_t i = 0; i < workerCount(reports); ++i)
    lost += reports.worker[i].counters.read(contract::Counter::events_lost);
  missed_ = missed_ || lost != events_lost_;
  events_lost_ = lost;
}

/// Reports that are there before our new tables name rows of other tables: a generation would match by chance.
void ReportReader::skipEarlierReports(const ReportsRegion& reports) {
  const auto skip = [](const contract::Cursor& head, contract::Cursor& tail) {
    tail.count.store(head.count.load(std::memory_order_acquire), std::memory_order_release);
  };
  for (uint32_t i = 0; i < workerCount(reports); ++i) {
    skip(reports.worker[i].event_head, tables_.event_tail[i]);
    skip(reports.worker[i].punt_head, tables_.punt_tail[i]);
  }
}

uint32_t ReportReader::workerCount(const ReportsRegion& reports) const {
  return std::min(__atomic_load_n(&reports.status.worker_count, __ATOMIC_RELAXED), contract::kWorkerMax);
}

bool ReportReader::poll() {
  refresh(monotonicNs());
  const ReportsRegion* reports = reports_.region();
  if (reports == nullptr) return false;
  bool more = false;
  for (uint32_t i = 0; i < workerCount(*reports); ++i) {
    // Events first: a transport's address is learned before its handshake begins.
    more |= takeEvents(reports->worker[i], tables_.event_tail[i]);
    more |= takePunts(reports->worker[i], tables_.punt_tail[i]);
  }
  if (!more && std::exchange(missed_, false) && callbacks_.on_missed) callbacks_.on_missed();
  return more;
}

/// How many entries may be taken. A distance that cannot be, as after a restart of the dataplane, skips to the head.
uint64_t ReportReader::available(const contract::Cursor& head, contract::Cursor& tail, uint64_t ring_size) {
  const uint64_t produced = head.count.load(std::memory_order_acquire);
  const uint64_t taken = tail.count.load(std::memory_order_relaxed);
  if (produced - taken <= ring_size) return produced - taken;
  ++figures_.cursors_absurd;
  tail.count.store(produced, std::memory_order_release);
  return 0;
}

bool ReportReader::takeEvents(const contract::WorkerReports& worker, contract::Cursor& tail) {
  const uint64_t waiting = available(worker.event_head, tail, contract::kEventMax);
  const uint64_t now = std::min(waiting, kEventsPerTurn);
  const uint64_t first = tail.count.load(std::memory_order_relaxed);
  for (uint64_t i = 0; i < now; ++i) {
    const Event event = copyOf(worker.event[(first + i) % contract::kEventMax]);
    tail.count.store(first + i + 1, std::memory_order_release);
    if (!isKnown(event)) {
      ++figures_.events_invalid;
      continue;
    }
    ++figures_.events;
    if (callbacks_.on_event) callbacks_.on_event(event);
  }
  return waiting > now;
}

bool ReportReader::takePunts(const contract::WorkerReports& worker, contract::Cursor& tail) {
  const uint64_t waiting = available(worker.punt_head, tail, contract::kPuntMax);
  const uint64_t now = std::min(waiting, kPuntsPerTurn);
  const uint64_t first = tail.count.load(std::memory_order_relaxed);
  for (uint64_t i = 0; i < now; ++i) {
    const Datagram datagram = copyOf(worker.punt[(first + i) % contract::kPuntMax]);
    tail.count.store(first + i + 1, std::memory_order_release);
    if (datagram.length_bytes == 0 || datagram.length_bytes > contract::kDatagramMax ||
        datagram.transport.index >= contract::kTransportMax) {
      ++figures_.punts_invalid;
      continue;
    }
    ++figures_.punts;
    if (callbacks_.on_punt) callbacks_.on_punt(datagram);
  }
  return waiting > now;
}

bool ReportReader::inject(RowReference transport, std::span<const uint8_t> bytes) {
  const ReportsRegion* reports = reports_.region();
  const uint64_t head = tables_.inject_head.count.load(std::memory_order_relaxed);
  const bool full =
      reports == nullptr || head - reports->inject_tail.count.load(std::memory_order_acquire) == contract::kInjectMax;
  if (full || bytes.empty() || bytes.size() > contract::kDatagramMax) {
    ++figures_.injects_dropped;
    return false;
  }
  Datagram& to = tables_.inject[head % contract::kInjectMax];
  to.transport = transport;
  to.remote = {};
  to.length_bytes = static_cast<uint32_t>(bytes.size());
  to.reserved = 0;
  std::memcpy(to.bytes, bytes.data(), bytes.size());
  tables_.inject_head.count.store(head + 1, std::memory_order_release);
  ++figures_.injects;
  return true;
}

std::optional<contract::TransportStats> ReportReader::transport(RowReference row) const {
  if (reports_.region() == nullptr) return std::nullopt;
  return statsOf(reports_.region()->transport, row);
}

std::optional<contract::TrackStats> ReportReader::track(RowReference row) const {
  if (reports_.region() == nullptr) return std::nullopt;
  return statsOf(reports_.region()->track, row);
}

std::optional<contract::SubscriptionStats> ReportReader::subscription(RowReference row) const {
  if (reports_.region() == nullptr) return std::nullopt;
  return statsOf(reports_.region()->subscription, row);
}

std::optional<contract::SpeakerStats> ReportReader::speaker(RowReference transport) const {
  if (reports_.region() == nullptr) return std::nullopt;
  return statsOf(reports_.region()->speaker, transport);
}

bool ReportReader::isAttached() const {
  const ReportsRegion* reports = reports_.region();
  return reports != nullptr && __atomic_load_n(&reports->status.tables_epoch, __ATOMIC_ACQUIRE) == tables_.header.epoch;
}

DataplaneFigures ReportReader::figures(uint64_t now_ns) const {
  DataplaneFigures figures;
  const ReportsRegion* reports = reports_.region();
  if (reports == nullptr) return figures;
  const contract::DataplaneStatus status = copyOf(reports->status);
  figures.attached = status.tables_epoch == tables_.header.epoch;
  const uint64_t heartbeat_ns = reports->header.heartbeat_ns.load(std::memory_order_relaxed);
  figures.heartbeat_age_ns = now_ns > heartbeat_ns ? now_ns - heartbeat_ns : 0;
  figures.started_ns = status.started_ns;
  figures.port_count = status.port_count;
  figures.hugepages = status.hugepages != 0;
  figures.housekeeping = valuesOf(reports->housekeeping);
  for (uint32_t i = 0; i < std::min(status.worker_count, contract::kWorkerMax); ++i)
    figures.workers.push_back(valuesOf(reports->worker[i].counters));
  return figures;
}

}  // namespace penstock
