// From slots of the tables region to rows that are believed: copied once, checked, counted where wrong, and compared
// with what was believed before. Knows nothing of crypto, threads or DPDK; runs on the housekeeping thread.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dataplane/contract/regions.h"
#include "dataplane/relay/command.h"
#include "dataplane/worker/row_check.h"
#include "dataplane/worker/ssrc_owners.h"

namespace penstock {

/// Told what changed, in an order in which it can be applied: what refers to a row is opened after it and closed before
/// it, but for subscriptions, which lose their track before that is closed. `before` is the row in use of the same
/// generation, or null.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void putTransport(uint32_t index, const contract::TransportRow& row,
                            const contract::TransportRow* before) = 0;
  /// `keys_changed`: the transport's keys did, even if the row did not.
  virtual void putTrack(uint32_t index, const contract::TrackRow& row, const contract::TrackRow* before,
                        bool keys_changed) = 0;
  virtual void putSubscription(uint32_t index, const contract::SubscriptionRow& row,
                               const contract::SubscriptionRow* before, bool keys_changed) = 0;
  virtual void close(contract::RowKind kind, uint32_t index) = 0;
};

/// Whether the keys of two rows differ, so that every stream needs another crypto object.
bool keysDiffer(const contract::TransportRow& a, const contract::TransportRow& b);

/// The rows of one table that are in use, and who refers to them. Memory is touched only where rows are used.
template <class Row>
class BelievedRows {
 public:
  explicit BelievedRows(size_t rows_max) : rows_(static_cast<Row*>(std::calloc(rows_max, sizeof(Row)))) {
    if (!rows_) throw std::bad_alloc();
  }
  bool used(uint32_t index) const { return rows_[index].state == contract::RowState::kUsed; }
  bool isLive(contract::RowReference row) const {
    return used(row.index) && rows_[row.index].generation == row.generation;
  }
  Row& operator[](uint32_t index) { return rows_[index]; }
  const Row& operator[](uint32_t index) const { return rows_[index]; }

 private:
  struct Free {
    void operator()(Row* rows) const { std::free(rows); }
  };
  std::unique_ptr<Row[], Free> rows_;
};

class RowReader {
 public:
  /// `counters`: the housekeeping thread's.
  RowReader(RowSink& sink, contract::CounterBlock& counters);

  /// Closes every row that is not in `tables` just as it was: in another region an equal generation means nothing.
  void closeAllBut(const contract::TablesRegion& tables);
  /// Reads every row of `tables`, and from now on its doorbells refer to it.
  void attach(const contract::TablesRegion& tables);
  /// A doorbell, with fields that may be anything.
  void look(const contract::Doorbell& doorbell);
  /// Looks again at rows that were half written, or referred to rows that were not there yet. Call every few ms.
  void retry();

  bool retryPending() const { return !later_.empty(); }
  /// Something to say in the log about the last row that was not believed; empty afterwards.
  std::string takeComplaint() { return std::exchange(complaint_, {}); }

 private:
  struct Later {
    contract::RowKind kind;
    uint32_t index;
    uint32_t tries;
  };

  void look(contract::RowKind kind, uint32_t index, uint32_t tries);
  template <class Row>
  void lookAt(contract::RowKind kind, uint32_t index, uint32_t tries);
  template <class Row>
  void readAll(contract::RowKind kind);
  template <class Row>
  void closeDifferent();

  // What became of a row that is sound by itself.
  enum class Verdict { kApplied, kReferenceMissing, kUfragTaken, kSsrcTaken, kTableFull };
  Verdict apply(uint32_t index, const contract::TransportRow& row);
  Verdict apply(uint32_t index, const contract::TrackRow& row);
  Verdict apply(uint32_t index, const contract::SubscriptionRow& row);
  void close(uint32_t index, const contract::TransportRow&);
  void closeDependents(uint32_t transport);
  void close(uint32_t index, const contract::TrackRow&);
  void close(uint32_t index, const contract::SubscriptionRow&);
  bool isLatchTaken(const LatchKeys& keys, uint32_t track) const;
  void setLatch(const LatchKeys& keys, uint32_t track);
  void refreshDependents(uint32_t transport);

  void refuse(contract::Counter counter, contract::RowKind kind, uint32_t index);
  template <class Row>
  BelievedRows<Row>& believed();
  template <class Row>
  const contract::Slot<Row>& slot(uint32_t index) const;

  RowSink& sink_;
  contract::CounterBlock& counters_;
  const contract::TablesRegion* tables_ = nullptr;
  BelievedRows<contract::TransportRow> transports_{contract::kTransportMax};
  BelievedRows<contract::TrackRow> tracks_{contract::kTrackMax};
  BelievedRows<contract::SubscriptionRow> subscriptions_{contract::kSubscriptionMax};

  // Names that only one row may bear, and who refers to whom.
  std::unordered_map<std::string, uint32_t> transport_of_ufrag_;
  std::unordered_map<uint32_t, uint32_t> track_of_latch_;  // by SSRC
  std::unordered_set<uint32_t> any_ssrc_latches_;          // tracks
  SsrcOwners<contract::TrackRow> track_ssrcs_;
  SsrcOwners<contract::SubscriptionRow> subscription_ssrcs_;
  std::vector<std::vector<uint32_t>> tracks_of_transport_{contract::kTransportMax};
  std::vector<std::vector<uint32_t>> subscriptions_of_transport_{contract::kTransportMax};
  std::vector<std::vector<uint32_t>> subscriptions_of_track_{contract::kTrackMax};

  std::deque<Later> later_;
  std::string complaint_;
};

}  // namespace penstock
