// What happens by itself: consent that ends, reports, requests that waited, packets that are too old to keep.
#pragma once

#include <cstdint>

#include "dataplane/relay/state.h"

namespace penstock {

/// Visits a share of the transports in use, so that each is visited about every 100 ms and no turn is long.
void visitTransports(RelayState& s, uint64_t now_ns);

}  // namespace penstock
