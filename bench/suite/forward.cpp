// The highest rates: NDR (no loss) and PDR (0.5 %), median of repeats, beside what crypto alone does in the same run.
#include <cstdio>
#include <map>

#include "bench/load/backend.h"
#include "bench/load/mac_swap.h"
#include "bench/suite/alone.h"
#include "bench/suite/command.h"
#include "bench/suite/load_session.h"
#include "bench/suite/result.h"
#include "bench/suite/statistics.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

constexpr size_t kStepsPerSearch = 20;  // a guess, for the progress bar
constexpr uint16_t kFrameBytes = 1270;  // 1200 of payload with the headers of a packet in the clear
constexpr double kOtherSeconds = 2;

struct Settings {
  LoadOptions load;
  uint32_t repeats = 3;
  double precision = 0.01;
  bool mac_swap = false;
};

/// What a program does that only swaps MAC addresses, over the same net_memif.
json::object measureOther(RunPlan plan) {
  const TemporaryFolder folder;
  plan.socket = folder.path() + "/memif.sock";
  CoreDistance distance(plan.generator_core, plan.worker_cores[0]);
  const MacSwapRate rate = measureMacSwap(plan, kFrameBytes, kOtherSeconds, distance);
  std::printf("\n%s, frames of %u B over the same net_memif, one core each side: %s a second\n", rate.program.c_str(),
              kFrameBytes, grouped(rate.per_second).c_str());
  std::fflush(stdout);
  return {{"program", rate.program}, {"per_second", rate.per_second}, {"frame_bytes", kFrameBytes}};
}

struct Goal {
  const char* name;
  double loss_max;
  std::vector<double> rates;  // of repeats, packets in per second
  bool limited = false;
};

json::object describeGoal(LoadSession& session, const Goal& goal) {
  const double fan_out = session.scenario().fanOut();
  std::vector<double> out;
  for (const double rate : goal.rates) out.push_back(rate * fan_out);
  const Spread spread = spreadOf(out);
  json::array repeats(out.begin(), out.end());
  json::object described{{"out_per_second", spread.median},
                         {"min", spread.min},
                         {"max", spread.max},
                         {"repeats", repeats},
                         {"in_per_second", spread.median / fan_out},
                         {"per_worker", spread.median / session.workers()},
                         {"generator_limited", goal.limited}};
  if (spread.median == 0) return described;
  // The costs at that rate, from a trial of its own.
  const double rate = spread.median / fan_out;
  const Trial trial = session.undisturbed(
      {.steps = {{0, rate}}, .duration_ns = static_cast<uint64_t>(session.secondsAt(rate) * 1e9)}, "costs at");
  described["trial"] = describeTrial(trial);
  return described;
}

json::object measure(const Case& what, const Settings& settings, Progress& progress) {
  // Each of four measurements, before and after.
  const double alone_seconds = std::min(0.5, settings.load.seconds / 2);
  const Alone before = measureAlone(what, alone_seconds);
  LoadSession session(what, settings.load.seconds, progress);
  std::vector<Goal> goals = {{"NDR", kNoLoss, {}, false}, {"PDR", kPartialLoss, {}, false}};
  double first = startRate(session.scenario());
  for (uint32_t repeat = 0; repeat < settings.repeats; ++repeat) {
    RateSearch search({.first = first, .growth = repeat == 0 ? 2.0 : 1.1, .precision = settings.precision});
    for (Goal& goal : goals) {
      session.search(search, goal.loss_max, goal.name);
      goal.rates.push_back(search.found(goal.loss_max));
      goal.limited = goal.limited || search.limited(goal.loss_max);
    }
    if (goals[0].rates.front() > 0) first = goals[0].rates.front();
  }
  json::object result = what.labels;
  result["ndr"] = describeGoal(session, goals[0]);
  result["pdr"] = describeGoal(session, goals[1]);
  result["drops_of_all_trials"] = session.drops();
  result["trials"] = session.trials();
  result["disturbance"] = session.disturbance();
  result["memory"] = json::object{{"scenario_bytes", session.relay().scenarioMemory()},
                                  {"resident_bytes", session.relay().residentMemory()}};
  // Crypto alone once more: a machine whose speed changed meanwhile shows here.
  const Alone after = measureAlone(what, alone_seconds);
  const double backend_out = 2 / (before.seconds + after.seconds);
  const bool bare = before.bare_seconds > 0 && textAt(result, "backend") != "libsrtp";
  const double alone_out = bare ? 2 / (before.bare_seconds + after.bare_seconds) : backend_out;
  result["alone"] = before.described;
  result["alone_after"] = after.described;
  result["backend_alone_out_per_second"] = backend_out;
  result["alone_out_per_second"] = alone_out;
  result["alone_is"] = bare ? "ipsec-mb itself" : textAt(result, "backend") + " backend";
  result["ratio_to_alone"] = numberAt(objectAt(result, "ndr"), "per_worker") / alone_out;
  return result;
}

void print(const json::object& result) {
  const json::object& ndr = objectAt(result, "ndr");
  const json::object& pdr = objectAt(result, "pdr");
  const json::object& trial = objectAt(ndr, "trial");
  std::printf("\n%s\n", textAt(result, "name").c_str());
  std::printf("  NDR (no loss)  %12s packets/s out, repeats %s to %s%s\n",
              grouped(numberAt(ndr, "out_per_second")).c_str(), grouped(numberAt(ndr, "min")).c_str(),
              grouped(numberAt(ndr, "max")).c_str(),
              ndr.at("generator_limited").as_bool() ? "; AT LEAST: the generator was the limit" : "");
  std::printf("  PDR (0.5 %%)    %12s packets/s out, repeats %s to %s%s\n",
              grouped(numberAt(pdr, "out_per_second")).c_str(), grouped(numberAt(pdr, "min")).c_str(),
              grouped(numberAt(pdr, "max")).c_str(), pdr.at("generator_limited").as_bool() ? "; AT LEAST" : "");
  std::printf("  at NDR: %.2f Gbit/s out, %.2f in, %s cycles per packet out, worker busy %.0f %%\n",
              numberAt(trial, "gbit_out"), numberAt(trial, "gbit_in"),
              grouped(numberAt(trial, "cycles_per_packet_out")).c_str(), 100 * numberAt(trial, "busy_share"));
  std::printf("  %s alone, %s keys: %s packets/s out; this is %.0f %% of it\n", textAt(result, "alone_is").c_str(),
              grouped(numberAt(objectAt(result, "alone"), "receiver_keys")).c_str(),
              grouped(numberAt(result, "alone_out_per_second")).c_str(), 100 * numberAt(result, "ratio_to_alone"));
  const json::object& disturbance = objectAt(result, "disturbance");
  if (const double held_up = numberAt(disturbance, "held_up_trials"); held_up > 0) {
    std::printf("  THE MACHINE WAS BUSY: %s trials had to be repeated\n", grouped(held_up).c_str());
  }
  if (const double moved = numberAt(disturbance, "moved_trials"); moved > 0) {
    std::printf(
        "  CORES WERE MOVED APART: %s trials repeated; a cache line there and back took %.0f ns at best, %.0f at "
        "worst\n",
        grouped(moved).c_str(), numberAt(disturbance, "core_round_trip_ns"),
        numberAt(disturbance, "core_round_trip_max_ns"));
  }
  for (const auto& [name, count] : objectAt(result, "drops_of_all_trials")) {
    std::printf("  dropped in all trials, also those meant to fail: %s %s\n", std::string(name).c_str(),
                grouped(count.to_number<double>()).c_str());
  }
  std::fflush(stdout);
}

}  // namespace

int forwardCommand(int argc, char** argv) {
  Settings settings;
  po::options_description options = loadOptions(settings.load, "50");
  options.add_options()("repeats", po::value(&settings.repeats)->default_value(settings.repeats), "of each search");
  options.add_options()("precision", po::value(&settings.precision)->default_value(settings.precision), "of a search");
  options.add_options()("mac-swap", po::bool_switch(&settings.mac_swap),
                        "also what dpdk-testpmd does that swaps MAC addresses over the same net_memif");
  CommandLine line(
      "forward",
      "Finds the highest rate at which one worker forwards without any loss (NDR), and with 0.5 % (PDR), by\n"
      "bisection in the manner of RFC 2544, several times over. Real SRTP both ways through a DPDK port; every\n"
      "packet of every stream is looked at, one in 997 decrypted. Needs two quiet cores.",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  if (settings.repeats == 0) throw std::invalid_argument("--repeats: 1 or more");
  const std::vector<Case> cases = casesOf(settings.load);
  json::object file = beginResult(
      "forward",
      {{"seconds", settings.load.seconds}, {"repeats", settings.repeats}, {"precision", settings.precision}});
  if (settings.mac_swap) file["mac_swap"] = isolated([&] { return measureOther(cases.front().plan); });
  return runCases(line, cases,
                  {.file = std::move(file),
                   .steps_per_case = kStepsPerSearch + kStepsPerSearch / 2 * (settings.repeats - 1),
                   .measure = [&](const Case& what, Progress& progress) { return measure(what, settings, progress); },
                   .print = print});
}

}  // namespace penstock::bench
