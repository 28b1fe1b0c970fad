// Objects by row index, made in place when a row comes into use. Untouched slots cost address space, not memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/packet/huge_memory.h"

namespace penstock {

template <class T>
class SlotArray {
 public:
  explicit SlotArray(size_t size)
      : memory_(takeHugeMemory(size * sizeof(T))), slots_(static_cast<T*>(memory_.get())), used_(size) {}
  ~SlotArray() {
    for (size_t i = 0; i < used_.size(); ++i) {
      if (used_[i]) std::destroy_at(slots_ + i);
    }
  }
  SlotArray(const SlotArray&) = delete;
  SlotArray& operator=(const SlotArray&) = delete;

  size_t size() const { return used_.size(); }
  bool holds(uint32_t index) const { return index < used_.size() && used_[index]; }
  /// Only where holds().
  T& operator[](uint32_t index) { return slots_[index]; }
  const T& operator[](uint32_t index) const { return slots_[index]; }
  /// Null where nothing is.
  T* find(uint32_t index) { return holds(index) ? slots_ + index : nullptr; }

  template <class... Arguments>
  T& emplace(uint32_t index, Arguments&&... arguments) {
    erase(index);
    T* made = std::construct_at(slots_ + index, std::forward<Arguments>(arguments)...);
    used_[index] = 1;
    return *made;
  }
  void erase(uint32_t index) {
    if (!holds(index)) return;
    std::destroy_at(slots_ + index);
    used_[index] = 0;
  }

 private:
  HugeMemory memory_;
  T* slots_;
  std::vector<uint8_t> used_;
};

}  // namespace penstock
