// See metrics.h. What penstockd counts itself lives in a prometheus-cpp registry; rooms and the dataplane's counters
// are read when somebody asks, so that nothing is kept twice.
#include "control/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "control/metrics/families.h"

namespace penstock {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

struct Metrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = BuildCounter()
                                                          .Name("penstock_http_requests_total")
                                                          .Help("HTTP requests by route, method and status")
                                                          .Register(registry);
  prometheus::Gauge& connections = BuildGauge()
                                       .Name("penstock_http_connections")
                                       .Help("open HTTP and WebSocket connections")
                                       .Register(registry)
                                       .Add({});
  prometheus::Family<prometheus::Counter>& refused = BuildCounter()
                                                         .Name("penstock_http_connections_refused_total")
                                                         .Help("connections ended before or instead of a request")
                                                         .Register(registry);
  prometheus::Family<prometheus::Counter>& sockets_closed = BuildCounter()
                                                                .Name("penstock_websockets_closed_total")
                                                                .Help("WebSocket connections that ended, by reason")
                                                                .Register(registry);
  prometheus::Family<prometheus::Counter>& budget_spent =
      BuildCounter()
          .Name("penstock_client_budget_spent_total")
          .Help("requests refused, pieces and messages held back, as their client had used its share of CPU time")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& webhook = BuildCounter()
                                                         .Name("penstock_webhook_notices_total")
                                                         .Help("room events for the webhook, by what became of them")
                                                         .Register(registry);
  prometheus::Counter& events_dropped = BuildCounter()
                                            .Name("penstock_event_clients_dropped_total")
                                            .Help("clients of /v1/events that were too slow")
                                            .Register(registry)
                                            .Add({});
  prometheus::Family<prometheus::Counter>& dtls = BuildCounter()
                                                      .Name("penstock_dtls_handshakes_total")
                                                      .Help("DTLS handshakes that ended, by result")
                                                      .Register(registry);
  prometheus::Gauge& dtls_queued = BuildGauge()
                                       .Name("penstock_dtls_handshakes_queued")
                                       .Help("DTLS handshakes under way or waiting for a thread")
                                       .Register(registry)
                                       .Add({});
  prometheus::Family<prometheus::Counter>& rows = BuildCounter()
                                                      .Name("penstock_rows_written_total")
                                                      .Help("rows written into the forwarding tables")
                                                      .Register(registry);
  prometheus::Counter& store_writes = BuildCounter()
                                          .Name("penstock_store_writes_total")
                                          .Help("writes to the store penstockd restarts from")
                                          .Register(registry)
                                          .Add({});
  prometheus::Histogram& turns =
      BuildHistogram()
          .Name("penstock_control_turn_seconds")
          .Help("CPU time of the turns of the control loop: what one takes, all others wait for; 10 ms are too long")
          .Register(registry)
          .Add({}, prometheus::Histogram::BucketBoundaries{0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1});
  prometheus::Gauge& longest_turn = BuildGauge()
                                        .Name("penstock_control_turn_longest_seconds")
                                        .Help("CPU time of the longest turn of the control loop since the start")
                                        .Register(registry)
                                        .Add({});
};

Metrics::Metrics(const ReportSource& reports) : reports_(reports), families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

void Metrics::httpRequest(std::string_view route, std::string_view method, unsigned status) {
  families_->requests
      .Add({{"route", std::string(route)}, {"method", std::string(method)}, {"status", std::to_string(status)}})
      .Increment();
}
void Metrics::httpConnections(size_t open) {
  families_->connections.Set(static_cast<double>(open));
}
void Metrics::httpConnectionRefused(std::string_view reason) {
  families_->refused.Add({{"reason", std::string(reason)}}).Increment();
}
void Metrics::clientBudgetSpent(std::string_view what) {
  families_->budget_spent.Add({{"what", std::string(what)}}).Increment();
}
void Metrics::webSocketClosed(std::string_view reason) {
  families_->sockets_closed.Add({{"reason", std::string(reason)}}).Increment();
}
void Metrics::webhook(std::string_view result) {
  families_->webhook.Add({{"result", std::string(result)}}).Increment();
}
void Metrics::eventDropped() {
  families_->events_dropped.Increment();
}
void Metrics::dtls(std::string_view result, uint64_t handshakes) {
  families_->dtls.Add({{"result", std::string(result)}}).Increment(static_cast<double>(handshakes));
}
void Metrics::dtlsQueued(size_t handshakes) {
  families_->dtls_queued.Set(static_cast<double>(handshakes));
}
void Metrics::rowsWritten(std::string_view table, uint64_t rows) {
  families_->rows.Add({{"table", std::string(table)}}).Increment(static_cast<double>(rows));
}
void Metrics::storeWrites(uint64_t writes) {
  families_->store_writes.Increment(static_cast<double>(writes));
}

void Metrics::controlTurn(uint64_t cpu_ns) {
  const double seconds = static_cast<double>(cpu_ns) * 1e-9;
  families_->turns.Observe(seconds);
  if (seconds > families_->longest_turn.Value()) families_->longest_turn.Set(seconds);
}

void Metrics::tick(uint64_t now_ns) {
  sampler_.sample(now_ns, reports_.figures());
}

std::string Metrics::expose(const std::map<std::string, Room>& rooms) const {
  std::vector<prometheus::MetricFamily> all = families_->registry.Collect();
  appendRoomFamilies(rooms, reports_, all);
  appendDataplaneFamilies(reports_.figures(), load(), all);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace penstock
