// Arithmetic on numbers that wrap: RTP sequence numbers, timestamps, transport-wide counters (RFC 1982).
#pragma once

#include <cstdint>
#include <type_traits>

namespace penstock {

/// a - b on the circle, as the shorter way round: positive when a is newer.
template <class T>
constexpr std::make_signed_t<T> serialDifference(T a, T b) {
  static_assert(std::is_unsigned_v<T>);
  return static_cast<std::make_signed_t<T>>(static_cast<T>(a - b));
}

/// Exactly half a circle apart counts as older, both ways round.
template <class T>
constexpr bool isNewer(T a, T b) {
  return serialDifference(a, b) > 0;
}

// RFC 3550 appendix A.1: MAX_DROPOUT and MAX_MISORDER.
inline constexpr int32_t kDropoutMax = 3000;
inline constexpr int32_t kMisorderMax = 100;
/// "The sequence number made a very large jump": no loss and no packet that is late.
constexpr bool isJump(int32_t ahead) {
  return ahead >= kDropoutMax || ahead < -kMisorderMax;
}

/// The 64-bit number that ends in `low` and lies nearest to `reference`. Never below zero: then one turn later is
/// meant.
template <class T>
constexpr uint64_t unwrapNear(uint64_t reference, T low) {
  const auto difference = static_cast<int64_t>(serialDifference(low, static_cast<T>(reference)));
  if (difference < 0 && reference < static_cast<uint64_t>(-difference)) {
    return reference + static_cast<uint64_t>(difference) + (uint64_t{1} << (8 * sizeof(T)));
  }
  return reference + static_cast<uint64_t>(difference);
}

/// RFC 3711 section 3.3.1: the packet index (ROC << 16 | SEQ) of `sequence`, by the highest index seen.
constexpr uint64_t packetIndex(uint64_t highest_index, uint16_t sequence) {
  return unwrapNear<uint16_t>(highest_index, sequence);
}

/// Follows one wrapping number for ever.
template <class T>
class Unwrapper {
 public:
  /// The first value starts one turn up, so that what came just before it has room below.
  uint64_t next(T low) {
    const uint64_t value = started_ ? unwrapNear(highest_, low) : (uint64_t{1} << (8 * sizeof(T))) + low;
    if (!started_ || value > highest_) highest_ = value;
    started_ = true;
    return value;
  }
  uint64_t highest() const { return highest_; }
  bool started() const { return started_; }

 private:
  uint64_t highest_ = 0;
  bool started_ = false;
};

}  // namespace penstock
