// Joins two ports: what one receives, the other sends. Gives a port without a kernel side (net_memif) one (net_tap).
// Usage: port_bridge DEVICE DEVICE
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "daemon/exit_codes.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"

namespace {

volatile std::sig_atomic_t stopped = 0;

void run(const std::string& left, const std::string& right) {
  using namespace penstock;
  const Eal eal({.device = {left, right}, .hugepages = Hugepages::kOff, .memory_mib = 128});
  MbufPool pool(8192);
  std::array<std::unique_ptr<Port>, 2> ports;
  ports[0] = std::make_unique<Port>(eal, PortRequest{.device = left}, pool);
  ports[1] = std::make_unique<Port>(eal, PortRequest{.device = right}, pool);
  std::array<PortIo, 2> ends{PortIo(std::span(ports).first(1), pool, 0), PortIo(std::span(ports).last(1), pool, 0)};
  while (!stopped) {
    for (size_t end = 0; end < 2; ++end) {
      std::array<Packet, kBurstMax> burst;
      const size_t count = ends[end].receive(0, burst);
      if (count > 0) ends[1 - end].send(std::span(burst).first(count));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return penstock::kExitConfig;
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::signal(SIGINT, [](int) { stopped = 1; });
  try {
    run(argv[1], argv[2]);
  } catch (const penstock::StartError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exitCode();
  }
}
