// The program whose instructions `make bench-check` counts: PACKETS published packets to each of 50 receivers, through
// Relay, over buffers that are there already, always the same ones. Crypto and the copying of payloads are left out,
// for they belong to other people's libraries and depend on the CPU: what is counted is ours.
//
// Two counts with different PACKETS, subtracted, leave out start-up and set-up.
#include <cstdio>
#include <cstdlib>

#include "bench/guard/no_crypto.h"
#include "bench/load/plain_path.h"

int main(int argc, char** argv) {
  using namespace penstock;
  constexpr uint32_t kReceivers = 50;
  constexpr size_t kBurst = bench::PlainPath::kBurst;
  const size_t packets = argc > 1 ? std::strtoul(argv[1], nullptr, 10) / kBurst * kBurst : 0;
  bench::NoCrypto backend;
  const bench::Scenario scenario = bench::makeScenario(bench::shapesOf({.name = "webinar", .size = kReceivers}));
  bench::PlainPath path(scenario, contract::SrtpProfile::kAeadAes128Gcm, backend);
  for (size_t done = 0; done < packets; done += kBurst) {
    path.prepare(kBurst);
    if (!path.publish()) return EXIT_FAILURE;
  }
  std::printf("%lu\n", path.mediaSent());
  return path.mediaSent() == packets * kReceivers ? EXIT_SUCCESS : EXIT_FAILURE;
}
