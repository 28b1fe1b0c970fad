// What the planner takes from result files and from words of the command line.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "bench/suite/planner.h"

namespace penstock::bench {

struct PlanInput {
  std::vector<MeasuredPoint> points;
  double clock_hz = 0;
  double joins_per_second_and_core = 0;
  boost::json::object machine;  // of the points; those of another machine are refused
};

/// Points of this profile, and of this backend unless it is empty. Throws std::invalid_argument if they come from
/// machines with different CPUs.
PlanInput collectPlanInput(const std::vector<boost::json::object>& files, const std::string& profile,
                           const std::string& backend);

/// "rooms=100,size=10,publishers=4,video-kbps=1500". Throws std::invalid_argument.
RoomDemand parseRoomDemand(const std::string& text);

}  // namespace penstock::bench
