// Everything penstockd counts, and the text of /metrics. One thread only: the control thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "control/metrics/load.h"
#include "control/metrics/report_source.h"
#include "control/room/model.h"

namespace penstock {

class Metrics {
 public:
  explicit Metrics(const ReportSource& reports);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Told by the parts of control. Labels come from tables, never from the network: their number is bounded.
  void httpRequest(std::string_view route, std::string_view method, unsigned status);
  void httpConnections(size_t open);
  void httpConnectionRefused(std::string_view reason);
  void clientBudgetSpent(std::string_view what);  // "request", "piece", "message"
  void webSocketClosed(std::string_view reason);
  void webhook(std::string_view result);                    // "delivered", "retried", "dropped"
  void eventDropped();                                      // a server-sent-events client was too slow
  void dtls(std::string_view result, uint64_t handshakes);  // "done", "fingerprint_mismatch", "timeout", ...
  void dtlsQueued(size_t handshakes);
  void rowsWritten(std::string_view table, uint64_t rows);  // "transport", "track", "subscription"
  void storeWrites(uint64_t writes);
  void controlTurn(uint64_t cpu_ns);

  /// Once a second: the load signal.
  void tick(uint64_t now_ns);
  const Load& load() const { return sampler_.load(); }
  const ReportSource& reports() const { return reports_; }

  /// Prometheus text format 0.0.4.
  std::string expose(const std::map<std::string, Room>& rooms) const;

 private:
  struct Families;

  const ReportSource& reports_;
  LoadSampler sampler_;
  std::unique_ptr<Families> families_;
};

}  // namespace penstock
