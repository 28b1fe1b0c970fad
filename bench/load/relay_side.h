// The relay of a load run: a real port, a real worker, rows given directly.
#pragma once

#include "bench/load/plan.h"

namespace penstock::bench {

/// Runs until SIGTERM. Returns an exit code.
int runRelay(const LoadPlan& plan);

}  // namespace penstock::bench
