// Objects by row index, made in place when a row comes into use. Untouched slots cost address space, not memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace penstock {

template <class T>
class SlotArray {
 public:
  explicit SlotArray(size_t size)
      : storage_(static_cast<T*>(std::aligned_alloc(kAlignment, bytes(size)))), used_(size) {
    if (storage_ == nullptr) throw std::bad_alloc();
  }
  ~SlotArray() {
    for (size_t i = 0; i < used_.size(); ++i) {
      if (used_[i]) std::destroy_at(storage_.get() + i);
    }
  }
  SlotArray(const SlotArray&) = delete;
  SlotArray& operator=(const SlotArray&) = delete;

  size_t size() const { return used_.size(); }
  bool holds(uint32_t index) const { return index < used_.size() && used_[index]; }
  /// Only where holds().
  T& operator[](uint32_t index) { return storage_.get()[index]; }
  const T& operator[](uint32_t index) const { return storage_.get()[index]; }
  /// Null where nothing is.
  T* find(uint32_t index) { return holds(index) ? storage_.get() + index : nullptr; }

  template <class... Arguments>
  T& emplace(uint32_t index, Arguments&&... arguments) {
    erase(index);
    T* made = std::construct_at(storage_.get() + index, std::forward<Arguments>(arguments)...);
    used_[index] = 1;
    return *made;
  }
  void erase(uint32_t index) {
    if (!holds(index)) return;
    std::destroy_at(storage_.get() + index);
    used_[index] = 0;
  }

 private:
  static constexpr size_t kAlignment = alignof(T) < 64 ? 64 : alignof(T);
  static size_t bytes(size_t size) { return (size * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment; }
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> storage_;
  std::vector<uint8_t> used_;
};

}  // namespace penstock
