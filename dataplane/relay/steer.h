// From one worker to the others: frames that arrived here and are theirs, packets of our tracks for their subscribers.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "dataplane/packet/classify.h"
#include "dataplane/packet/parse.h"
#include "dataplane/relay/state.h"

namespace penstock {

/// The transport whose ufrag it is, of whatever worker; null if there is none.
const uint32_t* findByUfrag(const RelayState& s, std::string_view ufrag);
/// The latching transport that an RTP packet from an unknown address may belong to: by its SSRC; else one of those
/// whose SSRC nobody knows, for each packet of a sender another one by chance. Null if there is none.
Latch* findLatch(RelayState& s, const FrameView& frame);
/// The other worker that a datagram is for: by where it comes from; a check by its ufrag; RTP that may latch by its
/// SSRC.
std::optional<uint32_t> otherOwner(RelayState& s, DatagramKind kind, const FrameView& frame, uint64_t now_ns);
/// Nothing: the frame is accounted for there. Else why it went nowhere.
std::optional<Counter> handOver(RelayState& s, uint32_t worker, const Packet& packet);

/// Calls `make(track, tell)` for each worker that has subscribers of a track of ours; `tell(message)` is false, and
/// nothing is taken, where one is behind.
void tellFanOut(RelayState& s, uint32_t track, auto&& make) {
  const TrackState& state = s.tracks[track];
  const contract::RowReference reference{track, state.row.generation};
  for (uint32_t rest = state.fan_out; rest != 0; rest &= rest - 1) {
    const auto worker = static_cast<uint32_t>(std::countr_zero(rest));
    make(reference, [&](HandOver message) { return s.peers.tell(worker, std::move(message)); });
  }
}
/// Gives a packet of a track of ours to each of those workers; returns to how many.
size_t share(RelayState& s, uint32_t track, uint8_t encoding, const CachedPacket& packet);

/// Gives a datagram of control's to the worker whose transport it is for.
void handDatagram(RelayState& s, const contract::RowReference& transport, std::span<const uint8_t> bytes);

/// Tells all where a transport of ours is, so that they know whose frames from there are. Again later if one is behind.
void tellRemotes(RelayState& s, uint32_t transport);
void tellRemoteGone(RelayState& s, uint32_t transport, const Address& address);

}  // namespace penstock
