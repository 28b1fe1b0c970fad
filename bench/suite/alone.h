// What crypto alone would do with the packets of a case: the ceiling of what the relay does.
#pragma once

#include <boost/json/object.hpp>

#include "bench/suite/load_options.h"

namespace penstock::bench {

struct Alone {
  // Of each packet out: its own protection, and its share of the unprotection of what it came from.
  double seconds = 0, bare_seconds = 0;  // by the backend; by ipsec-mb itself, 0 where that is not there
  boost::json::object described;
};

/// Every payload size of the scenario, by how often it is received and sent. In the process that it is called in, on
/// whatever core that is.
Alone measureAlone(const Case& what, double seconds);

}  // namespace penstock::bench
