// Rows taken into the worker's state, and out of it. The rows were validated; references between them are checked again
// here, because another row may have changed in between.
#pragma once

#include <cstdint>

#include "dataplane/relay/state.h"

namespace penstock {

// Each says what to count: rows_applied, row_generation_wrong, row_address_taken.
Counter applyTransport(RelayState& s, TransportCommand& command, uint64_t now_ns);
Counter applyTrack(RelayState& s, TrackCommand& command, uint64_t now_ns);
Counter applySubscription(RelayState& s, SubscriptionCommand& command, uint64_t now_ns);

// What belongs to the closed row goes with it; an index that holds nothing is no error.
void closeTransport(RelayState& s, uint32_t index);
void closeTrack(RelayState& s, uint32_t index);
void closeSubscription(RelayState& s, uint32_t index);

}  // namespace penstock
