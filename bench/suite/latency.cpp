// One-way delay by load, and beside it what the machine does to a loop that only looks at the clock.
#include <cstdio>

#include "bench/load/jitter.h"
#include "bench/suite/command.h"
#include "bench/suite/load_session.h"
#include "bench/suite/result.h"
#include "dataplane/port/eal.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

constexpr size_t kStepsPerCase = 22;
constexpr double kShares[] = {0.1, 0.5, 0.9};
constexpr uint64_t kSecondNs = 1'000'000'000;
// Events a second that the empty loop is asked to notice: as many as packets would matter.
constexpr uint64_t kJitterIntervalNs = 10'000;

// So many trials are left out in which cores were moved apart.
constexpr int kMovedMax = 10;

struct Settings {
  LoadOptions load;
  double delay_seconds = 5;
  double jitter_seconds = 3;
};

json::array measureMachine(double seconds) {
  std::vector<int> cores = allowedCores();
  if (cores.size() > 2) cores.resize(2);
  const std::vector<Histogram> delays = measureJitter(cores, kJitterIntervalNs, seconds);
  json::array machine;
  for (size_t i = 0; i < cores.size(); ++i) {
    json::object described = delaysOf(delays[i]);
    described["core"] = cores[i];
    machine.push_back(std::move(described));
  }
  return machine;
}

/// As many seconds as asked for, in trials as long as the store allows.
json::object measureShare(LoadSession& session, double ndr_in, double share, double seconds) {
  const double rate = ndr_in * share;
  Histogram all;
  uint64_t expected = 0, lost = 0;
  double measured = 0;
  bool stalled = false;
  int moved = 0;
  json::object at_rate;
  while (measured < seconds) {
    const double length = session.secondsAt(rate, std::min(seconds - measured + 0.01, 5.0));
    Trial trial = session.run({.steps = {{0, rate}},
                               .duration_ns = static_cast<uint64_t>(length * static_cast<double>(kSecondNs)),
                               .delays = true},
                              "delay at");
    if (trial.moved && ++moved <= kMovedMax) continue;
    if (trial.held_up) stalled = true;
    all.merge(*trial.delays);
    expected += trial.expectedAll();
    lost += trial.lostAll();
    measured += length;
    at_rate = describeTrial(trial);
  }
  json::object result{{"share_of_ndr", share},  {"out_per_second", rate * session.scenario().fanOut()},
                      {"lost", lost},           {"expected", expected},
                      {"delay", delaysOf(all)}, {"busy_share", at_rate["busy_share"]}};
  result["generator_held_up"] = stalled;
  result["moved_trials"] = moved;
  result["pdv_us"] = numberAt(objectAt(result, "delay"), "p999_us") - numberAt(objectAt(result, "delay"), "min_us");
  return result;
}

json::object measure(const Case& what, const Settings& settings, Progress& progress) {
  LoadSession session(what, settings.load.seconds, progress);
  RateSearch search({.first = startRate(session.scenario()), .precision = 0.03});
  session.search(search, kNoLoss, "NDR");
  const double ndr_in = search.found(kNoLoss);
  if (ndr_in == 0) throw std::runtime_error("no rate without loss was found");
  json::object result = what.labels;
  result["ndr_out_per_second"] = ndr_in * session.scenario().fanOut();
  result["generator_limited"] = search.limited(kNoLoss);
  json::array loads;
  for (const double share : kShares) loads.push_back(measureShare(session, ndr_in, share, settings.delay_seconds));
  result["loads"] = loads;
  return result;
}

void printDelay(const std::string& what, const json::object& delay, const std::string& after) {
  std::printf("  %-34s", what.c_str());
  for (const char* key : {"p50_us", "p90_us", "p99_us", "p999_us", "p9999_us", "max_us"}) {
    std::printf(" %9.1f", numberAt(delay, key));
  }
  std::printf("%s\n", after.c_str());
}

void printHead(const std::string& what) {
  std::printf("\n%s\n  %-34s %9s %9s %9s %9s %9s %9s\n", what.c_str(), "microseconds", "p50", "p90", "p99", "p99.9",
              "p99.99", "max");
}

void print(const json::object& result) {
  printHead(textAt(result, "name") + ", worker's idle: " + textAt(result, "relay_idle"));
  for (const json::value& entry : arrayAt(result, "loads")) {
    const json::object& load = entry.as_object();
    const double lost = numberAt(load, "lost");
    printDelay(grouped(100 * numberAt(load, "share_of_ndr")) + " % of NDR, " +
                   grouped(numberAt(load, "out_per_second")) + " packets/s out",
               objectAt(load, "delay"), lost > 0 ? "  lost " + grouped(lost) : "");
  }
  std::fflush(stdout);
}

}  // namespace

int latencyCommand(int argc, char** argv) {
  Settings settings;
  po::options_description options = loadOptions(settings.load, "1,10,50");
  auto add = options.add_options();
  add("delay-seconds", po::value(&settings.delay_seconds)->default_value(settings.delay_seconds),
      "measured at each load");
  add("jitter-seconds", po::value(&settings.jitter_seconds)->default_value(settings.jitter_seconds),
      "of the empty loop");
  CommandLine line(
      "latency",
      "One-way delay of every packet, from the moment the generator gives it to its port until the sink has it\n"
      "from its own, same thread, same clock, at 10, 50 and 90 % of the highest rate without loss. Includes\n"
      "both crossings of net_memif and the generator's own turn (some microseconds). Packets of one\n"
      "fan-out leave one after another: the last of N waits for N-1, so the fan-out is stated. An empty loop on\n"
      "both cores, measured just before, shows what the machine itself adds.",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  const std::vector<Case> cases = casesOf(settings.load);
  json::object file = beginResult("latency", {{"seconds", settings.delay_seconds}});
  file["machine_jitter"] = measureMachine(settings.jitter_seconds);
  printHead("The machine itself: an empty loop, how late it notices an event every 10 us");
  for (const json::value& core : arrayAt(file, "machine_jitter")) {
    printDelay("core " + grouped(numberAt(core.as_object(), "core")), core.as_object(), "");
  }
  return runCases(line, cases,
                  {.file = std::move(file),
                   .steps_per_case = kStepsPerCase,
                   .measure = [&](const Case& what, Progress& progress) { return measure(what, settings, progress); },
                   .print = print});
}

}  // namespace penstock::bench
