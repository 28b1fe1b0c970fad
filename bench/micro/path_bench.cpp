// The whole packet path over plain buffers: one publisher, N subscribers, from received frame to frames ready to send.
#include "bench/load/plain_path.h"
#include "bench/micro/cycles.h"
#include "dataplane/srtp/make_backend.h"

namespace penstock::bench {
namespace {

constexpr int64_t kBursts = 64;

/// Arguments: profile code point, payload bytes, subscribers. One item is one packet sent to one subscriber.
void forward(benchmark::State& state) {
  const auto profile = static_cast<contract::SrtpProfile>(state.range(0));
  const auto subscribers = static_cast<uint32_t>(state.range(2));
  const auto backend = srtp::makeBackend(srtp::BackendChoice::kAuto);
  const Scenario scenario = makeScenario(
      shapesOf({.name = "webinar", .size = subscribers, .payload_bytes = static_cast<uint16_t>(state.range(1))}));
  PlainPath path(scenario, profile, *backend);
  path.prepare(PlainPath::kBurst * (kBursts + 1));
  bool published = path.publish();  // once through, not timed
  const uint64_t before = path.mediaSent();
  const Cycles cycles;
  for (auto _ : state) published = published && path.publish();
  const uint64_t sent = path.mediaSent() - before;
  if (!published || sent != PlainPath::kBurst * kBursts * subscribers)
    return state.SkipWithError("packets are missing");
  cycles.report(state, sent);
}
BENCHMARK(forward)
    ->ArgNames({"profile", "bytes", "subscribers"})
    ->Args({0x0007, 1200, 1})
    ->Args({0x0007, 1200, 10})
    ->Args({0x0007, 1200, 50})
    ->Args({0x0007, 100, 50})
    ->Args({0x0001, 1200, 1})
    ->Args({0x0001, 1200, 50})
    ->Iterations(kBursts);

}  // namespace
}  // namespace penstock::bench
