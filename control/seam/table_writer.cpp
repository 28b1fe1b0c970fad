#include "control/seam/table_writer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>

#include <spdlog/spdlog.h>

#include "control/seam/desired_rows.h"
#include "control/seam/monotonic.h"
#include "control/seam/table_scan.h"

namespace penstock {
namespace {

using contract::Doorbell;
using contract::kDoorbellMax;
using contract::RowKind;
using contract::RowReference;
using contract::RowState;
using contract::Slot;

constexpr auto kRingRetry = std::chrono::milliseconds(2);
constexpr auto kHeartbeat = std::chrono::milliseconds(100);
/// Clients check each 2.5 s (aiortc 5 s, some 15 s): so long theirs are answered with what ended them.
constexpr uint64_t kEndedKeptNs = 20'000'000'000;
/// Of transports that ended; beyond it the oldest goes, so that those who come and go cost nobody a row.
constexpr size_t kEndedMax = contract::kTransportMax / 8;

uint64_t rowKey(Doorbell doorbell) {
  return uint64_t{static_cast<uint8_t>(doorbell.kind)} << 32 | doorbell.index;
}

std::string subscriptionId(const std::string& transport, const std::string& track) {
  return transport + '/' + track;
}

/// Of a row that has no track.
std::string parkedId(const std::string& transport, uint32_t ssrc) {
  return transport + "/ssrc " + std::to_string(ssrc);
}

// What tells a row apart when the ids that penstockd knew are gone with it.

std::string text(const uint8_t* bytes, size_t length_bytes, size_t length_max) {
  return {reinterpret_cast<const char*>(bytes), std::min(length_bytes, length_max)};
}

std::string ufragIdentity(const contract::TransportRow& row) {
  return "ufrag " + text(row.ice_ufrag, row.ufrag_length_bytes, sizeof(row.ice_ufrag));
}

/// An ICE restart that did not reach the store leaves another ufrag, but the same keys.
std::string keyIdentity(const contract::TransportRow& row) {
  if (row.srtp_profile == contract::SrtpProfile::kNone) return "";
  return "key " + text(row.send_key.key, sizeof(row.send_key.key), sizeof(row.send_key.key));
}

std::string under(RowReference transport) {
  return std::to_string(transport.index) + '.' + std::to_string(transport.generation) + ' ';
}

std::string trackIdentity(const contract::TrackRow& row) {
  return "track " + under(row.transport) + text(row.mid, row.mid_length_bytes, sizeof(row.mid));
}

std::string subscriptionIdentity(const contract::SubscriptionRow& row) {
  return "subscription " + under(row.transport) + std::to_string(row.ssrc);
}

/// The row as it lies there, whole or not: it is ours to read.
template <class Row>
Row raw(const Slot<Row>& slot) {
  Row row;
  std::memcpy(&row, &slot.row, sizeof(Row));
  return row;
}

}  // namespace

TableWriter::TableWriter(boost::asio::any_io_executor executor, TablesFile& tables, const ReportsFile& reports)
    : region_(tables.region()), file_(tables), reports_(reports), ring_timer_(executor), beat_timer_(executor) {
  orphan_transports_ = findOrphans(region_.transport, transports_, [this](uint32_t index, const auto& row) {
    orphans_.try_emplace(ufragIdentity(row), index);
    if (const auto key = keyIdentity(row); !key.empty()) orphans_.try_emplace(key, index);
  });
  orphan_tracks_ = findOrphans(region_.track, tracks_, [this](uint32_t index, const auto& row) {
    orphans_.try_emplace(trackIdentity(row), index);
  });
  orphan_subscriptions_ = findOrphans(region_.subscription, subscriptions_, [this](uint32_t index, const auto& row) {
    orphans_.try_emplace(subscriptionIdentity(row), index);
  });
  beat();
}

template <class Row, size_t N, class Identify>
std::vector<uint32_t> TableWriter::findOrphans(Slot<Row> (&table)[N], RowIndex& index, Identify identify) {
  std::vector<uint32_t> orphans;
  scanTable(table, [&](uint32_t i, const Slot<Row>& slot) {
    const Row row = raw(slot);
    index.see(i, row.generation);
    // A row that was being written when penstockd died still says whose it is: only a change of its other fields is
    // half done. It is written again.
    const bool torn = slot.commit_mark.load(std::memory_order_relaxed) & 1;
    if (row.state == RowState::kFree && !torn) {
      index.letGo(i);
      return;
    }
    orphans.push_back(i);
    identify(i, row);
  });
  return orphans;
}

std::optional<RowReference> TableWriter::acquire(RowIndex& index, const std::string& id,
                                                 std::initializer_list<std::string> identities) {
  if (const auto found = index.find(id)) return found;
  for (const std::string& identity : identities) {
    const auto orphan = identity.empty() ? orphans_.end() : orphans_.find(identity);
    if (orphan == orphans_.end() || index.isUsed(orphan->second)) continue;
    index.adopt(id, orphan->second);
    return index.find(id);
  }
  return index.acquire(id);
}

template <class Row>
void TableWriter::write(RowKind kind, Slot<Row>* table, uint32_t index, const Row& row) {
  Slot<Row>& slot = table[index];
  const uint64_t mark = slot.commit_mark.load(std::memory_order_relaxed);
  const bool whole = mark != 0 && (mark & 1) == 0;
  if (whole && std::memcmp(&slot.row, &row, sizeof(Row)) == 0) return;
  slot.publish(row);
  ++rows_written_[static_cast<size_t>(kind)];
  ring(kind, index);
}

/// A free row keeps its generation and nothing else: keys are wiped here.
template <class Row>
void TableWriter::free(RowKind kind, Slot<Row>* table, RowReference row) {
  Row empty{};
  empty.generation = row.generation;
  empty.state = RowState::kFree;
  write(kind, table, row.index, empty);
}

bool TableWriter::refuse(const char* why, const std::string& id) {
  ++rows_refused_;
  spdlog::warn("no row for {}: {}", id, why);
  return false;
}

bool TableWriter::putTransport(const Transport& transport, const TransportPlace& place) {
  // Identities are read from the row that is wanted, whose generation does not matter for them.
  const auto wanted = transportRow({}, transport);
  if (!wanted) return refuse("credentials or keys of a wrong length", transport.id);
  if (hasEnded(transport.id)) freeEnded(std::ranges::find(ended_, transport.id, &Ended::id));
  auto self = acquire(transports_, transport.id, {ufragIdentity(*wanted), keyIdentity(*wanted)});
  if (!self && !ended_.empty()) {
    freeEnded(ended_.begin());
    self = acquire(transports_, transport.id, {});
  }
  if (!self) return refuse("the table of transports is full", transport.id);
  const RowReference partner = transports_.find(place.partner).value_or(RowReference{});
  write(RowKind::kTransport, region_.transport, self->index, *transportRow(*self, transport, place, partner));
  return true;
}

bool TableWriter::putTrack(const std::string& transport, const Track& track) {
  const auto publisher = transports_.find(transport);
  if (!publisher) return refuse("its transport has none", track.id);
  const auto wanted = trackRow({}, *publisher, track);
  if (!wanted) return refuse("mid, encodings or codecs do not fit", track.id);
  const auto self = acquire(tracks_, track.id, {trackIdentity(*wanted)});
  if (!self) return refuse("the table of tracks is full", track.id);
  write(RowKind::kTrack, region_.track, self->index, *trackRow(*self, *publisher, track));
  return true;
}

bool TableWriter::putSubscription(const std::string& transport, const Subscription& subscription, const Track& track) {
  const std::string id = subscriptionId(transport, track.id);
  const auto subscriber = transports_.find(transport);
  const auto published = tracks_.find(track.id);
  if (!subscriber || !published) return refuse("its transport or track has none", id);
  const auto wanted = subscriptionRow({}, *published, *subscriber, track, subscription);
  if (!wanted) return refuse("mid or SSRC do not fit", id);

  // A stream with another SSRC is another stream, with indices of its own.
  if (const auto before = subscriptions_.find(id);
      before && region_.subscription[before->index].row.ssrc != subscription.ssrc)
    removeSubscription(transport, track.id);

  // The stream goes on, under its row, with the track that it carries now.
  const std::string parked = parkedId(transport, subscription.ssrc);
  if (!subscriptions_.find(id) && subscriptions_.rename(parked, id)) parked_[transport].erase(parked);

  const auto self = acquire(subscriptions_, id, {subscriptionIdentity(*wanted)});
  if (!self) return refuse("the table of subscriptions is full", id);
  write(RowKind::kSubscription, region_.subscription, self->index,
        *subscriptionRow(*self, *published, *subscriber, track, subscription));
  return true;
}

void TableWriter::parkSubscription(const std::string& transport, const std::string& track, uint32_t ssrc) {
  const std::string parked = parkedId(transport, ssrc);
  if (!track.empty()) {
    if (!subscriptions_.rename(subscriptionId(transport, track), parked)) return;
  } else {
    const auto subscriber = transports_.find(transport);
    if (!subscriber) return;
    contract::SubscriptionRow named{};
    named.transport = *subscriber;
    named.ssrc = ssrc;
    const auto orphan = orphans_.find(subscriptionIdentity(named));
    if (orphan == orphans_.end() || subscriptions_.isUsed(orphan->second)) return;
    subscriptions_.adopt(parked, orphan->second);
  }
  parked_[transport].insert(parked);
  const RowReference self = *subscriptions_.find(parked);
  contract::SubscriptionRow row = raw(region_.subscription[self.index]);
  row.track = {};
  write(RowKind::kSubscription, region_.subscription, self.index, row);
}

void TableWriter::removeSubscription(const std::string& transport, const std::string& track) {
  if (const auto row = subscriptions_.release(subscriptionId(transport, track)))
    free(RowKind::kSubscription, region_.subscription, *row);
}

void TableWriter::removeTrack(const std::string& track) {
  if (const auto row = tracks_.release(track)) free(RowKind::kTrack, region_.track, *row);
}

void TableWriter::removeTransport(const std::string& transport) {
  if (const auto found = parked_.find(transport); found != parked_.end()) {
    for (const std::string& id : found->second)
      if (const auto row = subscriptions_.release(id)) free(RowKind::kSubscription, region_.subscription, *row);
    parked_.erase(found);
  }
  const auto row = transports_.find(transport);
  if (row && !hasEnded(transport)) end(transport, row->index);
}

bool TableWriter::hasEnded(const std::string& transport) const {
  const auto row = transports_.find(transport);
  return row && (region_.transport[row->index].row.flags & contract::kTransportEnded);
}

/// Its keys are wiped now, and the rest when its client has had time to hear that it is over: by DTLS, for which the
/// address is kept, or by the answer to its next check.
void TableWriter::end(const std::string& transport, uint32_t index) {
  const contract::TransportRow before = raw(region_.transport[index]);
  contract::TransportRow row{};
  row.generation = before.generation;
  row.state = RowState::kUsed;
  row.flags = contract::kTransportEnded;
  std::ranges::copy(before.ice_ufrag, row.ice_ufrag);
  std::ranges::copy(before.ice_pwd, row.ice_pwd);
  row.ufrag_length_bytes = before.ufrag_length_bytes;
  row.pwd_length_bytes = before.pwd_length_bytes;
  row.kind = contract::TransportKind::kIce;
  ended_.push_back({transport, monotonicNs() + kEndedKeptNs});
  if (before.kind == contract::TransportKind::kPlain) return freeEnded(std::prev(ended_.end()));  // it never checks
  write(RowKind::kTransport, region_.transport, index, row);
  if (ended_.size() > kEndedMax) freeEnded(ended_.begin());
}

void TableWriter::freeEnded(std::deque<Ended>::iterator ended) {
  if (const auto row = transports_.release(ended->id)) free(RowKind::kTransport, region_.transport, *row);
  ended_.erase(ended);
}

void TableWriter::freeEnded(uint64_t now_ns) {
  while (!ended_.empty() && ended_.front().until_ns <= now_ns) freeEnded(ended_.begin());
}

template <class Row>
void TableWriter::sweepTable(RowKind kind, Slot<Row>* table, RowIndex& index, std::vector<uint32_t>& orphans) {
  size_t freed = 0;
  for (const uint32_t row : orphans) {
    if (index.isUsed(row)) continue;
    free(kind, table, {row, index.generationOf(row)});
    index.letGo(row);
    ++freed;
  }
  if (!orphans.empty())
    spdlog::info("{} of {} rows of kind {} taken over", orphans.size() - freed, orphans.size(), static_cast<int>(kind));
  orphans = {};
}

/// Who was in a room that nobody knows any more is told so. What had ended before begins its time anew.
void TableWriter::endOrphans() {
  for (const uint32_t index : orphan_transports_) {
    const Slot<contract::TransportRow>& slot = region_.transport[index];
    const bool torn = slot.commit_mark.load(std::memory_order_relaxed) & 1;
    if (transports_.isUsed(index) || torn || ended_.size() == kEndedMax) continue;
    const std::string id = "ended row " + std::to_string(index);  // no transport's id has a space
    transports_.adopt(id, index);
    end(id, index);
  }
}

void TableWriter::sweep() {
  sweepTable(RowKind::kSubscription, region_.subscription, subscriptions_, orphan_subscriptions_);
  sweepTable(RowKind::kTrack, region_.track, tracks_, orphan_tracks_);
  endOrphans();
  sweepTable(RowKind::kTransport, region_.transport, transports_, orphan_transports_);
  orphans_ = {};
}

std::optional<RowReference> TableWriter::subscription(const std::string& transport, const std::string& track) const {
  return subscriptions_.find(subscriptionId(transport, track));
}

std::optional<std::pair<std::string, std::string>> TableWriter::subscriptionIds(RowReference row) const {
  const std::string* id = subscriptions_.idOf(row);
  const size_t slash = id ? id->find('/') : std::string::npos;
  if (slash == std::string::npos) return std::nullopt;
  return std::pair(id->substr(0, slash), id->substr(slash + 1));
}

TableWriter::Figures TableWriter::figures() const {
  const auto table = [&](RowKind kind, const RowIndex& index) {
    return Figures::Table{index.size(), rows_written_[static_cast<size_t>(kind)]};
  };
  Figures::Table transport = table(RowKind::kTransport, transports_);
  transport.rows -= ended_.size();
  return {.transport = transport,
          .track = table(RowKind::kTrack, tracks_),
          .subscription = table(RowKind::kSubscription, subscriptions_),
          .transports_ended = ended_.size(),
          .rows_refused = rows_refused_,
          .doorbells_waiting = waiting_.size()};
}

/// Full only towards a dataplane that reads: one that is absent, or whose cursor cannot be, reads all rows anyway when
/// it finds its place impossible.
bool TableWriter::ringIsFull() const {
  const auto* reports = reports_.region();
  if (reports == nullptr) return false;
  const uint64_t head = region_.doorbell_head.count.load(std::memory_order_relaxed);
  return head - reports->doorbell_tail.count.load(std::memory_order_acquire) == kDoorbellMax;
}

void TableWriter::ringNow(Doorbell doorbell) {
  const uint64_t head = region_.doorbell_head.count.load(std::memory_order_relaxed);
  uint64_t word;
  static_assert(sizeof(word) == sizeof(doorbell));
  std::memcpy(&word, &doorbell, sizeof(word));
  __atomic_store_n(reinterpret_cast<uint64_t*>(&region_.doorbell[head % kDoorbellMax]), word, __ATOMIC_RELAXED);
  region_.doorbell_head.count.store(head + 1, std::memory_order_release);
}

void TableWriter::ring(RowKind kind, uint32_t index) {
  const Doorbell doorbell{.index = index, .kind = kind, .reserved = {}};
  if (waiting_.empty() && !ringIsFull()) return ringNow(doorbell);
  if (!waiting_rows_.insert(rowKey(doorbell)).second) return;
  waiting_.push_back(doorbell);
  if (waiting_.size() == 1) waitForRing();
}

void TableWriter::waitForRing() {
  ring_timer_.expires_after(kRingRetry);
  ring_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    while (!waiting_.empty() && !ringIsFull()) {
      waiting_rows_.erase(rowKey(waiting_.front()));
      ringNow(waiting_.front());
      waiting_.pop_front();
    }
    if (!waiting_.empty()) waitForRing();
  });
}

void TableWriter::beat() {
  const uint64_t now_ns = monotonicNs();
  file_.beat(now_ns);
  freeEnded(now_ns);
  beat_timer_.expires_after(kHeartbeat);
  beat_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) beat();
  });
}

}  // namespace penstock
