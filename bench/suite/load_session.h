// One relay under load and what is asked of it: the highest rate for a goal, trials at a rate, all noted for the
// result.
#pragma once

#include <memory>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "bench/load/core_distance.h"
#include "bench/load/generator.h"
#include "bench/load/loaded_relay.h"
#include "bench/suite/load_options.h"
#include "bench/suite/progress.h"
#include "bench/suite/search.h"

namespace penstock::bench {

inline constexpr double kNoLoss = 0;
inline constexpr double kPartialLoss = 0.005;

/// Goes with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class LoadSession {
 public:
  /// Starts relay and generator: only in a process that may start DPDK. `what` outlives it.
  LoadSession(const Case& what, double seconds, Progress& progress);

  /// Bisects until the goal's rate is known. Rates are packets published per second.
  void search(RateSearch& rates, double loss_max, const char* goal);
  Trial run(const TrialRequest& request, const std::string& label);
  /// The same, repeated if the generator was held up for too long, or if the hypervisor moved the cores apart. The
  /// cores may stay apart; what cannot be had is a trial in which the generator had its core: throws
  /// std::runtime_error.
  Trial undisturbed(const TrialRequest& request, const std::string& label);
  /// Repeated trials, and how far apart the cores of generator and first worker were.
  boost::json::object disturbance() const;
  /// As long as a trial at this rate can be: `wanted`, or what the packets encrypted ahead allow.
  double secondsAt(double rate, double wanted) const;
  double secondsAt(double rate) const { return secondsAt(rate, seconds_); }

  const Scenario& scenario() const { return what_.plan.scenario; }
  const LoadedRelay& relay() const { return *relay_; }
  uint32_t workers() const { return plan_.workers(); }
  /// [in/s, out/s, loss ratio, limited] of every trial.
  const boost::json::array& trials() const { return trials_; }
  /// Drops by name in all trials.
  boost::json::object drops() const;

 private:
  const Case& what_;
  double seconds_;
  Progress& progress_;
  const TemporaryFolder folder_;
  const RunPlan plan_;
  const std::unique_ptr<LoadedRelay> relay_;
  Generator generator_;
  boost::json::array trials_;
  CounterValues start_;
  CoreDistance distance_;
  uint64_t held_up_ = 0, moved_ = 0;
};

/// Where to begin a search: what crypto alone says, or a guess.
double startRate(const Scenario& scenario);

/// What a trial shows of the relay itself.
boost::json::object dropsOf(const CounterValues& counters);
boost::json::object describeTrial(const Trial& trial);
/// "sent 1,000 lost 3 ..." for progress and errors.
std::string sayTrial(const Trial& trial);

}  // namespace penstock::bench
