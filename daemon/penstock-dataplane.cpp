// The dataplane daemon: settings, shared memory, DPDK and its ports, a relay on each worker, housekeeping; then
// waiting.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "config/log.h"
#include "config/options.h"
#include "daemon/exit_codes.h"
#include "daemon/lifecycle.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"
#include "dataplane/relay/handover.h"
#include "dataplane/relay/relay.h"
#include "dataplane/srtp/make_backend.h"
#include "dataplane/worker/clock.h"
#include "dataplane/worker/cores.h"
#include "dataplane/worker/housekeeping.h"
#include "dataplane/worker/placement.h"
#include "dataplane/worker/region_files.h"
#include "dataplane/worker/relay_config.h"
#include "dataplane/worker/worker.h"

namespace penstock {
namespace {

using Ports = std::vector<std::unique_ptr<Port>>;

void describe(const PortFacts& facts) {
  spdlog::info("port {}: {}, MAC {:02x}, MTU {}, UDP checksums sent by {}, checked by {}; multicast: {}", facts.device,
               facts.driver, fmt::join(facts.mac, ":"), facts.mtu, facts.sends_udp_checksum ? "the port" : "us",
               facts.checks_udp_checksum ? "the port" : "nobody", facts.multicast);
}

Ports startPorts(const Config& config, size_t workers, const Eal& eal, MbufPool& pool) {
  if (config.dataplane.device.empty()) {
    throw StartError(kExitConfig, "No port: set dataplane.device, for example to \"net_tap0,iface=penstock0\".");
  }
  PortRequest request{.workers = static_cast<uint16_t>(workers),
                      .mtu = config.dataplane.mtu,
                      .groups = multicastGroups(localAddresses(config.media)),
                      .identity = fmt::format("{}", fmt::join(config.media.address, " "))};
  Ports ports;
  for (const std::string& device : config.dataplane.device) {
    request.device = device;
    if (!ports.empty()) request.mac = ports.front()->facts().mac;
    ports.push_back(std::make_unique<Port>(eal, request, pool));
    describe(ports.back()->facts());
  }
  return ports;
}

/// What all ports have in common.
LinkFacts linkFacts(const Ports& ports) {
  LinkFacts link{.mac = ports.front()->facts().mac, .mtu = UINT16_MAX, .sends_udp_checksum = true};
  for (const auto& port : ports) {
    link.mtu = std::min(link.mtu, port->facts().mtu);
    link.sends_udp_checksum = link.sends_udp_checksum && port->facts().sends_udp_checksum;
  }
  return link;
}

std::vector<LinkState> linkStates(const Ports& ports) {
  std::vector<LinkState> states;
  for (const auto& port : ports) states.push_back({port->facts().device, port->linkUp()});
  return states;
}

std::vector<WorkerSettings> workerSettings(const DataplaneConfig& config) {
  const auto cores = placeWorkers(config.workers, allowedCores());
  if (!cores) throw StartError(kExitConfig, fmt::format("dataplane.workers: {}.", cores.error()));
  std::vector<WorkerSettings> settings;
  for (const auto& core : *cores) {
    settings.push_back({.index = static_cast<uint32_t>(settings.size()), .core = core, .idle = config.idle});
  }
  return settings;
}

std::unique_ptr<srtp::Backend> makeBackend(SrtpBackend wish) {
  const auto choice = wish == SrtpBackend::kIpsecMb   ? srtp::BackendChoice::kIpsecMb
                      : wish == SrtpBackend::kLibsrtp ? srtp::BackendChoice::kLibsrtp
                                                      : srtp::BackendChoice::kAuto;
  auto backend = srtp::makeBackend(choice);
  if (backend != nullptr) return backend;
  throw StartError(kExitConfig,
                   "srtp.backend = ipsec-mb: this build is without intel-ipsec-mb, or this CPU without its AES "
                   "instructions; auto would take libsrtp.");
}

/// Where what idle workers wish to do cannot be done, they sleep.
void chooseIdle(std::vector<WorkerSettings>& settings, const Ports& ports) {
  if (settings.front().idle != Idle::kMonitor) return;
  const std::string obstacle = PortIo::waitObstacle(ports, settings.size());
  if (obstacle.empty()) return;
  spdlog::warn("dataplane.idle = monitor: {}; idle workers sleep instead", obstacle);
  for (WorkerSettings& worker : settings) worker.idle = Idle::kSleep;
}

std::string_view idleText(Idle idle) {
  return idle == Idle::kSleep     ? "sleeping when idle"
         : idle == Idle::kMonitor ? "watching its ports by UMWAIT when idle"
                                  : "polling always";
}

std::string describe(const std::vector<WorkerSettings>& settings) {
  std::vector<std::string> cores;
  for (const WorkerSettings& worker : settings) {
    if (worker.core) cores.push_back(std::to_string(*worker.core));
  }
  return fmt::format("{} {}, {}, {}", settings.size(), settings.size() == 1 ? "worker" : "workers",
                     cores.empty() ? "not pinned" : fmt::format("pinned to {}", fmt::join(cores, ", ")),
                     idleText(settings.front().idle));
}

void warnOfDistance(const WorkerSettings& worker, const Ports& ports) {
  const int node = worker.core ? numaNodeOf(*worker.core) : -1;
  for (const auto& port : ports) {
    const PortFacts& facts = port->facts();
    if (node < 0 || facts.numa_node < 0 || node == facts.numa_node) continue;
    spdlog::warn(
        "core {} is on NUMA node {} and port {} on node {}: every packet crosses between them; choose "
        "dataplane.workers from the cores of node {}",
        *worker.core, node, facts.device, facts.numa_node, facts.numa_node);
  }
}

/// A worker and what is its own.
struct WorkerParts {
  PortIo io;
  Relay relay;
  Worker worker;

  WorkerParts(const Ports& ports, MbufPool& pool, const RelayConfig& config, srtp::Backend& backend,
              contract::ReportsRegion& reports, HandOverRings& rings, contract::FlowsRegion& flows,
              const WorkerSettings& settings, WorkerLink& link)
      : io(ports, pool, static_cast<uint16_t>(settings.index)),
        relay(config, backend, io, reports, rings, settings.index, flows),
        worker(settings, relay, io, link, reports) {}
};

void reportStart(contract::DataplaneStatus& status, size_t workers, const Eal& eal, const Ports& ports) {
  status.worker_count = static_cast<uint32_t>(workers);
  status.port_count = static_cast<uint32_t>(ports.size());
  status.hugepages = eal.hugepages() ? 1 : 0;
  status.cycles_hz = cyclesHz();
  status.started_ns = monotonicNow();
}

/// Threads inherit the rights of the one that starts them. This one keeps its own, to undo at the end what it did to
/// interfaces, and does nothing with them in between.
void startWithoutCapabilities(const std::function<void()>& start) {
  std::thread([&] {
    dropCapabilities();
    start();
  }).join();
}

int serve(const Config& config) {
  const std::string directory = config.seam.directory + "/";
  OwnRegion reports_file(directory + std::string(contract::kReportsFile), contract::kReportsMagic,
                         sizeof(contract::ReportsRegion), config.seam.group);
  OwnRegion flows_file(directory + std::string(contract::kFlowsFile), contract::kFlowsMagic,
                       sizeof(contract::FlowsRegion), "");
  auto& reports = *static_cast<contract::ReportsRegion*>(reports_file.data());
  auto& flows = *static_cast<contract::FlowsRegion*>(flows_file.data());
  std::vector<WorkerSettings> settings = workerSettings(config.dataplane);

  // Its libraries are loaded while DPDK sleeps, a tenth of a second, to time the CPU's counter.
  auto made_backend = std::async(std::launch::async, makeBackend, config.srtp.backend);
  const Eal eal(config.dataplane);
  const auto backend = made_backend.get();
  spdlog::info("dpdk: {}", eal.memoryText());
  // Packets are in memory near the core that touches them first.
  const auto first_core = settings.front().core;
  MbufPool pool(config.dataplane.packet_buffers, first_core ? numaNodeOf(*first_core) : -1);
  const Ports ports = startPorts(config, settings.size(), eal, pool);
  chooseIdle(settings, ports);

  const RelayConfig relay_config = makeRelayConfig(config, linkFacts(ports), settings.size());
  HandOverRings rings(settings.size());
  std::vector<std::unique_ptr<WorkerLink>> links;
  std::vector<std::unique_ptr<WorkerParts>> workers;
  for (const WorkerSettings& worker : settings) {
    warnOfDistance(worker, ports);
    links.push_back(std::make_unique<WorkerLink>());
    onCore(worker.core, [&] {
      workers.push_back(std::make_unique<WorkerParts>(ports, pool, relay_config, *backend, reports, rings, flows,
                                                      worker, *links.back()));
    });
  }
  Housekeeping housekeeping(
      {.tables_path = directory + std::string(contract::kTablesFile), .links = [&] { return linkStates(ports); }},
      *backend, links, reports_file, flows_file);

  reportStart(reports.status, settings.size(), eal, ports);
  startWithoutCapabilities([&] {
    for (const auto& parts : workers) parts->worker.start();
    housekeeping.start();
  });
  spdlog::info("running: SRTP by {}, {}", backend->name(), describe(settings));
  notifyReady("forwarding");

  std::vector<uint64_t> turns(links.size());
  uint64_t housekeeping_turns = 0;
  const std::string signal = waitForStop([&] {
    const uint64_t before = std::exchange(housekeeping_turns, housekeeping.turns());
    bool well = housekeeping_turns != before;
    for (size_t i = 0; i < links.size(); ++i) {
      const uint64_t turns_before = std::exchange(turns[i], links[i]->turns);
      well = well && turns[i] != turns_before;
    }
    return well;
  });
  notifyStopping();
  spdlog::info("stopping on {}", signal);
  housekeeping.stop();
  for (const auto& parts : workers) parts->worker.stop();
  return kExitOk;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  using namespace penstock;
  const auto settings = readSettings(
      argc, argv, {.name = "penstock-dataplane", .purpose = "Forwards media between the ports of a Penstock relay."});
  if (!settings) return finish(settings.error());
  hardenProcess();
  blockSignals();
  setUpLog(settings->config.log, "penstock-dataplane");
  for (const std::string& warning : settings->warnings) spdlog::warn("{}", warning);
  try {
    return serve(settings->config);
  } catch (const StartError& error) {
    spdlog::critical("{}", error.what());
    return error.exitCode();
  } catch (const std::exception& error) {
    spdlog::critical("{}", error.what());
    return kExitFailure;
  }
}
