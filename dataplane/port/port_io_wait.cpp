// Waiting for a packet without polling: the CPU watches the next receive descriptor (UMONITOR, UMWAIT), through DPDK.
#define ALLOW_EXPERIMENTAL_API  // what this needs of DPDK 22.11 to 24.11 is all marked so
#include <fmt/format.h>
#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_power_intrinsics.h>

#include <array>

#include "dataplane/port/port_io.h"

namespace penstock {
namespace {

constexpr size_t kWatchedMax = 16;

}  // namespace

std::string PortIo::waitObstacle(std::span<const std::unique_ptr<Port>> ports, size_t workers) {
  rte_cpu_intrinsics cpu{};
  rte_cpu_get_intrinsics_support(&cpu);
  if (!cpu.power_monitor) return "this CPU has no UMWAIT that DPDK knows";
  if (ports.size() > 1 && !cpu.power_monitor_multi) return "this CPU watches one port at a time";
  if (ports.size() > kWatchedMax) return "there are too many ports";
  for (const auto& port : ports) {
    if (port->queues() < workers) return fmt::format("port {} has no queue for each worker", port->facts().device);
    rte_power_monitor_cond condition;
    if (rte_eth_get_monitor_addr(port->id(), 0, &condition) != 0) {
      return fmt::format("port {} ({}) has nothing to watch", port->facts().device, port->facts().driver);
    }
  }
  return "";
}

void PortIo::waitForPacket(uint64_t ns) const {
  std::array<rte_power_monitor_cond, kWatchedMax> watched;
  for (size_t i = 0; i < ports_.size(); ++i) {
    // The descriptor that the next packet will be written to: another one each time.
    if (rte_eth_get_monitor_addr(ports_[i]->id(), queue_, &watched[i]) != 0) return rte_pause();
  }
  const uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1'000'000 * ns / 1000;
  if (ports_.size() == 1) {
    rte_power_monitor(watched.data(), until);
  } else {
    rte_power_monitor_multi(watched.data(), static_cast<uint32_t>(ports_.size()), until);
  }
}

}  // namespace penstock
