// The relay as a host on its link: ARP, neighbour discovery, listener queries, echo; saying unasked where it is; and
// finding the neighbours that packets go through.
#pragma once

#include "dataplane/relay/state.h"

namespace penstock {

// Each answers one received frame and says how the packet ended: answered, or a receive drop.
Counter answerArp(RelayState& s, const FrameView& view, uint64_t now_ns);
Counter answerNeighbourDiscovery(RelayState& s, const FrameView& view, uint64_t now_ns);
Counter answerListenerQuery(RelayState& s, const FrameView& view, uint64_t now_ns);
Counter answerEcho(RelayState& s, const FrameView& view);

/// Sends what of the announcements is due.
void announce(RelayState& s, uint64_t now_ns);
/// A neighbour said where it is, here or to another worker.
void learn(RelayState& s, const Neighbour& neighbour, bool solicited, uint64_t now_ns);

/// Sends the requests that are due, and forgets the headers that a change made wrong.
void pollNeighbours(RelayState& s, uint64_t now_ns);

}  // namespace penstock
