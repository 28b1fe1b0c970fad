// How much memory this process really uses.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace penstock::bench {

inline uint64_t residentMemoryBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace penstock::bench
