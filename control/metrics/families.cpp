// See families.h.
#include "control/metrics/families.h"

#include <optional>

namespace penstock {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric sample(MetricType type, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (type == MetricType::Counter) metric.counter.value = value;
  if (type == MetricType::Gauge) metric.gauge.value = value;
  return metric;
}

void append(std::vector<MetricFamily>& to, std::string name, std::string help, MetricType type,
            std::vector<ClientMetric> metrics) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  family.metric = std::move(metrics);
  to.push_back(std::move(family));
}

void appendGauge(std::vector<MetricFamily>& to, std::string name, std::string help, double value) {
  append(to, std::move(name), std::move(help), MetricType::Gauge, {sample(MetricType::Gauge, value)});
}

/// One plain counter, by thread. Nanoseconds are told in seconds, as Prometheus wants its units.
void appendCounter(const DataplaneFigures& figures, size_t counter, std::vector<MetricFamily>& to) {
  const std::string_view name = contract::kCounterTexts[counter].name;
  const bool in_ns = name.ends_with("_ns");
  const std::string unit_name = in_ns ? std::string(name.substr(0, name.size() - 3)) + "_seconds" : std::string(name);
  const double factor = in_ns ? 1e-9 : 1.0;
  std::vector<ClientMetric> metrics;
  const auto add = [&](const CounterValues& values, const std::string& thread) {
    metrics.push_back(sample(MetricType::Counter, static_cast<double>(values[counter]) * factor, {{"thread", thread}}));
  };
  for (size_t i = 0; i < figures.workers.size(); ++i) add(figures.workers[i], std::to_string(i));
  add(figures.housekeeping, "housekeeping");
  append(to, "penstock_dataplane_" + unit_name + "_total", std::string(contract::kCounterTexts[counter].help),
         MetricType::Counter, std::move(metrics));
}

void appendDrops(const DataplaneFigures& figures, std::vector<MetricFamily>& to) {
  std::vector<ClientMetric> received, sent;
  for (size_t i = 0; i < contract::kCounterCount; ++i) {
    if (!contract::isReceiveDrop(i) && !contract::isSendDrop(i)) continue;
    ClientMetric metric = sample(MetricType::Counter, static_cast<double>(total(figures, i)),
                                 {{"reason", std::string(contract::kCounterTexts[i].name)}});
    (contract::isReceiveDrop(i) ? received : sent).push_back(std::move(metric));
  }
  append(to, "penstock_dataplane_receive_drops_total", "received packets that went no further, by reason",
         MetricType::Counter, std::move(received));
  append(to, "penstock_dataplane_send_drops_total", "packets the relay wanted to send and did not, by reason",
         MetricType::Counter, std::move(sent));
}

const char* stateOf(const Participant& who, const Subscription& subscription, const ReportSource& reports) {
  if (!subscription.active || !who.subscribe_transport) return "waiting";
  if (subscription.wish.paused) return "paused";
  const auto stats = reports.subscription(who.subscribe_transport->id, subscription.track);
  return stats && stats->held != 0 ? "held" : "active";
}

}  // namespace

void appendRoomFamilies(const std::map<std::string, Room>& rooms, const ReportSource& reports,
                        std::vector<MetricFamily>& to) {
  size_t participants = 0, audio = 0, video = 0, publishing = 0, subscribing = 0;
  std::map<std::string, size_t> subscriptions = {{"active", 0}, {"held", 0}, {"paused", 0}, {"waiting", 0}};
  for (const auto& [name, room] : rooms) {
    participants += room.participants.size();
    for (const auto& [id, participant] : room.participants) {
      for (const Track& track : participant.tracks) ++(track.kind == Kind::audio ? audio : video);
      for (const Subscription& each : participant.subscriptions) ++subscriptions[stateOf(participant, each, reports)];
      publishing += participant.publish_transport.has_value();
      subscribing += participant.subscribe_transport.has_value();
    }
  }
  const auto gauge = [](size_t value, std::vector<ClientMetric::Label> labels) {
    return sample(MetricType::Gauge, static_cast<double>(value), std::move(labels));
  };
  appendGauge(to, "penstock_rooms", "rooms that are open", static_cast<double>(rooms.size()));
  appendGauge(to, "penstock_participants", "participants of all rooms", static_cast<double>(participants));
  append(to, "penstock_tracks", "published tracks", MetricType::Gauge,
         {gauge(audio, {{"kind", "audio"}}), gauge(video, {{"kind", "video"}})});
  append(to, "penstock_transports", "ICE + DTLS-SRTP associations", MetricType::Gauge,
         {gauge(publishing, {{"purpose", "publish"}}), gauge(subscribing, {{"purpose", "subscribe"}})});
  std::vector<ClientMetric> by_state;
  for (const auto& [state, count] : subscriptions) by_state.push_back(gauge(count, {{"state", state}}));
  append(to, "penstock_subscriptions",
         "tracks that are forwarded (active), not sent as others spoke later (held), not wanted at present (paused), "
         "or not negotiated yet (waiting)",
         MetricType::Gauge, std::move(by_state));
}

void appendDataplaneFamilies(const DataplaneFigures& figures, const Load& load, std::vector<MetricFamily>& to) {
  appendGauge(to, "penstock_dataplane_alive", "1 while the dataplane is attached and its heart beats",
              isAlive(figures) ? 1 : 0);
  if (!figures.attached) return;
  appendGauge(to, "penstock_dataplane_heartbeat_age_seconds", "since the dataplane last said that it lives",
              static_cast<double>(figures.heartbeat_age_ns) * 1e-9);
  std::vector<ClientMetric> busy;
  for (size_t i = 0; i < load.worker_busy_ratio.size(); ++i) {
    busy.push_back(sample(MetricType::Gauge, load.worker_busy_ratio[i], {{"thread", std::to_string(i)}}));
  }
  append(to, "penstock_worker_busy_ratio", "busy time of a worker over the last second, 0 to 1", MetricType::Gauge,
         std::move(busy));
  for (size_t i = 0; i < contract::kFirstReceiveDrop; ++i) appendCounter(figures, i, to);
  appendDrops(figures, to);
}

}  // namespace penstock
