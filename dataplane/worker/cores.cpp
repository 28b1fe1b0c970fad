#include "dataplane/worker/cores.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <exception>
#include <filesystem>
#include <thread>

namespace penstock {

bool pinTo(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0;
}

void onCore(std::optional<int> core, const std::function<void()>& work) {
  if (!core) return work();
  std::exception_ptr error;
  std::thread([&] {
    pinTo(*core);
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

int numaNodeOf(int core) {
  // The kernel puts a link named after the node into the core's folder.
  for (int node = 0; node < 64; ++node) {
    if (std::filesystem::exists(fmt::format("/sys/devices/system/cpu/cpu{}/node{}", core, node))) return node;
  }
  return -1;
}

}  // namespace penstock
