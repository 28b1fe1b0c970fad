// Writes rows that differ, rings doorbells, and remembers which row is whose.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "control/seam/region_file.h"
#include "control/seam/row_index.h"
#include "control/signalling/edges.h"

namespace penstock {

/// On the control thread only. Rows of an earlier penstockd are taken over as the same entities are put again
/// (transports by ufrag or keys, tracks by transport and mid, subscriptions by transport and SSRC), so that media does
/// not notice the restart; sweep() frees what nobody put.
class TableWriter final : public RowsOut {
 public:
  /// Both files outlive the writer.
  TableWriter(boost::asio::any_io_executor executor, TablesFile& tables, const ReportsFile& reports);

  bool putTransport(const Transport& transport, const TransportPlace& place = {}) override;
  bool putTrack(const std::string& transport, const Track& track) override;
  bool putSubscription(const std::string& transport, const Subscription& subscription, const Track& track) override;
  void parkSubscription(const std::string& transport, const std::string& track, uint32_t ssrc) override;
  void removeSubscription(const std::string& transport, const std::string& track) override;
  void removeTrack(const std::string& track) override;
  void removeTransport(const std::string& transport) override;
  void sweep() override;
  /// Those rows of removed transports whose time is up; the heartbeat does it.
  void freeEnded(uint64_t now_ns);

  // Who is behind a row, and where somebody's row is.
  std::optional<contract::RowReference> transport(const std::string& id) const { return transports_.find(id); }
  std::optional<contract::RowReference> track(const std::string& id) const { return tracks_.find(id); }
  std::optional<contract::RowReference> subscription(const std::string& transport, const std::string& track) const;
  const std::string* transportId(contract::RowReference row) const { return transports_.idOf(row); }
  /// (transport, track)
  std::optional<std::pair<std::string, std::string>> subscriptionIds(contract::RowReference row) const;
  const std::string* trackId(contract::RowReference row) const { return tracks_.idOf(row); }

  struct Figures {
    struct Table {
      size_t rows = 0;       // in use
      uint64_t written = 0;  // that differed; freed ones too
    };
    Table transport, track, subscription;
    size_t transports_ended = 0;  // whose rows are kept for a while; not among those in use
    uint64_t rows_refused = 0;    // did not fit the row, or the table was full
    size_t doorbells_waiting = 0;
  };
  Figures figures() const;

 private:
  /// A transport that was removed. Its id stays bound to its row, to which a last DTLS record may be on its way.
  struct Ended {
    std::string id;
    uint64_t until_ns;
  };

  template <class Row>
  void write(contract::RowKind kind, contract::Slot<Row>* table, uint32_t index, const Row& row);
  template <class Row>
  void free(contract::RowKind kind, contract::Slot<Row>* table, contract::RowReference row);
  template <class Row>
  void sweepTable(contract::RowKind kind, contract::Slot<Row>* table, RowIndex& index, std::vector<uint32_t>& orphans);
  template <class Row, size_t N, class Identify>
  std::vector<uint32_t> findOrphans(contract::Slot<Row> (&table)[N], RowIndex& index, Identify identify);
  std::optional<contract::RowReference> acquire(RowIndex& index, const std::string& id,
                                                std::initializer_list<std::string> identities);
  void end(const std::string& transport, uint32_t index);
  void endOrphans();
  bool hasEnded(const std::string& transport) const;
  void freeEnded(std::deque<Ended>::iterator ended);
  void ring(contract::RowKind kind, uint32_t index);
  bool ringIsFull() const;
  void ringNow(contract::Doorbell doorbell);
  void waitForRing();
  void beat();
  bool refuse(const char* why, const std::string& id);

  contract::TablesRegion& region_;
  TablesFile& file_;
  const ReportsFile& reports_;
  RowIndex transports_{contract::kTransportMax};
  RowIndex tracks_{contract::kTrackMax};
  RowIndex subscriptions_{contract::kSubscriptionMax};
  // Rows of an earlier penstockd that nobody has put again yet: by what identifies them, and by table.
  std::unordered_map<std::string, uint32_t> orphans_;
  std::vector<uint32_t> orphan_transports_, orphan_tracks_, orphan_subscriptions_;
  std::unordered_map<std::string, std::unordered_set<std::string>> parked_;  // by transport: ids of subscription rows
  std::deque<Ended> ended_;                                                  // by time
  std::deque<contract::Doorbell> waiting_;                                   // each row at most once
  std::unordered_set<uint64_t> waiting_rows_;
  boost::asio::steady_timer ring_timer_, beat_timer_;
  std::array<uint64_t, 4> rows_written_{};  // by contract::RowKind
  uint64_t rows_refused_ = 0;
};

}  // namespace penstock
