// The Internet checksum (RFC 1071), with the widest instructions that the CPU has: without a port that does it, the sum
// over each encrypted payload is the relay's to make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock {

/// Sum of 16-bit words in memory order, not yet folded to 16 bits. Any length and alignment; only the last piece of a
/// sum may have an odd length.
uint64_t checksumAdd(uint64_t sum, std::span<const uint8_t> bytes);

/// Folds to the value to store with memcpy (RFC 1071: the sum has no byte order of its own).
inline uint16_t checksumFold(uint64_t sum) {
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff'ffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

/// One way to make the sum. Different ways give sums that differ, but fold to the same.
struct ChecksumKernel {
  const char* name;
  uint64_t (*sum)(const uint8_t* bytes, size_t size);
  size_t size_max;  // its lanes hold no more
};
/// Those that this CPU can do, the fastest first; checksumAdd uses that one, and the last one, which takes any size,
/// for what is short or long.
std::span<const ChecksumKernel> checksumKernels();

}  // namespace penstock
