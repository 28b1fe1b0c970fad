// Memory in pages of 2 MiB where the kernel has some: what is reached by index, in no order, misses the address
// translation cache otherwise, which costs more than the access. Zero at first; taken as it is touched.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

// g++ defines a macro where AddressSanitizer is on, clang 19 has a feature.
#ifdef __SANITIZE_ADDRESS__
#define PENSTOCK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PENSTOCK_ASAN 1
#endif
#endif
#ifdef PENSTOCK_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace penstock {

inline constexpr size_t kHugePage = size_t{2} << 20;

struct UnmapBytes {
  size_t size = 0;
  void operator()(void* memory) const {
#ifdef PENSTOCK_ASAN
    __lsan_unregister_root_region(memory, size);
#endif
    munmap(memory, size);
  }
};
using HugeMemory = std::unique_ptr<void, UnmapBytes>;

/// Aligned to a huge page. Throws std::bad_alloc.
inline HugeMemory takeHugeMemory(size_t bytes) {
  const size_t size = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  // Mapped with room to align it in; what is beyond goes back.
  void* mapped =
      mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapped);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(mapped) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  if (before < kHugePage) munmap(begin + before + size, kHugePage - before);
  madvise(begin + before, size, MADV_HUGEPAGE);  // a wish: without it, it is only slower
#ifdef PENSTOCK_ASAN
  __lsan_register_root_region(begin + before, size);  // what is referred to from here alone is no leak
#endif
  return HugeMemory(begin + before, UnmapBytes{size});
}

}  // namespace penstock
