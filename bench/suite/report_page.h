// All results as one page of HTML: nothing to load, nothing to run, readable on paper.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace penstock::bench {

/// Pure: the same results make the same page. `first` is HTML to begin with.
std::string reportPage(const std::vector<boost::json::object>& files, const std::string& first = "");

/// One kind of result: heading, plots, table. Empty for a kind that is not known.
std::string reportSection(const boost::json::object& file);

std::string coresSection(const boost::json::object& file);
std::string idleSection(const boost::json::object& file);
/// Of a suite: the figures wanted beside those measured. Empty if there are none.
std::string figuresSection(const boost::json::object& suite);

/// A table with a head; cells are text and get escaped. The first column is words, the others numbers.
std::string htmlTable(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);

}  // namespace penstock::bench
