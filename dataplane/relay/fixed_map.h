// A hash table of fixed capacity: open addressing, linear probing, deletion by shifting back. Never allocates after
// construction, never holds a tombstone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace penstock {

/// Spreads the bits of a 64-bit number (finaliser of MurmurHash3, public domain).
constexpr uint64_t mixBits(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

/// Hash of a key that clients may choose. Which keys get near each other depends on `seed`, which nobody outside knows:
/// the product with a secret odd number is another one for each process, and mixBits brings all of its bits down.
constexpr uint64_t seededHash(uint64_t key, uint64_t seed) {
  return mixBits((key ^ seed) * (seed | 1));
}

/// Key and Value: trivially copyable, Key with ==. Hash: Key -> uint64_t. Holds at most `capacity` entries, in twice
/// the slots; slots that were never used cost address space, not memory.
template <class Key, class Value, class Hash>
class FixedMap {
 public:
  FixedMap(size_t capacity, const Hash& hash)
      : hash_(hash),
        capacity_(capacity),
        mask_(std::bit_ceil(capacity * 2) - 1),
        slots_(static_cast<Slot*>(std::calloc(mask_ + 1, sizeof(Slot)))) {
    if (!slots_) throw std::bad_alloc();
  }

  size_t size() const { return size_; }
  size_t room() const { return capacity_ - size_; }

  const Value* find(const Key& key) const {
    for (size_t i = home(key);; i = (i + 1) & mask_) {
      if (!slots_[i].used) return nullptr;
      if (slots_[i].key == key) return &slots_[i].value;
    }
  }

  Value* find(const Key& key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

  /// Adds, or replaces the value of, `key`; false when the map is full.
  bool set(const Key& key, const Value& value) {
    for (size_t i = home(key);; i = (i + 1) & mask_) {
      if (slots_[i].used && slots_[i].key == key) {
        slots_[i].value = value;
        return true;
      }
      if (slots_[i].used) continue;
      if (size_ == capacity_) return false;
      slots_[i] = {key, value, true};
      ++size_;
      return true;
    }
  }

  void erase(const Key& key) {
    size_t hole = home(key);
    for (;; hole = (hole + 1) & mask_) {
      if (!slots_[hole].used) return;
      if (slots_[hole].key == key) break;
    }
    --size_;
    // Move back every following entry that would not be found past the hole.
    for (size_t i = (hole + 1) & mask_; slots_[i].used; i = (i + 1) & mask_) {
      const size_t distance_from_home = (i - home(slots_[i].key)) & mask_;
      if (distance_from_home < ((i - hole) & mask_)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole].used = false;
  }

 private:
  struct Slot {
    Key key;
    Value value;
    bool used;
  };
  static_assert(std::is_trivially_copyable_v<Slot>);  // so that zeroed memory is an empty one
  struct Free {
    void operator()(Slot* slots) const { std::free(slots); }
  };
  size_t home(const Key& key) const { return hash_(key) & mask_; }

  [[no_unique_address]] Hash hash_;
  size_t capacity_;
  size_t mask_;
  size_t size_ = 0;
  std::unique_ptr<Slot[], Free> slots_;
};

}  // namespace penstock
