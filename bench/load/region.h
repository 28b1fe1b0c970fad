// A region of the seam that no other process sees: zero, aligned to a page, memory taken as it is touched.
#pragma once

#include <sys/mman.h>

#include <memory>
#include <new>

namespace penstock::bench {

template <class Region>
struct Unmap {
  void operator()(Region* region) const { munmap(static_cast<void*>(region), sizeof(Region)); }
};
template <class Region>
using OwnMemory = std::unique_ptr<Region, Unmap<Region>>;

template <class Region>
OwnMemory<Region> makeRegion() {
  void* memory = mmap(nullptr, sizeof(Region), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return OwnMemory<Region>(static_cast<Region*>(memory));
}

}  // namespace penstock::bench
