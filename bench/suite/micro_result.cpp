#include "bench/suite/micro_result.h"

#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "bench/suite/result.h"
#include "bench/suite/statistics.h"

namespace penstock::bench {

namespace json = boost::json;

json::object splitMicroName(const std::string& name) {
  json::object parameters;
  std::string family;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '/');) {
    const size_t colon = part.find(':');
    if (family.empty()) {
      family = part;
    } else if (colon != std::string::npos && part.substr(0, colon) != "iterations" &&
               part.substr(0, colon) != "repeats") {
      parameters[part.substr(0, colon)] = std::strtod(part.c_str() + colon + 1, nullptr);
    }
  }
  return {{"family", family}, {"parameters", parameters}};
}

json::array microResults(const json::object& google) {
  struct Repeats {
    std::vector<double> cycles, rates;
  };
  std::map<std::string, Repeats> by_name;
  std::vector<std::string> order;
  for (const json::value& value : arrayAt(google, "benchmarks")) {
    const json::object& run = value.as_object();
    if (textAt(run, "run_type") == "aggregate") continue;
    const std::string name = textAt(run, "run_name");
    if (!by_name.contains(name)) order.push_back(name);
    by_name[name].cycles.push_back(numberAt(run, "cycles/packet"));
    by_name[name].rates.push_back(numberAt(run, "items_per_second"));
  }
  json::array results;
  for (const std::string& name : order) {
    const Spread cycles = spreadOf(by_name[name].cycles);
    json::object result = splitMicroName(name);
    result["name"] = name;
    result["cycles_per_packet"] = cycles.median;
    result["cycles_min"] = cycles.min;
    result["cycles_max"] = cycles.max;
    result["packets_per_second"] = spreadOf(by_name[name].rates).median;
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace penstock::bench
