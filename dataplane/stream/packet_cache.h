// The last packets of an encoding by sequence number, as references, so that a NACK can be answered.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/packet/serial.h"

namespace penstock::stream {

/// `Handle` is a reference that the caller took before `put` and releases when the cache hands it back. Allocated once.
template <class Handle>
class PacketCache {
 public:
  /// `capacity` is rounded up to a power of two, at most 2^15.
  PacketCache(size_t capacity, uint64_t age_max_ns)
      : entries_(std::bit_ceil(capacity < 1        ? size_t{1}
                               : capacity > 0x8000 ? size_t{0x8000}
                                                   : capacity)),
        age_max_ns_(age_max_ns) {}

  /// Returns the reference that the caller must release now: the one overwritten, or `handle` itself if a newer packet
  /// holds its place or the very packet is there already.
  [[nodiscard]] std::optional<Handle> put(uint16_t sequence, Handle handle, uint64_t now_ns) {
    Entry& entry = at(sequence);
    if (entry.used) {
      const bool fresh = now_ns - entry.stored_ns <= age_max_ns_;
      if (fresh && serialDifference(sequence, entry.sequence) <= 0) return handle;
      std::optional<Handle> overwritten(std::move(entry.handle));
      entry = {std::move(handle), now_ns, sequence, true};
      noteNewest(sequence);
      return overwritten;
    }
    entry = {std::move(handle), now_ns, sequence, true};
    noteNewest(sequence);
    ++count_;
    return std::nullopt;
  }

  /// Null if the packet was never there, was overwritten or is too old.
  const Handle* find(uint16_t sequence, uint64_t now_ns) const {
    const Entry& entry = entries_[sequence & (entries_.size() - 1)];
    if (!entry.used || entry.sequence != sequence || now_ns - entry.stored_ns > age_max_ns_) return nullptr;
    return &entry.handle;
  }

  /// The packet, or one behind it in its place, was there once, and `find` finds it no more.
  bool isGone(uint16_t sequence, uint64_t now_ns) const {
    const Entry& entry = entries_[sequence & (entries_.size() - 1)];
    return entry.stored_ns != 0 && serialDifference(entry.sequence, sequence) >= 0 && find(sequence, now_ns) == nullptr;
  }

  /// Looks at `budget` places, round and round, and hands back what is too old. Called now and then, it keeps a stream
  /// that fell silent from holding buffers for ever.
  template <class Release>
  void expire(uint64_t now_ns, size_t budget, Release&& release) {
    for (; budget > 0 && count_ > 0; --budget) {
      Entry& entry = entries_[sweep_++ & (entries_.size() - 1)];
      if (entry.used && now_ns - entry.stored_ns > age_max_ns_) drop(entry, release);
    }
  }

  /// Since when the packet that was there longest has been; nothing if the cache is empty.
  std::optional<uint64_t> oldestNs() {
    if (count_ == 0) return std::nullopt;
    return oldest().stored_ns;
  }

  /// Hands back the packet that was there longest. Only if there is one.
  [[nodiscard]] Handle takeOldest() {
    Handle handle{};
    drop(oldest(), [&](Handle&& taken) { handle = std::move(taken); });
    return handle;
  }

  template <class Release>
  void clear(Release&& release) {
    for (Entry& entry : entries_) {
      if (entry.used) drop(entry, release);
    }
  }

  size_t count() const { return count_; }
  size_t capacity() const { return entries_.size(); }

 private:
  struct Entry {
    Handle handle{};
    uint64_t stored_ns = 0;
    uint16_t sequence = 0;
    bool used = false;
  };
  Entry& at(uint16_t sequence) { return entries_[sequence & (entries_.size() - 1)]; }
  /// What stands between the newest number and `oldest_` was looked at and is free: a place that the newest one passes
  /// is no longer where the search begins.
  void noteNewest(uint16_t sequence) {
    const auto gap = serialDifference(sequence, newest_);
    if (gap <= 0 && count_ > 0) return;
    const size_t searched = static_cast<uint16_t>(oldest_ - newest_ - 1) & (entries_.size() - 1);
    if (count_ == 0 || searched < static_cast<size_t>(gap)) oldest_ = static_cast<uint16_t>(sequence + 1);
    newest_ = sequence;
  }
  /// Numbers come nearly in order: behind the newest place the oldest one follows. What came late stands a few places
  /// off, and is found a round later.
  Entry& oldest() {
    while (!at(oldest_).used) ++oldest_;
    return at(oldest_);
  }
  template <class Release>
  void drop(Entry& entry, Release&& release) {
    release(std::move(entry.handle));
    entry.used = false;
    --count_;
  }

  std::vector<Entry> entries_;
  uint64_t age_max_ns_;
  size_t count_ = 0;
  size_t sweep_ = 0;
  uint16_t newest_ = 0, oldest_ = 1;  // the search for the oldest begins there
};

}  // namespace penstock::stream
