// The machine a figure belongs to, and who else used it meanwhile.
#pragma once

#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

namespace penstock::bench {

/// From /proc/stat, all cores together, in clock ticks.
struct CpuTimes {
  uint64_t all = 0, stolen = 0, idle = 0;
};
CpuTimes cpuTimes();

boost::json::object describeMachine();
/// Share of time the hypervisor took, and the load average at the end.
boost::json::object describeQuiet(const CpuTimes& before, const CpuTimes& after);

/// One line for people: CPU, cores, kernel, memory.
std::string machineLine(const boost::json::object& machine);

}  // namespace penstock::bench
