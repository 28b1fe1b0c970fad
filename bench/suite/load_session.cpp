#include "bench/suite/load_session.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "bench/load/cpu_clock.h"
#include "bench/load/dataplane_process.h"
#include "bench/load/relay_process.h"
#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

RunPlan planIn(const std::string& directory, RunPlan plan) {
  plan.socket = directory + "/memif.sock";
  return plan;
}

std::unique_ptr<LoadedRelay> makeRelay(const RunPlan& plan, const std::string& folder) {
  if (plan.programs.empty()) return std::make_unique<RelayProcess>(plan);
  return std::make_unique<DataplaneProcess>(plan, folder);
}

constexpr double kStartRateOut = 100'000;
// So often a trial is repeated that the machine disturbed.
constexpr int kDisturbedMax = 5;
// Until the hypervisor brings cores together again that it moved apart: seconds, as a rule. Consent lasts 30
// (RFC 7675).
constexpr uint64_t kPatienceNs = 20'000'000'000;

}  // namespace

TemporaryFolder::TemporaryFolder()
    : path_((std::filesystem::temp_directory_path() / "penstock-bench-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no folder for net_memif's socket");
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

LoadSession::LoadSession(const Case& what, double seconds, Progress& progress)
    : what_(what),
      seconds_(seconds),
      progress_(progress),
      plan_(planIn(folder_.path(), what.plan)),
      relay_(makeRelay(plan_, folder_.path())),
      generator_(plan_, *relay_),
      distance_(plan_.generator_core, plan_.worker_cores[0]) {
  generator_.connect();
  start_ = relay_->counters();
}

double LoadSession::secondsAt(double rate, double wanted) const {
  return std::min(wanted, static_cast<double>(generator_.storeCapacity()) / std::max(rate, 1.0));
}

Trial LoadSession::run(const TrialRequest& request, const std::string& label) {
  if (!what_.busy) distance_.waitUntilNear(kPatienceNs);
  Trial trial = generator_.run(request);
  trial.moved = !what_.busy && !distance_.near();
  const double out = trial.offered_per_second * scenario().fanOut();
  trials_.push_back(json::array{trial.offered_per_second, out, trial.lossRatio(), trial.generator_limited});
  progress_.step(label + " " + grouped(out) + "/s out: " + sayTrial(trial));
  return trial;
}

Trial LoadSession::undisturbed(const TrialRequest& request, const std::string& label) {
  Trial trial = run(request, label);
  for (int again = 0; (trial.held_up || trial.moved) && !what_.busy && again < kDisturbedMax; ++again) {
    ++(trial.moved ? moved_ : held_up_);
    trial = run(request, label);
  }
  // The relay rested while the generator was held up: whatever passed would look better than it is.
  if (trial.held_up && !what_.busy) {
    throw std::runtime_error("the machine is too busy to measure: the generator was held up " +
                             grouped(static_cast<double>(trial.stalled_ns) / 1e6) + " ms of a trial, time and again");
  }
  return trial;
}

void LoadSession::search(RateSearch& rates, double loss_max, const char* goal) {
  while (const auto rate = rates.next(loss_max)) {
    const Trial trial =
        undisturbed({.steps = {{0, *rate}}, .duration_ns = static_cast<uint64_t>(secondsAt(*rate) * 1e9)}, goal);
    rates.add({.rate = *rate,
               .loss_ratio = trial.lossRatio(),
               .sound = trial.sound(),
               .kept_up = trial.keptUp(),
               .limited = trial.generator_limited && trial.refused == 0});
  }
}

json::object LoadSession::disturbance() const {
  return {{"held_up_trials", held_up_},
          {"moved_trials", moved_},
          {"core_round_trip_ns", distance_.nearestNs()},
          {"core_round_trip_max_ns", distance_.farthestNs()}};
}

json::object LoadSession::drops() const {
  return dropsOf(relay_->counters().since(start_));
}

double startRate(const Scenario& scenario) {
  return kStartRateOut / std::max(scenario.fanOut(), 1.0);
}

json::object dropsOf(const CounterValues& counters) {
  json::object drops;
  for (size_t i = 0; i < contract::kCounterCount; ++i) {
    if ((contract::isReceiveDrop(i) || contract::isSendDrop(i)) && counters.value[i] > 0) {
      drops[contract::kCounterTexts[i].name] = counters.value[i];
    }
  }
  return drops;
}

json::object describeTrial(const Trial& trial) {
  const auto count = [&](contract::Counter counter) { return static_cast<double>(trial.relay.of(counter)); };
  const double out = count(contract::Counter::media_sent), in = count(contract::Counter::received);
  const double busy_ns = count(contract::Counter::busy_ns), idle_ns = count(contract::Counter::idle_ns);
  const double cycles = busy_ns * cyclesPerNs();
  return {{"seconds", trial.seconds},
          {"in_per_second", static_cast<double>(trial.sent) / trial.seconds},
          {"out_per_second", static_cast<double>(trial.sink.received) / trial.seconds},
          {"gbit_out", count(contract::Counter::sent_bytes) * 8 / trial.seconds / 1e9},
          {"gbit_in", count(contract::Counter::received_bytes) * 8 / trial.seconds / 1e9},
          {"received", in},
          {"sent", out},
          {"bytes_in", count(contract::Counter::received_bytes)},
          {"bytes_out", count(contract::Counter::sent_bytes)},
          {"cycles_per_packet_out", out > 0 ? cycles / out : 0},
          {"busy_share", busy_ns + idle_ns > 0 ? busy_ns / (busy_ns + idle_ns) : 0},
          {"generator_stalled_ms", static_cast<double>(trial.stalled_ns) / 1e6},
          {"loss_ratio", trial.lossRatio()},
          {"backlog_ms", static_cast<double>(trial.backlog_ns) / 1e6},
          {"gaps", trial.sink.gaps},
          {"behind", trial.sink.behind},
          {"renumbered", trial.sink.renumbered},
          {"decrypted", trial.samples.good},
          {"not_decrypted", trial.samples.bad},
          {"refused_by_port", trial.refused},
          {"drops", dropsOf(trial.relay)}};
}

std::string sayTrial(const Trial& trial) {
  std::string text = trial.lostAll() == 0 ? "no loss"
                                          : "lost " + grouped(static_cast<double>(trial.lostAll())) + " of " +
                                                grouped(static_cast<double>(trial.expectedAll()));
  if (trial.samples.bad > 0) text += ", " + std::to_string(trial.samples.bad) + " NOT DECRYPTED";
  if (trial.sink.behind > 0) text += ", " + std::to_string(trial.sink.behind) + " repeated or late";
  if (trial.sink.renumbered > 0) text += ", " + std::to_string(trial.sink.renumbered) + " renumbered";
  if (trial.sink.foreign > 0) text += ", " + std::to_string(trial.sink.foreign) + " foreign";
  if (!trial.keptUp()) text += ", " + grouped(static_cast<double>(trial.backlog_ns) / 1e6) + " ms behind at the end";
  if (trial.held_up) text += ", the machine was busy elsewhere";
  if (trial.moved) text += ", cores were moved apart";
  if (trial.generator_limited) text += ", the generator was slower";
  return text;
}

}  // namespace penstock::bench
