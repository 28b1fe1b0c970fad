// Asking for memory ahead of its use: state that a packet needs is spread over megabytes, and each line of it that has
// to be waited for costs as much as the rest of the packet.
#pragma once

#include <cstddef>

namespace penstock {

/// The cache lines of `bytes` bytes from `begin` on.
template <size_t bytes>
inline void prefetch(const void* begin) {
  const char* const at = static_cast<const char*>(begin);
  for (size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(at + offset);
}

}  // namespace penstock
