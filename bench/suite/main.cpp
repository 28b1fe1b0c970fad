// penstock-bench: what this relay does on this machine, measured so that a purchase can be staked on it.
#include <array>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>

#include "bench/suite/command.h"

namespace {

struct Entry {
  std::string_view name;
  int (*run)(int, char**);
  const char* help;
};

constexpr std::array kCommands = {
    Entry{"micro", penstock::bench::microCommand,
          "cycles per packet of parse, crypto and the whole path, without a port"},
    Entry{"forward", penstock::bench::forwardCommand, "the highest rates without loss (NDR) and with 0.5 % (PDR)"},
    Entry{"latency", penstock::bench::latencyCommand, "one-way delay at 10, 50 and 90 % of the highest rate"},
    Entry{"cores", penstock::bench::coresCommand, "how the path grows with workers and with subscriptions"},
    Entry{"surge", penstock::bench::surgeCommand, "load that steps up fivefold and back: loss, delay, time to recover"},
    Entry{"idle", penstock::bench::idleCommand,
          "CPU of a relay with silent participants, and the first packet after it"},
    Entry{"joins", penstock::bench::joinsCommand, "DTLS handshakes per second, and a storm of them"},
    Entry{"plan", penstock::bench::planCommand, "from results and a demand: workers, machines, network, memory"},
    Entry{"table", penstock::bench::tableCommand, "the figures wanted, beside those measured; all results in one file"},
    Entry{"report", penstock::bench::reportCommand, "one HTML file of all results"},
};

int usage() {
  std::printf("penstock-bench COMMAND [options]; each has --help\n\n");
  for (const Entry& entry : kCommands) std::printf("  %-9s %s\n", entry.name.data(), entry.help);
  return penstock::bench::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view name = argc > 1 ? argv[1] : "";
  for (const Entry& entry : kCommands) {
    if (entry.name == name) return entry.run(argc - 1, argv + 1);
  }
  usage();
  return name == "--help" || name == "-h" ? penstock::bench::kExitOk : penstock::bench::kExitUsage;
} catch (const std::invalid_argument& error) {
  std::fprintf(stderr, "penstock-bench: %s\n", error.what());
  return penstock::bench::kExitUsage;
} catch (const std::exception& error) {
  std::fprintf(stderr, "penstock-bench: %s\n", error.what());
  return penstock::bench::kExitFailed;
}
