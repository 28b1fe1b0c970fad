#include "daemon/lifecycle.h"

#include <linux/capability.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace penstock {
namespace {

constexpr uint64_t kCheckIntervalUs = 1'000'000;

/// How often to look: twice per watchdog interval, if there is one.
uint64_t checkIntervalUs(bool& watched) {
  uint64_t timeout_us = 0;
  watched = sd_watchdog_enabled(0, &timeout_us) > 0;
  return watched ? std::min(kCheckIntervalUs, timeout_us / 2) : kCheckIntervalUs;
}

}  // namespace

void hardenProcess() {
  umask(0027);
  prctl(PR_SET_DUMPABLE, 0UL);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

void dropCapabilities() {
  // Kept, if held: to lock memory, and to read a region of another user's.
  constexpr uint32_t kKept = 1U << CAP_IPC_LOCK | 1U << CAP_DAC_READ_SEARCH;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (syscall(SYS_capget, &header, data) != 0) return;
  data[0].effective &= kKept;
  data[0].permitted &= kKept;
  data[1] = {};
  data[0].inheritable = 0;
  if (syscall(SYS_capset, &header, data) != 0) spdlog::warn("capabilities were not dropped: {}", std::strerror(errno));
}

void blockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

void notifyReady(const std::string& status) {
  sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

void notifyStopping() {
  sd_notify(0, "STOPPING=1");
}

std::string waitForStop(const std::function<bool()>& is_well) {
  bool watched = false;
  const uint64_t interval_us = checkIntervalUs(watched);
  const timespec interval{.tv_sec = static_cast<time_t>(interval_us / 1'000'000),
                          .tv_nsec = static_cast<long>(interval_us % 1'000'000 * 1000)};
  sigset_t stops;
  sigemptyset(&stops);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&stops, signal);
  for (;;) {
    const int signal = sigtimedwait(&stops, nullptr, &interval);
    if (signal == SIGTERM) return "SIGTERM";
    if (signal == SIGINT) return "SIGINT";
    if (signal == SIGHUP) spdlog::info("SIGHUP does nothing: settings are read at start, restart to change them");
    if (watched && is_well()) sd_notify(0, "WATCHDOG=1");
  }
}

}  // namespace penstock
