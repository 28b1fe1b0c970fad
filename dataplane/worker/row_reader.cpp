#include "dataplane/worker/row_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace penstock {
namespace {

using contract::Counter;
using contract::RowKind;
using contract::RowState;
using contract::SubscriptionRow;
using contract::TrackRow;
using contract::TransportRow;

// A row is half written for less than a microsecond, unless its writer died; rows that refer to each other are
// published within milliseconds.
constexpr uint32_t kTriesMax = 5;
constexpr size_t kLaterMax = 65'536;

std::string_view nameOf(RowKind kind) {
  switch (kind) {
    case RowKind::kTransport:
      return "transport";
    case RowKind::kTrack:
      return "track";
    case RowKind::kSubscription:
      return "subscription";
  }
  return "row";
}

std::string ufragOf(const TransportRow& row) {
  return {reinterpret_cast<const char*>(row.ice_ufrag), row.ufrag_length_bytes};
}

void removeFrom(std::vector<uint32_t>& list, uint32_t index) {
  const auto found = std::ranges::find(list, index);
  if (found == list.end()) return;
  *found = list.back();
  list.pop_back();
}

template <class Row>
constexpr size_t rowsMax() {
  if constexpr (std::is_same_v<Row, TransportRow>) return contract::kTransportMax;
  if constexpr (std::is_same_v<Row, TrackRow>) return contract::kTrackMax;
  if constexpr (std::is_same_v<Row, SubscriptionRow>) return contract::kSubscriptionMax;
}

}  // namespace

bool keysDiffer(const TransportRow& a, const TransportRow& b) {
  return a.srtp_profile != b.srtp_profile || std::memcmp(&a.receive_key, &b.receive_key, sizeof(a.receive_key)) != 0 ||
         std::memcmp(&a.send_key, &b.send_key, sizeof(a.send_key)) != 0;
}

RowReader::RowReader(RowSink& sink, contract::CounterBlock& counters) : sink_(sink), counters_(counters) {}

template <>
BelievedRows<TransportRow>& RowReader::believed() {
  return transports_;
}
template <>
BelievedRows<TrackRow>& RowReader::believed() {
  return tracks_;
}
template <>
BelievedRows<SubscriptionRow>& RowReader::believed() {
  return subscriptions_;
}
template <>
const contract::Slot<TransportRow>& RowReader::slot(uint32_t index) const {
  return tables_->transport[index];
}
template <>
const contract::Slot<TrackRow>& RowReader::slot(uint32_t index) const {
  return tables_->track[index];
}
template <>
const contract::Slot<SubscriptionRow>& RowReader::slot(uint32_t index) const {
  return tables_->subscription[index];
}

void RowReader::closeAllBut(const contract::TablesRegion& tables) {
  tables_ = &tables;
  closeDifferent<TransportRow>();
  closeDifferent<TrackRow>();
  closeDifferent<SubscriptionRow>();
}

template <class Row>
void RowReader::closeDifferent() {
  auto& rows = believed<Row>();
  for (uint32_t index = 0; index < rowsMax<Row>(); ++index) {
    if (!rows.used(index)) continue;
    Row row;
    const bool equal = slot<Row>(index).read(row) == contract::SlotState::kCommitted &&
                       std::memcmp(&row, &rows[index], sizeof(Row)) == 0;
    if (!equal) close(index, rows[index]);
  }
}

void RowReader::attach(const contract::TablesRegion& tables) {
  tables_ = &tables;
  later_.clear();
  readAll<TransportRow>(RowKind::kTransport);
  readAll<TrackRow>(RowKind::kTrack);
  readAll<SubscriptionRow>(RowKind::kSubscription);
}

template <class Row>
void RowReader::readAll(RowKind kind) {
  for (uint32_t index = 0; index < rowsMax<Row>(); ++index) lookAt<Row>(kind, index, 0);
}

void RowReader::look(const contract::Doorbell& doorbell) {
  counters_.add(Counter::doorbells);
  look(doorbell.kind, doorbell.index, 0);
}

void RowReader::look(RowKind kind, uint32_t index, uint32_t tries) {
  const auto within = [&](size_t rows_max) {
    if (index < rows_max) return true;
    refuse(Counter::row_index_out_of_range, kind, index);
    return false;
  };
  switch (kind) {
    case RowKind::kTransport:
      return within(contract::kTransportMax) ? lookAt<TransportRow>(kind, index, tries) : void();
    case RowKind::kTrack:
      return within(contract::kTrackMax) ? lookAt<TrackRow>(kind, index, tries) : void();
    case RowKind::kSubscription:
      return within(contract::kSubscriptionMax) ? lookAt<SubscriptionRow>(kind, index, tries) : void();
  }
  refuse(Counter::row_invalid, kind, index);
}

void RowReader::retry() {
  std::deque<Later> due;
  due.swap(later_);
  for (const Later& later : due) look(later.kind, later.index, later.tries);
}

template <class Row>
void RowReader::lookAt(RowKind kind, uint32_t index, uint32_t tries) {
  const auto laterOr = [&](Counter counter) {
    if (tries + 1 >= kTriesMax || later_.size() >= kLaterMax) return refuse(counter, kind, index);
    later_.push_back({kind, index, tries + 1});
  };
  auto& rows = believed<Row>();
  Row row;
  const contract::SlotState state = slot<Row>(index).read(row);
  if (state == contract::SlotState::kTorn) return laterOr(Counter::row_torn);
  if (state == contract::SlotState::kEmpty) row = {};
  switch (check(row)) {
    case RowFault::kInvalid:
      return refuse(Counter::row_invalid, kind, index);
    case RowFault::kIndexOutOfRange:
      return refuse(Counter::row_index_out_of_range, kind, index);
    case RowFault::kNone:
      break;
  }
  if (row.state == RowState::kFree) {
    if (!rows.used(index)) return;
    return close(index, rows[index]);
  }
  if (rows.used(index)) {
    if (std::memcmp(&row, &rows[index], sizeof(Row)) == 0) return;
    // A slot given to something else without having been seen free.
    if (row.generation != rows[index].generation) close(index, rows[index]);
  }
  switch (apply(index, row)) {
    case Verdict::kApplied:
      return;
    case Verdict::kReferenceMissing:
      return laterOr(Counter::row_generation_wrong);
    case Verdict::kUfragTaken:
      return laterOr(Counter::row_ufrag_taken);
    case Verdict::kSsrcTaken:
      return laterOr(Counter::row_ssrc_taken);
    case Verdict::kTableFull:
      return laterOr(Counter::row_table_full);
  }
}

RowReader::Verdict RowReader::apply(uint32_t index, const TransportRow& row) {
  const auto owner = transport_of_ufrag_.find(ufragOf(row));
  if (owner != transport_of_ufrag_.end() && owner->second != index) return Verdict::kUfragTaken;
  // Keys that go away would leave streams that nothing may protect: that is another association.
  if (transports_.used(index) && row.srtp_profile == contract::SrtpProfile::kNone &&
      transports_[index].srtp_profile != contract::SrtpProfile::kNone) {
    // A session that ended keeps its address for a while: its client is yet to be told.
    (row.flags & contract::kTransportEnded) ? closeDependents(index) : close(index, transports_[index]);
  }
  // Which kind it is, and whether it latches, decides where its packets are looked for: that is another one, too.
  if (transports_.used(index) &&
      (row.kind != transports_[index].kind || isLatching(row) != isLatching(transports_[index]))) {
    close(index, transports_[index]);
  }
  const bool was_used = transports_.used(index);
  const TransportRow before = transports_[index];
  if (was_used) transport_of_ufrag_.erase(ufragOf(before));
  transport_of_ufrag_[ufragOf(row)] = index;
  transports_[index] = row;
  sink_.putTransport(index, row, was_used ? &before : nullptr);
  if (was_used && keysDiffer(before, row)) refreshDependents(index);
  return Verdict::kApplied;
}

/// From an unknown address an SSRC is all there is to find a latching transport by: it may have but one.
bool RowReader::isLatchTaken(const LatchKeys& keys, uint32_t track) const {
  return std::ranges::any_of(keys.ssrcs, [&](uint32_t ssrc) {
    const auto owner = track_of_latch_.find(ssrc);
    return ssrc != 0 && owner != track_of_latch_.end() && owner->second != track;
  });
}

void RowReader::setLatch(const LatchKeys& keys, uint32_t track) {
  any_ssrc_latches_.erase(track);
  if (keys.any_ssrc) any_ssrc_latches_.insert(track);
  if (keys == LatchKeys{} && track_of_latch_.empty()) return;
  std::erase_if(track_of_latch_, [&](const auto& entry) { return entry.second == track; });
  for (const uint32_t ssrc : keys.ssrcs) {
    if (ssrc != 0) track_of_latch_[ssrc] = track;
  }
}

RowReader::Verdict RowReader::apply(uint32_t index, const TrackRow& row) {
  if (!transports_.isLive(row.transport)) return Verdict::kReferenceMissing;
  if (track_ssrcs_.isTaken(row, index)) return Verdict::kSsrcTaken;
  const LatchKeys latch = latchKeys(transports_[row.transport.index], row);
  if (isLatchTaken(latch, index)) return Verdict::kSsrcTaken;
  if (latch.any_ssrc && !any_ssrc_latches_.contains(index) && any_ssrc_latches_.size() == contract::kLatchAnySsrcMax)
    return Verdict::kTableFull;
  if (tracks_.used(index) && tracks_[index].transport != row.transport) close(index, tracks_[index]);
  const bool was_used = tracks_.used(index);
  const TrackRow before = tracks_[index];
  if (was_used) track_ssrcs_.giveBack(before);
  if (!was_used) tracks_of_transport_[row.transport.index].push_back(index);
  setLatch(latch, index);
  track_ssrcs_.take(row, index);
  tracks_[index] = row;
  sink_.putTrack(index, row, was_used ? &before : nullptr, false);
  return Verdict::kApplied;
}

RowReader::Verdict RowReader::apply(uint32_t index, const SubscriptionRow& row) {
  if (!transports_.isLive(row.transport)) return Verdict::kReferenceMissing;
  if (row.track.generation != 0 && !tracks_.isLive(row.track)) return Verdict::kReferenceMissing;
  if (subscription_ssrcs_.isTaken(row, index)) return Verdict::kSsrcTaken;
  if (subscriptions_.used(index)) {
    const SubscriptionRow& old = subscriptions_[index];
    if (old.transport != row.transport || old.ssrc != row.ssrc) close(index, old);
  }
  const bool was_used = subscriptions_.used(index);
  const SubscriptionRow before = subscriptions_[index];
  if (was_used) subscription_ssrcs_.giveBack(before);
  if (!was_used) subscriptions_of_transport_[row.transport.index].push_back(index);
  if (before.track != row.track) {
    if (before.track.generation != 0) removeFrom(subscriptions_of_track_[before.track.index], index);
    if (row.track.generation != 0) subscriptions_of_track_[row.track.index].push_back(index);
  }
  subscription_ssrcs_.take(row, index);
  subscriptions_[index] = row;
  sink_.putSubscription(index, row, was_used ? &before : nullptr, false);
  return Verdict::kApplied;
}

void RowReader::refreshDependents(uint32_t transport) {
  for (uint32_t track : tracks_of_transport_[transport]) {
    sink_.putTrack(track, tracks_[track], &tracks_[track], true);
  }
  for (uint32_t subscription : subscriptions_of_transport_[transport]) {
    sink_.putSubscription(subscription, subscriptions_[subscription], &subscriptions_[subscription], true);
  }
}

void RowReader::closeDependents(uint32_t transport) {
  for (const auto list = subscriptions_of_transport_[transport]; uint32_t subscription : list) {
    close(subscription, subscriptions_[subscription]);
  }
  for (const auto list = tracks_of_transport_[transport]; uint32_t track : list) close(track, tracks_[track]);
}

void RowReader::close(uint32_t index, const TransportRow& row) {
  closeDependents(index);
  transport_of_ufrag_.erase(ufragOf(row));
  explicit_bzero(&transports_[index], sizeof(TransportRow));
  sink_.close(RowKind::kTransport, index);
}

/// Its subscriptions stay, without a track: how far the indices of their streams were used must not be forgotten while
/// their keys are in use, and they may go on with another.
void RowReader::close(uint32_t index, const TrackRow& row) {
  for (const auto list = std::exchange(subscriptions_of_track_[index], {}); uint32_t subscription : list) {
    const SubscriptionRow before = subscriptions_[subscription];
    subscriptions_[subscription].track = {};
    sink_.putSubscription(subscription, subscriptions_[subscription], &before, false);
  }
  track_ssrcs_.giveBack(row);
  setLatch({}, index);
  removeFrom(tracks_of_transport_[row.transport.index], index);
  tracks_[index] = {};
  sink_.close(RowKind::kTrack, index);
}

void RowReader::close(uint32_t index, const SubscriptionRow& row) {
  subscription_ssrcs_.giveBack(row);
  removeFrom(subscriptions_of_transport_[row.transport.index], index);
  if (row.track.generation != 0) removeFrom(subscriptions_of_track_[row.track.index], index);
  subscriptions_[index] = {};
  sink_.close(RowKind::kSubscription, index);
}

void RowReader::refuse(Counter counter, RowKind kind, uint32_t index) {
  counters_.add(counter);
  complaint_ = fmt::format("row {} of {}s skipped: {}", index, nameOf(kind),
                           contract::kCounterTexts[static_cast<size_t>(counter)].help);
}

}  // namespace penstock
