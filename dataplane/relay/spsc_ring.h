// A bounded queue between exactly two threads, without locks: how workers, and housekeeping, talk.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace penstock {

/// T: movable and default-constructible; pointers, here. Capacity is a power of two.
template <class T>
class SpscRing {
 public:
  explicit SpscRing(size_t capacity) : mask_(std::bit_ceil(capacity) - 1), slots_(std::make_unique<T[]>(mask_ + 1)) {}

  /// One thread only. False, and `value` untouched, when full.
  bool push(T&& value) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_seen_ > mask_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head - tail_seen_ > mask_) return false;
    }
    slots_[head & mask_] = std::move(value);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  /// The other thread only.
  bool empty() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_seen_) head_seen_ = head_.load(std::memory_order_acquire);
    return tail == head_seen_;
  }

  /// The other thread only.
  bool pop(T& value) {
    if (empty()) return false;
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    value = std::move(slots_[tail & mask_]);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

 private:
  size_t mask_;
  std::unique_ptr<T[]> slots_;
  alignas(64) std::atomic<uint64_t> head_{0};  // pusher
  uint64_t tail_seen_ = 0;                     // pusher
  alignas(64) std::atomic<uint64_t> tail_{0};  // popper
  uint64_t head_seen_ = 0;                     // popper
};

}  // namespace penstock
