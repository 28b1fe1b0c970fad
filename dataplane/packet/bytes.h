// Big-endian loads and stores at any alignment, and a writer that never passes the end of its buffer.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace penstock {

template <class T>
inline T loadBigEndian(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

template <class T>
inline void storeBigEndian(uint8_t* to, T value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof(T));
}

inline uint16_t load16(const uint8_t* from) {
  return loadBigEndian<uint16_t>(from);
}
inline uint32_t load24(const uint8_t* from) {
  return uint32_t{from[0]} << 16 | uint32_t{from[1]} << 8 | from[2];
}
inline uint32_t load32(const uint8_t* from) {
  return loadBigEndian<uint32_t>(from);
}
inline uint64_t load64(const uint8_t* from) {
  return loadBigEndian<uint64_t>(from);
}

inline void store16(uint8_t* to, uint16_t value) {
  storeBigEndian(to, value);
}
inline void store24(uint8_t* to, uint32_t value) {
  to[0] = static_cast<uint8_t>(value >> 16);
  to[1] = static_cast<uint8_t>(value >> 8);
  to[2] = static_cast<uint8_t>(value);
}
inline void store32(uint8_t* to, uint32_t value) {
  storeBigEndian(to, value);
}
inline void store64(uint8_t* to, uint64_t value) {
  storeBigEndian(to, value);
}

/// A 16-bit field as it stands in `_be` members of the contract.
inline uint16_t toBigEndian(uint16_t value) {
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

/// Appends to a buffer. What does not fit is not written, and `overflowed` stays true from then on.
class ByteWriter {
 public:
  explicit ByteWriter(std::span<uint8_t> out) : out_(out) {}

  /// The next `size` bytes, or nullptr if they do not fit.
  uint8_t* take(size_t size) {
    if (overflowed_ || size > out_.size() - used_) {
      overflowed_ = true;
      return nullptr;
    }
    uint8_t* at = out_.data() + used_;
    used_ += size;
    return at;
  }
  void put8(uint8_t value) {
    if (uint8_t* at = take(1)) *at = value;
  }
  void put16(uint16_t value) {
    if (uint8_t* at = take(2)) store16(at, value);
  }
  void put32(uint32_t value) {
    if (uint8_t* at = take(4)) store32(at, value);
  }
  void put64(uint64_t value) {
    if (uint8_t* at = take(8)) store64(at, value);
  }
  void put(std::span<const uint8_t> bytes) {
    uint8_t* at = take(bytes.size());
    if (at != nullptr && !bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  }
  void putZeros(size_t size) {
    uint8_t* at = take(size);
    if (at != nullptr && size != 0) std::memset(at, 0, size);
  }

  /// Back to an earlier `size()`, as if what followed had not been tried.
  void rewind(size_t size) {
    used_ = size;
    overflowed_ = false;
  }
  size_t size() const { return used_; }
  bool overflowed() const { return overflowed_; }
  uint8_t* data() const { return out_.data(); }
  std::span<const uint8_t> written() const { return out_.first(used_); }

 private:
  std::span<uint8_t> out_;
  size_t used_ = 0;
  bool overflowed_ = false;
};

}  // namespace penstock
