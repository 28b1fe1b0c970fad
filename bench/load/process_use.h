// What a process uses: memory that is really there, and CPU time.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

namespace penstock::bench {

/// Of this process, or of another.
inline uint64_t residentMemoryBytes(pid_t process = 0) {
  std::ifstream file("/proc/" + (process == 0 ? std::string("self") : std::to_string(process)) + "/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Of all threads of a process together, to a fraction of a microsecond. 0 if there is none.
inline uint64_t processCpuNs(pid_t process) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace penstock::bench
