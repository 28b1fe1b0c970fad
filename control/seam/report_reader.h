// Takes what the dataplane reports: events, punted datagrams, statistics. Believes none of it unchecked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "control/metrics/report_source.h"
#include "control/seam/region_file.h"

namespace penstock {

/// On the control thread only: polls with a timer, a bounded number of reports per turn.
class ReportReader {
 public:
  struct Callbacks {
    std::function<void(const contract::Event&)> on_event;
    /// length_bytes is checked; whether the transport is still the one it names is not.
    std::function<void(const contract::Datagram&)> on_punt;
    /// The dataplane made its reports afresh (it restarted), or they are there for the first time.
    std::function<void()> on_attached;
    /// Events may have been missed: after on_attached, or because the dataplane found its ring of events full. Called
    /// when those that are there were taken.
    std::function<void()> on_missed;
  };

  /// Both files outlive the reader.
  ReportReader(boost::asio::any_io_executor executor, TablesFile& tables, ReportsFile& reports, Callbacks callbacks);

  void start();
  void stop();
  /// Handshakes are in progress: poll every 2 ms instead of every 10 ms.
  void hurry(bool hurried) { hurried_ = hurried; }
  /// One turn. True: there is more to take.
  bool poll();

  /// Asks the dataplane to send a datagram to the transport's nominated address. False: it was dropped.
  bool inject(contract::RowReference transport, std::span<const uint8_t> bytes);

  // Statistics; nullopt when nothing is reported of that use of the row.
  std::optional<contract::TransportStats> transport(contract::RowReference row) const;
  std::optional<contract::TrackStats> track(contract::RowReference row) const;
  std::optional<contract::SubscriptionStats> subscription(contract::RowReference row) const;
  std::optional<contract::SpeakerStats> speaker(contract::RowReference transport) const;
  DataplaneFigures figures(uint64_t now_ns) const;
  /// The reports are there, and are about our tables.
  bool isAttached() const;

  struct Figures {
    uint64_t events = 0, punts = 0, injects = 0;
    uint64_t events_invalid = 0, punts_invalid = 0;
    uint64_t injects_dropped = 0;  // no dataplane, its ring is full, or the datagram is too long
    uint64_t cursors_absurd = 0;   // a ring was skipped to its head
  };
  const Figures& ownFigures() const { return figures_; }

 private:
  void onTimer();
  void refresh(uint64_t now_ns);
  void skipEarlierReports(const contract::ReportsRegion& reports);
  uint32_t workerCount(const contract::ReportsRegion& reports) const;
  void countLostEvents(const contract::ReportsRegion& reports);
  uint64_t available(const contract::Cursor& head, contract::Cursor& tail, uint64_t ring_size);
  bool takePunts(const contract::WorkerReports& worker, contract::Cursor& tail);
  bool takeEvents(const contract::WorkerReports& worker, contract::Cursor& tail);

  contract::TablesRegion& tables_;
  ReportsFile& reports_;
  Callbacks callbacks_;
  boost::asio::steady_timer timer_;
  uint64_t next_refresh_ns_ = 0;
  bool hurried_ = false, running_ = false;
  bool tables_are_new_;
  bool missed_ = false;
  uint64_t events_lost_ = 0;  // as the workers counted them
  Figures figures_;
};

}  // namespace penstock
