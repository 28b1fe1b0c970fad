// A result file: one JSON object with what was measured, on which machine, with which versions, and how quiet it was.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "bench/load/histogram.h"

namespace penstock::bench {

inline constexpr int kResultVersion = 1;

/// Begins a file: kind ("forward", ...), time, machine, versions, settings. Load of others is counted from here.
boost::json::object beginResult(const std::string& kind, const boost::json::object& settings);
/// Adds how quiet the machine was since, and writes it if there is a path. Throws std::runtime_error.
void finishResult(boost::json::object& result, const std::string& path);

/// Throws std::runtime_error if it is no result file.
boost::json::object readResult(const std::string& path);

/// Percentiles of delays, in microseconds, and points to plot.
boost::json::object delaysOf(const Histogram& delays);

/// "1234567.8" -> "1,234,568".
std::string grouped(double number);

// Reading what may be missing.
double numberAt(const boost::json::object& object, const char* key, double otherwise = 0);
std::string textAt(const boost::json::object& object, const char* key);
const boost::json::object& objectAt(const boost::json::object& object, const char* key);
const boost::json::array& arrayAt(const boost::json::object& object, const char* key);

}  // namespace penstock::bench
