// Rows taken into the worker's state, and out of it. The rows were validated; references between them are checked again
// here, because another row may have changed in between.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "dataplane/relay/state.h"

namespace penstock {

// Each says what to count of the row. What only tells of another worker's rows is none: nothing is counted.
std::optional<Counter> applyTransport(RelayState& s, TransportCommand& command, uint64_t now_ns);
std::optional<Counter> applyTrack(RelayState& s, TrackCommand& command, uint64_t now_ns);
Counter applySubscription(RelayState& s, SubscriptionCommand& command, uint64_t now_ns);
void applyElsewhere(RelayState& s, const ElsewhereCommand& command);
void applyFanOut(RelayState& s, const FanOutCommand& command);

/// Replaces the keys by which a track of a latching transport is found.
void setLatch(RelayState& s, uint32_t track, uint32_t transport, const LatchKeys& keys);

// What belongs to the closed row goes with it; an index that holds nothing is no error.
void closeTransport(RelayState& s, uint32_t index);
void closeTrack(RelayState& s, uint32_t index);
void closeSubscription(RelayState& s, uint32_t index);

/// The subscription has no track any more; its outgoing stream goes on when it has one again.
void leaveTrack(RelayState& s, uint32_t subscription);

// Shared by the three.

/// Takes what the command brings; the command goes back with what was there.
template <class T>
void take(std::unique_ptr<T>& mine, std::unique_ptr<T>& brought) {
  if (brought) std::swap(mine, brought);
}

template <class Array>
bool refersTo(const Array& states, const contract::RowReference& reference) {
  return states.holds(reference.index) && states[reference.index].row.generation == reference.generation;
}

inline stream::HeaderRewriter headerFor(const contract::SubscriptionRow& row, const TransportState& transport) {
  return {transport.row.extension_id, std::span(row.mid).first(row.mid_length_bytes)};
}

}  // namespace penstock
