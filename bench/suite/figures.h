// The figures that this relay wants to show, each beside what is wanted: found in the results of a run. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace penstock::bench {

struct Figure {
  std::string name;
  std::string wanted;
  std::string measured;         // in words; empty: not measured
  std::optional<bool> reached;  // nothing where nothing is wanted but to state it
  std::string beside;           // what to know about it
};

std::vector<Figure> figuresOf(const std::vector<boost::json::object>& files);

boost::json::array describe(const std::vector<Figure>& figures);

}  // namespace penstock::bench
