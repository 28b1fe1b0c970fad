#include "bench/suite/planner.h"

#include <algorithm>
#include <cmath>

#include "bench/suite/statistics.h"
#include "dataplane/contract/limits.h"

namespace penstock::bench {

namespace {

// Ethernet, IPv4, UDP, RTP with 16 bytes of header extensions, GCM tag: what a payload wears.
constexpr double kOverheadBytes = 14 + 20 + 8 + 12 + 16 + 16;
// Preamble, frame check sequence, gap between frames: what a frame takes of the wire besides.
constexpr double kWireBytes = 8 + 4 + 12;
constexpr double kGiB = 1073741824.0;

struct Traffic {
  double in = 0, out = 0, bytes_in = 0, bytes_out = 0;

  void add(double tracks, double receivers, double per_second, double payload) {
    in += tracks * per_second;
    out += tracks * receivers * per_second;
    bytes_in += tracks * per_second * (payload + kOverheadBytes);
    bytes_out += tracks * receivers * per_second * (payload + kOverheadBytes);
  }
};

Observation costOf(const MeasuredPoint& point) {
  return {.terms = {point.packets_in, point.packets_out, point.bytes}, .value = point.cycles};
}

std::vector<Observation> memoryOf(const std::vector<MeasuredPoint>& points) {
  std::vector<Observation> observations;
  for (const MeasuredPoint& point : points) {
    if (point.memory_bytes <= 0) continue;
    observations.push_back({{point.participants, point.subscriptions, point.tracks}, point.memory_bytes});
  }
  return observations;
}

/// Each point against a model that never saw it.
void holdOut(const std::vector<Observation>& all, CostModel& model) {
  if (all.size() < 3) return;
  std::vector<double> absolute;
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<Observation> others = all;
    others.erase(others.begin() + static_cast<ptrdiff_t>(i));
    const double error = predict(fitNonNegative(others), all[i].terms) / all[i].value - 1;
    model.errors.push_back(error);
    absolute.push_back(std::abs(error));
  }
  const Spread spread = spreadOf(absolute);
  model.error_median = spread.median;
  model.error_max = spread.max;
}

Need needOf(std::string resource, double amount, double offered, double headroom, std::string unit) {
  const double per_machine = offered * (1 - headroom);
  return {std::move(resource), amount, per_machine, std::move(unit), per_machine > 0 ? amount / per_machine : 0};
}

Traffic trafficOf(const Demand& demand, Plan& plan) {
  Traffic traffic;
  for (const RoomDemand& room : demand.rooms) {
    const double tracks = room.rooms * room.publishers, receivers = std::max(room.size - 1, 0.0);
    if (room.video_kbps > 0) {
      traffic.add(tracks, receivers, room.video_kbps * 125 / room.video_payload_bytes, room.video_payload_bytes);
    }
    if (room.audio_kbps > 0) {
      traffic.add(tracks, receivers, room.audio_per_second, room.audio_kbps * 125 / room.audio_per_second);
    }
    const double kinds = (room.video_kbps > 0 ? 1 : 0) + (room.audio_kbps > 0 ? 1 : 0);
    plan.participants += room.rooms * room.size;
    plan.tracks += tracks * kinds;
    plan.subscriptions += tracks * kinds * receivers;
  }
  for (double* value : {&traffic.in, &traffic.out, &traffic.bytes_in, &traffic.bytes_out, &plan.participants,
                        &plan.tracks, &plan.subscriptions}) {
    *value *= demand.surge;
  }
  return traffic;
}

}  // namespace

CostModel fitCosts(const std::vector<MeasuredPoint>& points, double clock_hz) {
  CostModel model{.clock_hz = clock_hz, .points = points.size()};
  std::vector<Observation> costs;
  std::vector<double> busy;
  for (const MeasuredPoint& point : points) {
    costs.push_back(costOf(point));
    busy.push_back(point.busy_share);
  }
  model.cycles = fitNonNegative(costs);
  model.memory = fitNonNegative(memoryOf(points));
  if (!busy.empty()) model.usable = spreadOf(busy).median;
  holdOut(costs, model);
  return model;
}

Plan planFor(const CostModel& model, const Demand& demand) {
  Plan plan;
  const Traffic traffic = trafficOf(demand, plan);
  plan.packets_in = traffic.in;
  plan.packets_out = traffic.out;
  plan.gbit_in = (traffic.bytes_in + traffic.in * kWireBytes) * 8 / 1e9;
  plan.gbit_out = (traffic.bytes_out + traffic.out * kWireBytes) * 8 / 1e9;
  const double cycles = predict(model.cycles, {traffic.in, traffic.out, traffic.bytes_in + traffic.bytes_out});
  plan.cycles_per_packet_out = traffic.out > 0 ? cycles / traffic.out : 0;
  plan.memory_bytes = predict(model.memory, {plan.participants, plan.subscriptions, plan.tracks});

  const double worker_hz = model.clock_hz * model.usable;
  plan.workers = std::ceil(cycles / (worker_hz * (1 - demand.headroom)));
  // The first worker counts whole, each further one as much as `scaling` says.
  const double machine_workers = 1 + std::max(demand.workers_per_machine - 1, 0.0) * demand.scaling;
  plan.needs.push_back(needOf("workers", cycles / worker_hz, machine_workers, demand.headroom, "polled cores"));
  plan.needs.push_back(needOf("network, sending", plan.gbit_out, demand.nic_gbit, demand.headroom, "Gbit/s"));
  plan.needs.push_back(needOf("network, receiving", plan.gbit_in, demand.nic_gbit, demand.headroom, "Gbit/s"));
  plan.needs.push_back(needOf("memory", plan.memory_bytes / kGiB, demand.memory_gib, demand.headroom, "GiB"));
  plan.needs.push_back(needOf("participants", plan.participants, contract::kTransportMax, 0, "transports, of a table"));
  plan.needs.push_back(needOf("tracks", plan.tracks, contract::kTrackMax, 0, "rows, of a table"));
  plan.needs.push_back(needOf("subscriptions", plan.subscriptions, contract::kSubscriptionMax, 0, "rows, of a table"));
  if (demand.joins_per_second > 0 && demand.joins_per_second_and_core > 0) {
    plan.needs.push_back(needOf("joins", demand.joins_per_second,
                                demand.joins_per_second_and_core * demand.control_cores, demand.headroom,
                                "DTLS handshakes/s"));
  }
  std::ranges::stable_sort(plan.needs, std::ranges::greater(), &Need::machines);
  plan.machines = std::ceil(plan.needs.front().machines - 1e-9);
  return plan;
}

}  // namespace penstock::bench
