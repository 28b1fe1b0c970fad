#include "bench/load/core_distance.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "bench/load/pin.h"
#include "dataplane/worker/clock.h"

namespace penstock::bench {

namespace {

constexpr uint32_t kRounds = 1000;
constexpr uint64_t kFactor = 2;
// Cores that share a cache need no more than this. The first look may find them far apart, and must not call that near.
constexpr uint64_t kSurelyNearNs = 250;
constexpr uint64_t kPatienceOfFirstLookNs = 20'000'000'000;
constexpr useconds_t kPauseUs = 200'000;

struct alignas(128) Line {
  std::atomic<uint32_t> value{0};
};

void takeCore(int core) {
  pinThread(core);
  sched_param parameters{.sched_priority = 1};
  pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);  // without it, it only takes longer
}

void answer(int core, const Line& there, Line& back) {
  takeCore(core);
  for (uint32_t i = 1; i <= kRounds; ++i) {
    while (there.value.load(std::memory_order_acquire) != i) {
    }
    back.value.store(i, std::memory_order_release);
  }
}

void ask(int core, Line& there, const Line& back, std::vector<uint64_t>& round_trips) {
  takeCore(core);
  for (uint32_t i = 1; i <= kRounds; ++i) {
    const uint64_t begin_ns = monotonicNow();
    there.value.store(i, std::memory_order_release);
    while (back.value.load(std::memory_order_acquire) != i) {
    }
    round_trips.push_back(monotonicNow() - begin_ns);
  }
}

}  // namespace

uint64_t coreRoundTripNs(int core, int other) {
  Line there, back;
  std::vector<uint64_t> round_trips;
  round_trips.reserve(kRounds);
  {
    const std::jthread answers([&] { answer(other, there, back); });
    const std::jthread asks([&] { ask(core, there, back, round_trips); });
  }
  const auto middle = round_trips.begin() + kRounds / 2;
  std::nth_element(round_trips.begin(), middle, round_trips.end());
  return *middle;
}

bool CoreDistance::near() {
  if (!known()) return true;
  const uint64_t now_ns = coreRoundTripNs(*core_, *other_);
  nearest_ns_ = nearest_ns_ == 0 ? now_ns : std::min(nearest_ns_, now_ns);
  farthest_ns_ = std::max(farthest_ns_, now_ns);
  return now_ns <= kFactor * nearest_ns_;
}

void CoreDistance::waitUntilNear(uint64_t patience_ns) {
  if (!known()) return;
  const bool first = nearest_ns_ == 0;
  if (first) patience_ns = std::min(patience_ns, kPatienceOfFirstLookNs);
  const uint64_t begin_ns = monotonicNow();
  while (!near() || (first && nearest_ns_ > kSurelyNearNs)) {
    if (monotonicNow() - begin_ns > patience_ns) return;
    usleep(kPauseUs);
  }
}

}  // namespace penstock::bench
