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
  std::string sizes, payloads = "1200", profiles = "gcm", backends = "auto";
  std::string mix;
  uint32_t rooms = 1, keys = 0;
  uint16_t audio_payload = 120;
  std::string device;
  int relay_core = -1, generator_core = -1;
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
  boost::json::object labels;  // goes into its result
};

/// Throws std::invalid_argument.
std::vector<Case> casesOf(const LoadOptions& options);

/// Runs `measure` in a process of its own: DPDK starts once in a process, and every case has another relay. Throws
/// std::runtime_error with what went wrong there.
boost::json::object isolated(const std::function<boost::json::object()>& measure);

}  // namespace penstock::bench
