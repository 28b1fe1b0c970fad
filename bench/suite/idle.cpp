// A relay that has nothing to do: what CPU it takes with silent participants, and how soon the first packet after a
// silence is through.
#include <unistd.h>

#include <cstdio>

#include "bench/load/generator.h"
#include "bench/load/relay_process.h"
#include "bench/suite/command.h"
#include "bench/suite/load_options.h"
#include "bench/suite/load_session.h"
#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

struct Settings {
  LoadOptions load;
  double idle_seconds = 10;
  uint32_t wakes = 30;
  uint32_t silence_ms = 200;
};

json::object measure(const Case& what, const Settings& settings, Progress& progress) {
  LoadSession session(what, settings.load.seconds, progress);
  json::object result = what.labels;
  progress.step("silence");
  const uint64_t cpu_ns = session.silence(settings.idle_seconds);
  result["cpu_share"] = static_cast<double>(cpu_ns) / 1e9 / settings.idle_seconds;
  result["what"] = "the dataplane's workers; every participant sends a check each 2.5 s";
  result["silence"] = std::to_string(settings.silence_ms) + " ms of silence";
  Histogram delays;
  uint64_t lost = 0;
  for (uint32_t i = 0; i < settings.wakes; ++i) {
    usleep(settings.silence_ms * 1000);
    // One packet: the rate is such that a second one would be due after the trial.
    const Trial trial =
        session.run({.steps = {{0, 100}}, .duration_ns = 15'000'000, .delays = true}, "first packet at");
    delays.merge(*trial.delays);
    lost += trial.lostAll();
  }
  result["first_packet"] = delaysOf(delays);
  result["lost"] = lost;
  return result;
}

void print(const json::object& result) {
  const json::object& delay = objectAt(result, "first_packet");
  std::printf("\n%s\n  idle: %.2f %% of one core (%s)\n", textAt(result, "name").c_str(),
              100 * numberAt(result, "cpu_share"), textAt(result, "what").c_str());
  std::printf("  first packet after %s: p50 %.0f us, p99 %.0f us, longest %.0f us, of %s; lost %s\n",
              textAt(result, "silence").c_str(), numberAt(delay, "p50_us"), numberAt(delay, "p99_us"),
              numberAt(delay, "max_us"), grouped(numberAt(delay, "count")).c_str(),
              grouped(numberAt(result, "lost")).c_str());
}

}  // namespace

int idleCommand(int argc, char** argv) {
  Settings settings;
  settings.load.relay_sleeps = true;
  po::options_description options = loadOptions(settings.load, "99");
  auto add = options.add_options();
  add("idle-seconds", po::value(&settings.idle_seconds)->default_value(settings.idle_seconds),
      "of silence, for the CPU");
  add("wakes", po::value(&settings.wakes)->default_value(settings.wakes), "packets sent into a silence");
  add("silence-ms", po::value(&settings.silence_ms)->default_value(settings.silence_ms), "before each of them");
  CommandLine line(
      "idle",
      "CPU time of a relay whose workers back off, as they do unless told to poll, while its participants\n"
      "only show that they are there (ICE checks, each 2.5 s); then the delay of a packet sent into a silence.",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  settings.load.relay_sleeps = true;
  const std::vector<Case> cases = casesOf(settings.load);
  return runCases(line, cases,
                  {.file = beginResult("idle", {{"seconds", settings.idle_seconds}}),
                   .steps_per_case = settings.wakes + 2,
                   .measure = [&](const Case& what, Progress& progress) { return measure(what, settings, progress); },
                   .print = print});
}

}  // namespace penstock::bench
