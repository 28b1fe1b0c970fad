// spdlog as both daemons use it: one line each to stderr, where the journal takes it, as text or JSON.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "config/config.h"

namespace penstock {

/// Sets the default logger up. Text lines begin with the priority that the journal understands ("<4>") when stderr is
/// the journal. Call once, before any other thread runs.
void setUpLog(const LogConfig& config, const std::string& program);

/// For causes that a packet or a client can repeat: lets `burst` lines through at once and `per_minute` in the long
/// run, and counts the rest. One limiter per cause; safe from any thread that is not a worker.
class LogLimiter {
 public:
  explicit LogLimiter(uint32_t burst = 5, uint32_t per_minute = 10);

  /// True: log now, and say that `suppressed` lines were left out since the last one.
  bool allow(uint64_t now_ns, uint64_t& suppressed);

 private:
  std::mutex mutex_;
  uint64_t token_interval_ns_;
  uint64_t credit_ns_;
  uint64_t credit_max_ns_;
  uint64_t last_ns_ = 0;
  uint64_t suppressed_ = 0;
};

}  // namespace penstock
