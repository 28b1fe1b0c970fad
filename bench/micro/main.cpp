// Google Benchmark's main, and the benchmarks whose list depends on the CPU.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "bench/micro/checksum_bench.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return EXIT_FAILURE;
  penstock::bench::registerChecksums();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return EXIT_SUCCESS;
}
