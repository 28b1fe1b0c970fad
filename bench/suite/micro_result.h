// Google Benchmark's JSON -> ours: one entry a benchmark, the median of its repeats, arguments by name.
#pragma once

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace penstock::bench {

/// "forward/profile:7/bytes:1200/subscribers:50/iterations:64" -> family "forward" and its parameters.
boost::json::object splitMicroName(const std::string& name);

boost::json::array microResults(const boost::json::object& google);

}  // namespace penstock::bench
