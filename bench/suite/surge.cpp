// Load that steps from 1x to 5x and back: what gets through, by class, how late, and how long until all is well again.
#include <cstdio>

#include "bench/suite/command.h"
#include "bench/suite/load_session.h"
#include "bench/suite/result.h"
#include "bench/suite/steady.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

constexpr size_t kStepsPerCase = 18;
constexpr uint64_t kSliceNs = 10'000'000;
constexpr size_t kWindow = 5;  // slices: 50 ms
constexpr double kSteadyTolerance = 0.1;

struct Settings {
  LoadOptions load;
  double base = 0.5;
  double factor = 5;
  double step_seconds = 3;
};

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// One step of the load, from its slices.
json::object describeStep(std::span<const Slice> slices, double factor, double seconds) {
  std::array<uint64_t, kClasses> expected{}, received{};
  uint64_t delay_max_ns = 0;
  std::vector<double> delivered;
  for (const Slice& slice : slices) {
    for (size_t c = 0; c < kClasses; ++c) {
      expected[c] += slice.expected[c];
      received[c] += slice.received[c];
    }
    delay_max_ns = std::max(delay_max_ns, slice.delay_max_ns);
    delivered.push_back(ratio(slice.received[0] + slice.received[1], slice.expected[0] + slice.expected[1]));
  }
  const auto steady = steadyFrom(delivered, kSteadyTolerance, kWindow);
  json::object step{{"factor", factor},
                    {"offered_out_per_second", static_cast<double>(expected[0] + expected[1]) / seconds},
                    {"delivered_out_per_second", static_cast<double>(received[0] + received[1]) / seconds},
                    {"audio_loss_ratio", 1 - (expected[0] == 0 ? 1 : ratio(received[0], expected[0]))},
                    {"video_loss_ratio", 1 - (expected[1] == 0 ? 1 : ratio(received[1], expected[1]))},
                    {"delay_max_us", static_cast<double>(delay_max_ns) / 1000}};
  if (steady) step["steady_after_ms"] = static_cast<double>(*steady * kSliceNs) / 1e6;
  return step;
}

json::array timelineOf(const std::vector<Slice>& slices) {
  json::array timeline;
  for (size_t i = 0; i < slices.size(); ++i) {
    const Slice& slice = slices[i];
    timeline.push_back(json::array{static_cast<double>(i * kSliceNs) / 1e9, slice.expected[0], slice.received[0],
                                   slice.expected[1], slice.received[1],
                                   static_cast<double>(slice.delay_max_ns) / 1000});
  }
  return timeline;
}

json::object measure(const Case& what, const Settings& settings, Progress& progress) {
  LoadSession session(what, settings.load.seconds, progress);
  RateSearch search({.first = startRate(session.scenario()), .precision = 0.05});
  session.search(search, kNoLoss, "NDR");
  const double ndr_in = search.found(kNoLoss);
  if (ndr_in == 0) throw std::runtime_error("no rate without loss was found");
  const double base = ndr_in * settings.base;
  // All packets of the run are encrypted ahead: what does not fit makes the steps shorter.
  const double per_second = base * (2 + settings.factor);
  const double seconds = session.secondsAt(per_second, std::min(settings.step_seconds, 5.0));
  const auto step_ns = static_cast<uint64_t>(seconds * 1e9) / kSliceNs * kSliceNs;
  const Trial trial = session.undisturbed({.steps = {{0, base}, {step_ns, base * settings.factor}, {2 * step_ns, base}},
                                           .duration_ns = 3 * step_ns,
                                           .slice_ns = kSliceNs},
                                          "surge");
  json::object result = what.labels;
  result["ndr_out_per_second"] = ndr_in * session.scenario().fanOut();
  result["base_share_of_ndr"] = settings.base;
  result["step_seconds"] = static_cast<double>(step_ns) / 1e9;
  result["slice_ms"] = static_cast<double>(kSliceNs) / 1e6;
  json::array steps;
  const size_t slices = step_ns / kSliceNs;
  for (size_t i = 0; i < 3; ++i) {
    const std::span<const Slice> part = std::span(trial.slices).subspan(i * slices, slices);
    steps.push_back(describeStep(part, i == 1 ? settings.factor : 1, static_cast<double>(step_ns) / 1e9));
  }
  result["steps"] = steps;
  result["generator_limited"] = trial.generator_limited;
  result["trial"] = describeTrial(trial);
  result["timeline"] = timelineOf(trial.slices);
  return result;
}

void print(const json::object& result) {
  std::printf("\n%s: steps of %.1f s, 1x = %.0f %% of NDR (%s packets/s out)\n", textAt(result, "name").c_str(),
              numberAt(result, "step_seconds"), 100 * numberAt(result, "base_share_of_ndr"),
              grouped(numberAt(result, "ndr_out_per_second")).c_str());
  std::printf("  %-6s %14s %14s %12s %12s %14s %12s\n", "load", "offered/s", "delivered/s", "audio lost", "video lost",
              "delay max", "steady after");
  for (const json::value& entry : arrayAt(result, "steps")) {
    const json::object& step = entry.as_object();
    const std::string steady =
        step.contains("steady_after_ms") ? grouped(numberAt(step, "steady_after_ms")) + " ms" : "never";
    std::printf("  %4.1fx  %14s %14s %10.2f %% %10.2f %% %11s us %12s\n", numberAt(step, "factor"),
                grouped(numberAt(step, "offered_out_per_second")).c_str(),
                grouped(numberAt(step, "delivered_out_per_second")).c_str(), 100 * numberAt(step, "audio_loss_ratio"),
                100 * numberAt(step, "video_loss_ratio"), grouped(numberAt(step, "delay_max_us")).c_str(),
                steady.c_str());
  }
  if (result.at("generator_limited").as_bool()) std::printf("  the generator offered less than it should have\n");
  std::fflush(stdout);
}

}  // namespace

int surgeCommand(int argc, char** argv) {
  Settings settings;
  settings.load.workload = "meeting";
  po::options_description options = loadOptions(settings.load, "10");
  auto add = options.add_options();
  add("base", po::value(&settings.base)->default_value(settings.base), "1x, as a share of the rate without loss");
  add("factor", po::value(&settings.factor)->default_value(settings.factor), "of the step");
  add("step-seconds", po::value(&settings.step_seconds)->default_value(settings.step_seconds), "each step lasts");
  CommandLine line(
      "surge",
      "Steps of load: 1x, 5x, 1x. Says what was delivered, what was lost of audio and of video, the longest\n"
      "delay, and after how long the share delivered came to rest. The relay sheds nothing by class yet: at 5x\n"
      "audio is lost like video. (A storm of joins is part of the command joins.)",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  if (settings.base <= 0 || settings.factor < 1 || settings.step_seconds < 0.5) {
    throw std::invalid_argument("--base above 0, --factor 1 or more, --step-seconds 0.5 or more");
  }
  const std::vector<Case> cases = casesOf(settings.load);
  json::object file = beginResult("surge", {{"factor", settings.factor}, {"base", settings.base}});
  return runCases(line, cases,
                  {.file = std::move(file),
                   .steps_per_case = kStepsPerCase,
                   .measure = [&](const Case& what, Progress& progress) { return measure(what, settings, progress); },
                   .print = print});
}

}  // namespace penstock::bench
