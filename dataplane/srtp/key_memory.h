// Memory for expanded keys: never swapped, never in a core dump, wiped when given back; slots of one size on their own
// cache lines.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "dataplane/packet/huge_memory.h"

namespace penstock::srtp {

/// Safe to use from several threads.
class KeyMemory {
 public:
  /// Slots of at least `slot_size` bytes.
  explicit KeyMemory(size_t slot_size);
  KeyMemory(const KeyMemory&) = delete;
  KeyMemory& operator=(const KeyMemory&) = delete;
  ~KeyMemory();

  void* take();
  void giveBack(void* slot) noexcept;
  size_t slotSize() const { return slot_size_; }

 private:
  void addChunk();

  size_t slot_size_;
  std::mutex mutex_;
  std::vector<void*> free_;
  std::vector<HugeMemory> chunks_;
};

/// For std::allocate_shared: one object and its count in one slot. Keeps the memory alive as long as a key is.
template <typename T>
class KeyAllocator {
 public:
  using value_type = T;

  explicit KeyAllocator(std::shared_ptr<KeyMemory> memory) : memory_(std::move(memory)) {}
  template <typename Other>
  KeyAllocator(const KeyAllocator<Other>& other) : memory_(other.memory()) {}

  T* allocate(size_t count) {
    if (count != 1 || sizeof(T) > memory_->slotSize()) throw std::bad_alloc();
    return static_cast<T*>(memory_->take());
  }
  void deallocate(T* at, size_t) noexcept { memory_->giveBack(at); }
  const std::shared_ptr<KeyMemory>& memory() const { return memory_; }
  bool operator==(const KeyAllocator& other) const { return memory_ == other.memory_; }

 private:
  std::shared_ptr<KeyMemory> memory_;
};

}  // namespace penstock::srtp
