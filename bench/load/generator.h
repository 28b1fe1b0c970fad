// The clients of a load run: one publishes at a rate, all others are watched for every packet.
#pragma once

#include "bench/load/plan.h"

namespace penstock::bench {

/// Searches the highest rate without loss and prints it. Returns an exit code.
int runGenerator(const LoadPlan& plan);

}  // namespace penstock::bench
