#include "dataplane/relay/steer.h"

#include <algorithm>

#include "dataplane/packet/stun.h"
#include "dataplane/relay/transmit.h"

namespace penstock {

namespace {

const uint32_t* transportOf(RelayState& s, DatagramKind kind, const FrameView& frame, uint64_t now_ns) {
  if (kind != DatagramKind::kStun) {
    const uint32_t* known = s.by_remote.find(frame.source);
    if (known != nullptr || kind != DatagramKind::kRtp) return known;
    Latch* latch = findLatch(s, frame);
    // Its own worker asks the budget itself.
    if (latch == nullptr || s.owns(latch->transport) || !latch->budget.allow(now_ns)) return nullptr;
    return &latch->transport;
  }
  const auto request = parseStunRequest(frame.payload);
  return request ? findByUfrag(s, request->ownUfrag()) : nullptr;
}

/// The highest hash wins, so that all workers choose the same, whatever the order of their lists.
Latch* findAnySsrcLatch(RelayState& s, const Address& source, uint16_t sequence) {
  const uint64_t packet = AddressHash{s.config.seed}(source) ^ sequence;
  Latch* chosen = nullptr;
  uint64_t highest = 0;
  for (Latch& latch : s.any_ssrc_latches) {
    const bool placed = __atomic_load_n(&s.reports.transport[latch.transport].nominated, __ATOMIC_RELAXED) != 0;
    const uint64_t hash = seededHash(packet ^ uint64_t{latch.transport} << 32, s.config.seed);
    if (placed || (chosen != nullptr && hash <= highest)) continue;
    chosen = &latch;
    highest = hash;
  }
  return chosen;
}

}  // namespace

Latch* findLatch(RelayState& s, const FrameView& frame) {
  const auto view = parseRtpHeader(frame.payload);
  if (!view) return nullptr;
  Latch* signalled = s.latches.find(view->ssrc);
  return signalled != nullptr ? signalled : findAnySsrcLatch(s, frame.source, view->sequence);
}

const uint32_t* findByUfrag(const RelayState& s, std::string_view ufrag) {
  UfragKey key{};
  if (ufrag.empty() || ufrag.size() > key.size()) return nullptr;
  std::ranges::copy(ufrag, key.begin());
  return s.by_ufrag.find(key);
}

std::optional<uint32_t> otherOwner(RelayState& s, DatagramKind kind, const FrameView& frame, uint64_t now_ns) {
  if (s.peers.alone()) return std::nullopt;
  const uint32_t* transport = transportOf(s, kind, frame, now_ns);
  if (transport == nullptr || s.owns(*transport)) return std::nullopt;
  return s.owner_of[*transport];
}

std::optional<Counter> handOver(RelayState& s, uint32_t worker, const Packet& packet) {
  s.io.retain(std::span(&packet, 1));
  if (s.peers.tell(worker, handover::Frame{packet})) {
    s.count(Counter::handed_over);
    return std::nullopt;
  }
  s.io.release(std::span(&packet, 1));
  return Counter::handover_queue_full;
}

size_t share(RelayState& s, uint32_t track, uint8_t encoding, const CachedPacket& packet) {
  size_t shared = 0;
  tellFanOut(s, track, [&](contract::RowReference reference, auto&& tell) {
    s.io.retain(std::span(&packet.packet, 1));
    ++shared;
    if (tell(handover::Media{reference, packet.packet, packet.rtp_offset, packet.rtp_length, encoding})) return;
    s.io.release(std::span(&packet.packet, 1));
    s.outbox.lose(Counter::send_handover_full);
  });
  return shared;
}

void handDatagram(RelayState& s, const contract::RowReference& transport, std::span<const uint8_t> bytes) {
  Packet packet;
  if (!takeBuffer(s, packet)) return s.outbox.lose(Counter::send_pool_empty);
  std::ranges::copy(bytes, packet.data);
  packet.length_bytes = static_cast<uint16_t>(bytes.size());
  if (s.peers.tell(s.owner_of[transport.index], handover::Inject{transport, packet})) return;
  s.io.release(std::span(&packet, 1));
  s.outbox.lose(Counter::send_handover_full);
}

void tellRemotes(RelayState& s, uint32_t index) {
  if (s.peers.alone()) return;
  TransportState& transport = s.transports[index];
  transport.remotes_untold = false;
  s.peers.forEach([&](uint32_t worker) {
    for (uint32_t i = 0; i < transport.remote_count; ++i) {
      const bool told = s.peers.tell(worker, handover::Remote{transport.remotes[i].address, index, true});
      transport.remotes_untold |= !told;
    }
  });
}

void tellRemoteGone(RelayState& s, uint32_t index, const Address& address) {
  // Who misses this sends frames here, where they are dropped; until another transport has the address.
  s.peers.forEach([&](uint32_t worker) { s.peers.tell(worker, handover::Remote{address, index, false}); });
}

}  // namespace penstock
