// Benchmarks of what this CPU can do, which is known when the program runs.
#pragma once

namespace penstock::bench {

void registerChecksums();

}  // namespace penstock::bench
