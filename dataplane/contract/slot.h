// How a row is published by one process and read by another that may find it half written, or never finished.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace penstock::contract {

/// What a reader found in a slot.
enum class SlotState : uint8_t { kEmpty, kCommitted, kTorn };

/// One row and its commit mark. The mark is 0 before the first use, odd while the row is being written, even once it
/// is whole. A writer that dies in between leaves it odd: the reader skips the row, it never waits for it.
template <class Row>
struct alignas(64) Slot {
  static_assert(std::is_trivially_copyable_v<Row> && sizeof(Row) % sizeof(uint64_t) == 0);

  std::atomic<uint64_t> commit_mark;
  Row row;

  /// Writer only. Publishes `next` as the slot's row.
  void publish(const Row& next) {
    const uint64_t mark = commit_mark.load(std::memory_order_relaxed) | 1;
    commit_mark.store(mark, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    uint64_t words[sizeof(Row) / sizeof(uint64_t)];
    std::memcpy(words, &next, sizeof(Row));
    auto* to = reinterpret_cast<uint64_t*>(&row);
    for (size_t i = 0; i < std::size(words); ++i) __atomic_store_n(to + i, words[i], __ATOMIC_RELAXED);
    commit_mark.store(mark + 1, std::memory_order_release);
  }

  /// Reader. Copies the row once; `out` is meaningful only for kCommitted.
  SlotState read(Row& out) const {
    const uint64_t before = commit_mark.load(std::memory_order_acquire);
    if (before == 0) return SlotState::kEmpty;
    if (before & 1) return SlotState::kTorn;
    uint64_t words[sizeof(Row) / sizeof(uint64_t)];
    const auto* from = reinterpret_cast<const uint64_t*>(&row);
    for (size_t i = 0; i < std::size(words); ++i) words[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (commit_mark.load(std::memory_order_relaxed) != before) return SlotState::kTorn;
    std::memcpy(&out, words, sizeof(Row));
    return SlotState::kCommitted;
  }
};

}  // namespace penstock::contract
