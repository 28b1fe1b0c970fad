// The regions as JSON, for people and tests: what `penstockctl` prints. Keys and passwords are left out.
#pragma once

#include <boost/json/object.hpp>

#include "dataplane/contract/regions.h"

namespace penstock {

/// Arrays "transports", "tracks", "subscriptions" of flat objects. `reports` may be nullptr.
boost::json::object inspectTables(const contract::TablesRegion& tables, const contract::ReportsRegion* reports);

/// "counters": [{name, value, help}], all of them, summed over workers and housekeeping; "receive" and "send": the two
/// conservation sums with their "difference", 0 between two bursts.
boost::json::object inspectDrops(const contract::ReportsRegion& reports);

/// "cycles_hz", and "workers": by stage, cycles and packets of the measured bursts,
/// cycles per packet, and its part of all.
boost::json::object inspectCycles(const contract::ReportsRegion& reports);

/// "control", "dataplane": heartbeat, epoch, pid; "rings": what waits in each. Either region may be nullptr.
boost::json::object inspectStatus(const contract::TablesRegion* tables, const contract::ReportsRegion* reports,
                                  uint64_t now_ns);

}  // namespace penstock
