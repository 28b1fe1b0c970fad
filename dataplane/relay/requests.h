// What subscribers ask for and publishers are asked: key frames, lost packets.
#pragma once

#include <cstdint>

#include "dataplane/relay/state.h"

namespace penstock {

/// Somebody needs a key frame of the encoding: merged with what others asked, limited, sent to the publisher as PLI.
void requestKeyFrame(RelayState& s, uint32_t track, uint8_t encoding, uint64_t now_ns);
/// Of what the subscription is to get.
void requestKeyFrameFor(RelayState& s, uint32_t subscription, uint64_t now_ns);

/// The transport can be sent to from now on: its video subscriptions start at a key frame.
void requestKeyFramesFor(RelayState& s, uint32_t transport, uint64_t now_ns);

/// A subscriber's PLI or FIR, within its own budget.
void onKeyFrameRequest(RelayState& s, uint32_t subscription, uint64_t now_ns);

/// Sends the requests that had to wait, if they are due.
void pollKeyFrames(RelayState& s, uint32_t track, uint64_t now_ns);

/// Answers one sequence number of a subscriber's NACK with RTX (RFC 4588). Never in kind: the same index with another
/// header would be a second use of a GCM nonce.
void retransmit(RelayState& s, uint32_t subscription, uint16_t sequence, uint64_t now_ns);

}  // namespace penstock
