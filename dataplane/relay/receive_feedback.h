// What a publisher hears between its reports: which packets are missing, and when packets arrived.
#pragma once

#include <cstdint>

#include "dataplane/packet/rtp_extension.h"
#include "dataplane/relay/state.h"

namespace penstock {

/// An authenticated packet of the transport, whatever its stream, of so many bytes.
void noteArrival(RelayState& s, uint32_t transport, const RtpExtensions& extensions, size_t bytes, uint64_t now_ns);

/// What REMB tells it that it may send, in bits a second: what is configured, or what was estimated if that is less.
uint64_t receiveBitrateMax(const TransportState& transport);

/// A media packet of an encoding, sent for the first time: what it shows to be missing will be asked for while somebody
/// wants the track.
void noteSequence(RelayState& s, const TrackState& track, EncodingState& encoding, uint16_t sequence, uint64_t now_ns);

/// Sends what is due; called with every turn of the timers.
void sendReceiveFeedback(RelayState& s, uint64_t now_ns);

}  // namespace penstock
