// One thread on one core.
#pragma once

#include <pthread.h>
#include <sched.h>

namespace penstock::bench {

inline bool pinThread(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0;
}

}  // namespace penstock::bench
