// How the packet path grows: with workers, and with subscriptions. No port, no generator: every core is a worker's.
#include <algorithm>
#include <cstdio>
#include <map>
#include <stdexcept>

#include <boost/json/serialize.hpp>

#include "bench/load/cpu_clock.h"
#include "bench/load/pin.h"
#include "bench/load/portless.h"
#include "bench/suite/alone.h"
#include "bench/suite/command.h"
#include "bench/suite/load_options.h"
#include "bench/suite/load_session.h"
#include "bench/suite/result.h"
#include "bench/suite/statistics.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

struct Settings {
  LoadOptions load;
  double run_seconds = 2;
  uint32_t repeats = 3;
};

json::object memoryOf(const Scenario& scenario, const PortlessRun& run) {
  const auto each = [](uint64_t bytes, size_t count) {
    return static_cast<double>(bytes) / static_cast<double>(count);
  };
  return {{"base_bytes", run.base_bytes},
          {"scenario_bytes", run.rows.all()},
          {"per_transport", each(run.rows.transports, scenario.participants)},
          {"per_track", each(run.rows.tracks, scenario.tracks.size())},
          {"per_subscription", each(run.rows.subscriptions, scenario.subscriptions.size())}};
}

/// On the first worker's core, with as many keys.
double cryptoAlone(const Case& what, double seconds) {
  if (what.plan.worker_cores[0]) pinThread(*what.plan.worker_cores[0]);
  const Alone alone = measureAlone(what, seconds);
  const bool bare = alone.bare_seconds > 0 && textAt(what.labels, "backend") != "libsrtp";
  return 1 / (bare ? alone.bare_seconds : alone.seconds);
}

json::object measure(const Case& what, double seconds) {
  const double alone = cryptoAlone(what, std::min(seconds / 4, 0.5));
  const PortlessRun run = runPortless(what.plan, seconds);
  if (run.out == 0) {
    throw std::runtime_error(
        what.name + ": " + grouped(static_cast<double>(run.missing)) +
        " packets were lost before anything could be measured: " + json::serialize(dropsOf(run.counters)));
  }
  json::array by_worker(run.out_of.begin(), run.out_of.end());
  const double out = static_cast<double>(run.out), busy_ns = static_cast<double>(run.busy_ns);
  return {{"seconds", run.seconds},
          {"out", run.out},
          {"missing", run.missing},
          {"out_per_second", out / run.seconds},
          {"alone_out_per_second", alone},
          {"cycles_per_packet_out", busy_ns * cyclesPerNs() / out},
          {"busy_share", busy_ns / (busy_ns + static_cast<double>(run.idle_ns))},
          {"sent_by_worker", by_worker},
          {"memory", memoryOf(what.plan.scenario, run)}};
}

struct Repeats {
  std::vector<double> rates, cycles, busy, alone;
  double missing = 0;
  json::array by_worker;
  json::object memory;
};

json::object describe(const Case& what, const Repeats& repeats) {
  json::object result = what.labels;
  const Spread rate = spreadOf(repeats.rates);
  result["out_per_second"] = rate.median;
  result["min"] = rate.min;
  result["max"] = rate.max;
  result["cycles_per_packet_out"] = spreadOf(repeats.cycles).median;
  const double alone = spreadOf(repeats.alone).median;
  result["alone_out_per_second"] = alone;
  // A worker's, of what crypto alone does on one core.
  result["ratio_to_alone"] = rate.median / numberAt(result, "workers", 1) / alone;
  result["busy_share"] = spreadOf(repeats.busy).median;
  result["missing"] = repeats.missing;
  result["sent_by_worker"] = repeats.by_worker;
  result["memory"] = repeats.memory;
  return result;
}

/// Beside what one worker did with the same scenario, if that was measured.
void addScaling(json::array& results) {
  std::map<std::string, const json::object*> ones;
  const auto keyOf = [](const json::object& result) {
    std::string key;
    for (const char* part : {"what", "profile", "backend"}) key += textAt(result, part) + "|";
    for (const char* part : {"keys", "payload_bytes"}) key += std::to_string(numberAt(result, part)) + "|";
    return key;
  };
  for (const json::value& value : results) {
    const json::object& result = value.as_object();
    if (numberAt(result, "workers") == 1) ones[keyOf(result)] = &result;
  }
  for (json::value& value : results) {
    json::object& result = value.as_object();
    const auto one = ones.find(keyOf(result));
    const double workers = numberAt(result, "workers");
    if (one == ones.end() || workers <= 1) continue;
    result["speedup"] = numberAt(result, "out_per_second") / numberAt(*one->second, "out_per_second");
    result["speedup_by_cycles"] =
        workers * numberAt(*one->second, "cycles_per_packet_out") / numberAt(result, "cycles_per_packet_out");
  }
}

void print(const json::array& results) {
  std::printf("\n%-52s %12s %12s %10s %9s %12s\n", "the path without a port", "packets/s", "cycles each", "of crypto",
              "speed-up", "of rows");
  for (const json::value& value : results) {
    const json::object& result = value.as_object();
    char speedup[32] = "";
    if (const double times = numberAt(result, "speedup"); times > 0)
      std::snprintf(speedup, sizeof(speedup), "%.2f", times);
    std::printf("%-52s %12s %12s %8.0f %% %9s %8.1f MiB\n", textAt(result, "name").c_str(),
                grouped(numberAt(result, "out_per_second")).c_str(),
                grouped(numberAt(result, "cycles_per_packet_out")).c_str(), 100 * numberAt(result, "ratio_to_alone"),
                speedup, numberAt(objectAt(result, "memory"), "scenario_bytes") / 1048576);
    if (const double missing = numberAt(result, "missing"); missing > 0) {
      std::printf("  NOT SENT: %s packets that should have been\n", grouped(missing).c_str());
    }
  }
}

}  // namespace

int coresCommand(int argc, char** argv) {
  Settings settings;
  settings.load.workers = "1,2";
  po::options_description options = loadOptions(settings.load, "2000");
  auto add = options.add_options();
  add("run-seconds", po::value(&settings.run_seconds)->default_value(settings.run_seconds),
      "of each measurement, 0.2 to 8");
  add("repeats", po::value(&settings.repeats)->default_value(settings.repeats), "of each, taken in turns");
  CommandLine line(
      "cores",
      "The whole path of N workers, with the rings between them, mempool, crypto and timers, but without a port: each\n"
      "worker takes prepared packets of the publishers it owns, as fast as it can, and what it sends is counted and\n"
      "gone. Says how much each further worker adds (--workers 1,2,4), and what a packet costs with few and with many\n"
      "subscriptions (--workers 1 --size 10 --keys 10,100,1000,10000). --generator-core, --device and --ring mean "
      "nothing.",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  if (settings.run_seconds < 0.2 || settings.run_seconds > 8) throw std::invalid_argument("--run-seconds: 0.2 to 8");
  if (settings.repeats == 0) throw std::invalid_argument("--repeats: 1 or more");
  const std::vector<Case> cases = casesOf(settings.load);
  json::object file = beginResult("cores", {{"seconds", settings.run_seconds}, {"repeats", settings.repeats}});
  Progress progress(settings.repeats, cases.size());
  std::vector<Repeats> measured(cases.size());
  for (uint32_t repeat = 0; repeat < settings.repeats; ++repeat) {
    progress.begin("repeat " + std::to_string(repeat + 1));
    for (size_t i = 0; i < cases.size(); ++i) {
      const json::object run = isolated([&] { return measure(cases[i], settings.run_seconds); });
      measured[i].rates.push_back(numberAt(run, "out_per_second"));
      measured[i].cycles.push_back(numberAt(run, "cycles_per_packet_out"));
      measured[i].alone.push_back(numberAt(run, "alone_out_per_second"));
      measured[i].busy.push_back(numberAt(run, "busy_share"));
      measured[i].memory = objectAt(run, "memory");
      measured[i].missing += numberAt(run, "missing");
      measured[i].by_worker = arrayAt(run, "sent_by_worker");
      progress.step(cases[i].name + ": " + grouped(numberAt(run, "out_per_second")) + "/s out");
    }
  }
  progress.end();
  json::array& results = file["results"].as_array();
  for (size_t i = 0; i < cases.size(); ++i) results.push_back(describe(cases[i], measured[i]));
  addScaling(results);
  print(results);
  finishResult(file, line.json());
  return kExitOk;
}

}  // namespace penstock::bench
