// Each way to make the Internet checksum that this CPU can do, and how it compares with the next simpler one: a wide
// way that is not quicker than a plainer one has lost its reason, and shows here on every machine that has it.
#include "bench/micro/checksum_bench.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "bench/load/cpu_clock.h"
#include "bench/micro/cycles.h"
#include "dataplane/packet/checksum.h"

namespace penstock::bench {
namespace {

/// Of the short header behind an encrypted payload, of audio, of video with its tag.
constexpr std::array<int64_t, 3> kSizes = {64, 256, 1216};

/// What follows on the packet path has SSE code too: that a kernel leaves the CPU as it found it belongs to its time.
[[gnu::noinline]] void halve(double& value) {
  value *= 0.5;
  benchmark::DoNotOptimize(value);
}

uint64_t sumOnce(const ChecksumKernel& kernel, const uint8_t* bytes, size_t size, double& value) {
  halve(value);
  return kernel.sum(bytes, size);
}

/// The least of several turns: what another process took is left out.
double cyclesOf(const ChecksumKernel& kernel, const uint8_t* bytes, size_t size) {
  constexpr int kTurns = 20, kCalls = 5'000;
  double least = std::numeric_limits<double>::max(), value = 1;
  for (int turn = 0; turn < kTurns; ++turn) {
    const uint64_t begin_ns = threadCpuNs();
    for (int call = 0; call < kCalls; ++call) benchmark::DoNotOptimize(sumOnce(kernel, bytes, size, value));
    least = std::min(least, static_cast<double>(threadCpuNs() - begin_ns) * cyclesPerNs() / kCalls);
  }
  return least;
}

void checksum(benchmark::State& state, size_t which) {
  const auto kernels = checksumKernels();
  const auto size = static_cast<size_t>(state.range(0));
  alignas(64) std::array<uint8_t, 2048> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  double value = 1;
  const uint8_t* at = bytes.data() + 2;  // payloads are where headers end
  const Cycles cycles;
  for (auto _ : state) benchmark::DoNotOptimize(sumOnce(kernels[which], at, size, value));
  cycles.report(state, static_cast<uint64_t>(state.iterations()));
  if (which + 1 == kernels.size()) return;
  const double ratio = cyclesOf(kernels[which + 1], at, size) / cyclesOf(kernels[which], at, size);
  state.counters["times_quicker"] = ratio;
  state.SetLabel(std::string("than ") + kernels[which + 1].name);
}

}  // namespace

void registerChecksums() {
  const auto kernels = checksumKernels();
  for (size_t which = 0; which < kernels.size(); ++which) {
    const std::string name = std::string("checksum/") + kernels[which].name;
    for (const int64_t size : kSizes) {
      benchmark::RegisterBenchmark(name.c_str(), checksum, which)->Arg(size)->ArgName("bytes");
    }
  }
}

}  // namespace penstock::bench
