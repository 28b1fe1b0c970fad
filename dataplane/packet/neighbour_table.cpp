// Ageing and learning of neighbours. Tens of entries, touched a few times a second: a linear table is the right one.
#include "dataplane/packet/neighbour_table.h"

#include <algorithm>
#include <iterator>

namespace penstock {
namespace {

bool same(const NeighbourTable::Entry& entry, const Address& ip) {
  return entry.state != NeighbourState::kFree && sameIp(entry.ip, ip);
}

/// 100 and 300 ms, then 1, 2, 4 ... seconds between requests that nobody answers. RFC 4861 section 10 and RFC 1122
/// section 2.3.2.1 have one a second; media is waiting, and two more at the start are no flood.
uint64_t pauseAfter(uint32_t requests) {
  constexpr uint64_t kFirstNs[] = {100'000'000, 300'000'000};
  if (requests < std::size(kFirstNs)) return kFirstNs[requests];
  return std::min(kNeighbourRetryNs << std::min<size_t>(requests - std::size(kFirstNs), 6), kNeighbourRetryMaxNs);
}

}  // namespace

NeighbourTable::NeighbourTable(size_t capacity) : entries_(std::max<size_t>(capacity, 1)) {}

NeighbourTable::Entry* NeighbourTable::lookUp(const Address& ip) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return same(entry, ip); });
  return found == entries_.end() ? nullptr : &*found;
}
const NeighbourTable::Entry* NeighbourTable::lookUp(const Address& ip) const {
  return const_cast<NeighbourTable*>(this)->lookUp(ip);
}

NeighbourTable::Entry* NeighbourTable::freeSlot(uint64_t now_ns) {
  for (Entry& entry : entries_) {
    if (entry.state == NeighbourState::kFree) return &entry;
  }
  // Full: the one that nobody has wanted longest goes, if it is idle, or if it never answered.
  Entry* victim = nullptr;
  for (Entry& entry : entries_) {
    const uint64_t unused_ns = now_ns - entry.wanted_ns;
    const bool evictable = unused_ns >= kNeighbourUnusedNs ||
                           (entry.state == NeighbourState::kIncomplete && entry.requests >= kNeighbourProbeMax);
    if (evictable && (victim == nullptr || entry.wanted_ns < victim->wanted_ns)) victim = &entry;
  }
  if (victim != nullptr) --used_;
  return victim;
}

bool NeighbourTable::want(const Address& next_hop, uint64_t now_ns) {
  if (Entry* entry = lookUp(next_hop)) {
    entry->wanted_ns = now_ns;
    return true;
  }
  Entry* entry = freeSlot(now_ns);
  if (entry == nullptr) return false;
  ++used_;
  *entry = {.ip = next_hop,
            .mac = {},
            .state = NeighbourState::kIncomplete,
            .requests = 0,
            .next_request_ns = now_ns,
            .confirmed_ns = 0,
            .wanted_ns = now_ns};
  entry->ip.port_be = 0;
  due_ns_ = std::min(due_ns_, now_ns);
  return true;
}

std::optional<MacAddress> NeighbourTable::find(const Address& next_hop) const {
  const Entry* entry = lookUp(next_hop);
  if (entry == nullptr || entry->state == NeighbourState::kIncomplete) return std::nullopt;
  return entry->mac;
}

bool NeighbourTable::learn(const Neighbour& neighbour, bool solicited, uint64_t now_ns) {
  if (neighbour.mac.isMulticast() || neighbour.mac.isZero()) return false;
  Entry* entry = lookUp(neighbour.ip);
  if (entry == nullptr) return false;
  const bool changed = entry->state == NeighbourState::kIncomplete || entry->mac != neighbour.mac;
  const bool answer = solicited && entry->requests > 0;  // a reply that nobody asked for is not an answer
  if (changed && !answer && entry->state != NeighbourState::kIncomplete) {
    // RFC 4861 7.2.3 and 7.2.5: a new address nobody asked for is taken, but has to prove itself.
    entry->state = NeighbourState::kStale;
    entry->mac = neighbour.mac;
    entry->requests = 0;
    entry->next_request_ns = now_ns;
    due_ns_ = std::min(due_ns_, now_ns);
    return true;
  }
  entry->mac = neighbour.mac;
  entry->state = NeighbourState::kReachable;
  entry->requests = 0;
  entry->confirmed_ns = now_ns;
  entry->next_request_ns = now_ns + kNeighbourReachableNs;
  return changed;
}

NeighbourTable::Due NeighbourTable::age(Entry& entry, uint64_t now_ns, NeighbourRequest& request) {
  if (entry.state == NeighbourState::kFree) return {false, false};
  if (now_ns - entry.wanted_ns >= kNeighbourUnusedNs) {
    const bool forgotten = entry.state != NeighbourState::kIncomplete;
    entry.state = NeighbourState::kFree;
    --used_;
    return {false, forgotten};
  }
  if (now_ns < entry.next_request_ns) return {false, false};
  if (entry.state == NeighbourState::kReachable) entry.state = NeighbourState::kStale;
  bool forgotten = false;
  // Asked it alone, then asked everybody: who answers neither is gone.
  if (entry.state == NeighbourState::kStale && entry.requests >= 2 * kNeighbourProbeMax) {
    entry.state = NeighbourState::kIncomplete;
    entry.requests = 0;
    forgotten = true;
  }
  request.target = entry.ip;
  request.known.reset();
  if (entry.state == NeighbourState::kStale) {
    if (entry.requests < kNeighbourProbeMax) request.known = entry.mac;
    entry.next_request_ns = now_ns + kNeighbourRetryNs;
  } else {
    entry.next_request_ns = now_ns + pauseAfter(entry.requests);
  }
  ++entry.requests;
  return {true, forgotten};
}

}  // namespace penstock
