// What follows of who speaks: pictures of a subscriber's last N publishers only, audio of a room's loudest, and no
// silence. Who speaks is decided by the housekeeping thread (worker/speakers.h), of what workers report.
#pragma once

#include <cstring>
#include <optional>

#include "dataplane/relay/state.h"

namespace penstock {

/// Where publishers stand from now on.
void applyRanks(RelayState& s, const RanksCommand& command, uint64_t now_ns);
/// Holds or sends again what that changed: so much in one turn, that packets do not wait.
void reviewRanks(RelayState& s, uint64_t now_ns);

/// Whether the subscription is to be held, told to control if that changed. What it means is the caller's.
void noteHeld(RelayState& s, uint32_t subscription, uint64_t now_ns);
/// The same; what is sent again goes on without a gap, from a key frame on.
void reviewHeld(RelayState& s, uint32_t subscription, uint64_t now_ns);

/// Whether a packet of an audio track of ours goes no further, as nobody is to hear it; then why. The first one that
/// goes again begins a talkspurt: its marker is set (RFC 3551 section 4.1), and numbers go on where they stopped.
/// `level`: the data of its audio level extension. Of what has none nothing is known: it goes.
std::optional<Counter> keepBack(RelayState& s, uint32_t track, std::optional<uint8_t> level, const CachedPacket& packet,
                                RtpView& view, uint64_t now_ns);

/// Read by other threads, as one.
inline void storeSpeech(contract::TrackStats& stats, const contract::Speech& speech) {
  uint32_t bits;
  static_assert(sizeof(bits) == sizeof(speech));
  std::memcpy(&bits, &speech, sizeof(bits));
  __atomic_store_n(reinterpret_cast<uint32_t*>(&stats.speech), bits, __ATOMIC_RELAXED);
}

}  // namespace penstock
