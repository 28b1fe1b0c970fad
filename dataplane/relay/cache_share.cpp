#include "dataplane/relay/cache_share.h"

#include <limits>
#include <span>

namespace penstock {

namespace {

void letGo(RelayState& s, TransportState& holder, const CachedPacket& cached) {
  s.io.release(std::span(&cached.packet, 1));
  --s.cached_packets;
  --holder.cached_packets;
}

/// Lets go of the largest holder's oldest packet. False: it has none, as its last ones were given back and nobody else
/// has kept a packet since.
bool makeRoom(RelayState& s) {
  TransportState* holder = s.transports.find(s.largest_holder);
  if (holder == nullptr) return false;
  stream::PacketCache<CachedPacket>* chosen = nullptr;
  uint64_t oldest_ns = std::numeric_limits<uint64_t>::max();
  for (const uint32_t index : holder->tracks) {
    for (auto& cache : s.tracks[index].caches) {
      const auto since_ns = cache.oldestNs();
      if (!since_ns || *since_ns >= oldest_ns) continue;
      chosen = &cache;
      oldest_ns = *since_ns;
    }
  }
  if (chosen == nullptr) return false;
  letGo(s, *holder, chosen->takeOldest());
  return true;
}

}  // namespace

void keep(RelayState& s, TrackState& track, uint8_t encoding, const CachedPacket& packet, uint16_t sequence,
          uint64_t now_ns) {
  TransportState& holder = s.transports[track.row.transport.index];
  // Whoever grows beyond the largest is it; one that shrinks stays it until another one keeps a packet.
  const TransportState* largest = s.transports.find(s.largest_holder);
  if (largest == nullptr || holder.cached_packets > largest->cached_packets) {
    s.largest_holder = track.row.transport.index;
  }
  if (s.cached_packets >= s.config.cached_packets_max && !makeRoom(s)) return;
  s.io.retain(std::span(&packet.packet, 1));
  ++s.cached_packets;
  ++holder.cached_packets;
  if (const auto replaced = track.caches[encoding].put(sequence, packet, now_ns)) letGo(s, holder, *replaced);
}

void expireCaches(RelayState& s, TrackState& track, size_t places, uint64_t now_ns) {
  TransportState& holder = s.transports[track.row.transport.index];
  for (auto& cache : track.caches) {
    cache.expire(now_ns, places, [&](const CachedPacket& cached) { letGo(s, holder, cached); });
  }
}

void clearCaches(RelayState& s, TrackState& track) {
  TransportState& holder = s.transports[track.row.transport.index];
  for (auto& cache : track.caches) {
    cache.clear([&](const CachedPacket& cached) { letGo(s, holder, cached); });
  }
}

}  // namespace penstock
