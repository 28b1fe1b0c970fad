// The ceiling of the fast backend, by the cases that the backend itself is measured with.
#include "bench/load/ipsec_mb_alone.h"
#include "bench/micro/crypto_bench.h"

namespace penstock::bench {
namespace {

static_assert(IpsecMbAlone::kPass == kPass);

void run(benchmark::State& state, bool sending) {
  const CryptoCase what = cryptoCase(state, 0);
  if (!IpsecMbAlone::can(what.profile)) return state.SkipWithError("no ipsec-mb here");
  IpsecMbAlone alone(what.profile, what.payload, what.batch, what.keys);
  const auto pass = [&] { alone.pass(sending); };
  pass();
  PassTimer timer;
  for (auto _ : state) timer.time(state, pass);
  timer.report(state);
}

void protect_alone(benchmark::State& state) {
  run(state, true);
}
void unprotect_alone(benchmark::State& state) {
  run(state, false);
}

void cases(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"profile", "bytes", "burst", "keys"})->UseManualTime();
  forEachCryptoCase([&](int64_t profile, int64_t bytes, int64_t batch, int64_t keys) {
    // With GCM each packet is a call of its own.
    if (profile == 0x0001 || batch == 64) benchmark->Args({profile, bytes, batch, keys});
  });
}
BENCHMARK(protect_alone)->Apply(cases);
BENCHMARK(unprotect_alone)->Apply(cases);

}  // namespace
}  // namespace penstock::bench
