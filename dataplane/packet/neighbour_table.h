// Which MAC address a next hop has: a table of fixed size that asks, remembers, asks again, and learns from nobody it
// did not ask.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/packet/address.h"
#include "dataplane/packet/arp.h"

namespace penstock {

/// Names and times after RFC 4861 section 10.
inline constexpr uint64_t kNeighbourReachableNs = 30'000'000'000;  // believed this long after an answer
inline constexpr uint64_t kNeighbourRetryNs = 1'000'000'000;       // pause between requests
inline constexpr uint64_t kNeighbourRetryMaxNs = 30'000'000'000;   // doubling pause while nobody answers
inline constexpr uint32_t kNeighbourProbeMax = 3;                  // to the old MAC, before everybody is asked
inline constexpr uint64_t kNeighbourUnusedNs = 300'000'000'000;    // not wanted for so long: the slot is free again

enum class NeighbourState : uint8_t {
  kFree,
  kIncomplete,  // asked, no answer yet
  kReachable,   // answered lately
  kStale,       // answered once; being confirmed, used meanwhile
};

/// One request to send: ARP or neighbour solicitation, by the family of `target`.
struct NeighbourRequest {
  Address target;
  std::optional<MacAddress> known;  // ask this MAC only; nothing: ask everybody
};

class NeighbourTable {
 public:
  struct Entry {
    Address ip;
    MacAddress mac;
    NeighbourState state;
    uint32_t requests;  // unanswered ones in a row
    uint64_t next_request_ns;
    uint64_t confirmed_ns;
    uint64_t wanted_ns;
  };

  explicit NeighbourTable(size_t capacity);

  /// Someone wants to send there now. Starts asking if it is new. False: the table is full of neighbours in use.
  bool want(const Address& next_hop, uint64_t now_ns);
  /// The MAC to send to; nothing while it is unknown.
  std::optional<MacAddress> find(const Address& next_hop) const;
  /// Takes an answer, or a request that names its sender. True: a MAC that find() gives is new or has changed.
  /// `solicited`: an answer to us; other messages only refresh what is known (no new entries; an incomplete one may
  /// be completed, since we asked for it).
  bool learn(const Neighbour& neighbour, bool solicited, uint64_t now_ns);
  /// Calls `send(NeighbourRequest)` for each request that is due, at most `budget` of them, and ages entries. True: a
  /// MAC that find() gave is gone.
  template <class Send>
  bool poll(uint64_t now_ns, size_t budget, Send&& send) {
    if (now_ns < due_ns_) return false;
    bool changed = false;
    uint64_t due_ns = UINT64_MAX;
    size_t looked_at = 0;
    for (; looked_at < entries_.size() && budget > 0; ++looked_at) {
      Entry& entry = entries_[cursor_];
      cursor_ = cursor_ + 1 == entries_.size() ? 0 : cursor_ + 1;
      NeighbourRequest request;
      const Due due = age(entry, now_ns, request);
      changed |= due.forgotten;
      if (due.ask) {
        send(request);
        --budget;
      }
      due_ns = std::min(due_ns, dueOf(entry));
    }
    if (looked_at == entries_.size()) due_ns_ = due_ns;  // else the rest may be due now
    return changed;
  }

  size_t size() const { return used_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  struct Due {
    bool ask;
    bool forgotten;
  };
  Due age(Entry& entry, uint64_t now_ns, NeighbourRequest& request);
  /// When `age` has something to do next.
  static uint64_t dueOf(const Entry& entry) {
    if (entry.state == NeighbourState::kFree) return UINT64_MAX;
    return std::min(entry.next_request_ns, entry.wanted_ns + kNeighbourUnusedNs);
  }
  Entry* lookUp(const Address& ip);
  const Entry* lookUp(const Address& ip) const;
  Entry* freeSlot(uint64_t now_ns);

  std::vector<Entry> entries_;  // allocated once
  size_t cursor_ = 0;
  size_t used_ = 0;
  uint64_t due_ns_ = 0;  // nothing is due before: polls every millisecond must not walk the table
};

}  // namespace penstock
