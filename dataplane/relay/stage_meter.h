// Where a worker's cycles go: the time-stamp counter is read between the stages of every 32nd burst.
#pragma once

#include <cstdint>

#include "dataplane/contract/stages.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

namespace penstock {

/// A counter of constant rate that is cheap to read: the CPU's where it has one, else nanoseconds.
inline uint64_t readCycles() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t value;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

class StageMeter {
 public:
  static constexpr uint32_t kSampleEvery = 32;

  explicit StageMeter(contract::StageBlock& block) : block_(block) {}

  /// A burst begins; whether it is one that is measured.
  void begin() {
    sampling_ = ++bursts_ % kSampleEvery == 0;
    if (sampling_) last_ = readCycles();
  }
  /// What was done since the last mark was `stage`, on so many packets.
  void mark(contract::Stage stage, uint64_t packets) {
    if (!sampling_) return;
    const uint64_t now = readCycles();
    block_.add(stage, now - last_, packets);
    last_ = now;
  }
  void end() { sampling_ = false; }

 private:
  contract::StageBlock& block_;
  uint64_t last_ = 0;
  uint32_t bursts_ = 0;
  bool sampling_ = false;
};

}  // namespace penstock
