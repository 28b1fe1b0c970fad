// The options that forward, latency and surge share, and the cases they make: every combination of the lists.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include "bench/load/run_plan.h"
#include "bench/suite/progress.h"

namespace penstock::bench {

struct LoadOptions {
  std::string workload = "webinar";
  std::string sizes, payloads = "1200", profiles = "gcm", backends = "auto", workers = "1", keys = "0";
  std::string mix;
  uint32_t rooms = 1;
  uint16_t audio_payload = 120;
  std::string device, relay_device, programs;
  std::string worker_cores;
  int generator_core = -1;
  uint32_t ring_log2 = 12;
  uint32_t store_mib = 512;
  bool relay_sleeps = false;
  bool busy = false;  // a figure is wanted even if it means nothing
  double seconds = 1;
};

/// Adds them to a command's own. `sizes` is the default of --size.
boost::program_options::options_description loadOptions(LoadOptions& options, const std::string& sizes);

/// One thing to measure.
struct Case {
  std::string name;
  RunPlan plan;
  bool busy = false;           // do not refuse on a busy machine
  uint32_t keys = 0;           // asked for; 0 = as many as the workload has
  boost::json::object labels;  // goes into its result
};

/// Throws std::invalid_argument.
std::vector<Case> casesOf(const LoadOptions& options);

/// Cores for so many workers: those named, or the last of this machine, the first being the generator's.
std::vector<std::optional<int>> coresFor(uint32_t workers, const std::string& named);
/// "1,2,4" -> numbers. Throws std::invalid_argument.
std::vector<uint32_t> numbersOf(const std::string& list);

/// Runs `measure` in a process of its own: DPDK starts once in a process, and every case has another relay. Throws
/// std::runtime_error with what went wrong there.
boost::json::object isolated(const std::function<boost::json::object()>& measure);

class CommandLine;
/// What forward, latency and surge do alike: measures every case in a process of its own, says what came of it, and
/// writes all into one file. Returns the exit code.
struct LoadCommand {
  boost::json::object file;  // begun
  size_t steps_per_case;     // a guess, for the progress bar
  std::function<boost::json::object(const Case&, Progress&)> measure;
  std::function<void(const boost::json::object&)> print;
};
int runCases(const CommandLine& line, const std::vector<Case>& cases, LoadCommand command);

}  // namespace penstock::bench
