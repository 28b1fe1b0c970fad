#include "dataplane/port/eal.h"

#include <fmt/ranges.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "daemon/exit_codes.h"
#include "dataplane/port/eal_log.h"

namespace penstock {
namespace {

/// Whether the kernel would give so much memory in hugepages, found by asking for it and giving it back.
bool hugepagesCanBeHad(uint32_t memory_mib) {
  const size_t size = size_t{memory_mib} << 20;
  void* trial = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (trial == MAP_FAILED) return false;
  munmap(trial, size);
  return true;
}

/// In-memory mode leaves nothing behind but the directory it would have used.
void removeRuntimeDirectory() {
  std::error_code ignored;
  const std::filesystem::path directory = rte_eal_get_runtime_dir();
  if (std::filesystem::remove(directory, ignored)) std::filesystem::remove(directory.parent_path(), ignored);
}

[[noreturn]] void refuse(const DataplaneConfig& config, bool hugepages, const std::string& complaint, int error) {
  const std::string why = complaint.empty() ? rte_strerror(error) : complaint;
  if (error == EACCES || error == EPERM) {
    throw StartError(kExitRights, fmt::format("DPDK lacks a right ({}): start penstock-dataplane as root or by its "
                                              "systemd unit, which grants what is needed.",
                                              why));
  }
  if (error == ENOMEM) {
    throw StartError(kExitMemory, fmt::format("DPDK could not get {} MiB of {} ({}): lower dataplane.memory-mib{}.",
                                              config.memory_mib, hugepages ? "hugepages" : "memory", why,
                                              hugepages ? ", or set dataplane.hugepages = off" : ""));
  }
  if (complaint.find("parse device") != std::string::npos) {
    throw StartError(kExitPort, fmt::format("There is no driver of that name ({}): correct dataplane.device.", why));
  }
  throw StartError(kExitFailure, fmt::format("DPDK did not start ({}): look at dataplane.eal-argument and "
                                             "dataplane.device, and at the log with log.level = debug.",
                                             why));
}

}  // namespace

std::vector<int> allowedCores() {
  cpu_set_t set;
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

uint64_t cyclesHz() {
  return rte_get_tsc_hz();
}

std::string deviceName(const std::string& device) {
  return device.substr(0, device.find(','));
}

bool isPciAddress(const std::string& device) {
  // [domain:]bus:device.function, all in hexadecimal.
  const std::string name = deviceName(device);
  if (name.find(':') == std::string::npos || name.find('.') == std::string::npos) return false;
  for (char c : name) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0 && c != ':' && c != '.') return false;
  }
  return true;
}

std::vector<std::string> ealArguments(const DataplaneConfig& config, bool hugepages, const std::vector<int>& cores) {
  // One EAL thread, this one, free to run where the process may: workers are our own threads and pin themselves.
  std::vector<std::string> arguments = {"penstock-dataplane", "--lcores", fmt::format("0@({})", fmt::join(cores, ",")),
                                        "--no-telemetry",     "-m",       std::to_string(config.memory_mib)};
  // Without hugepages DPDK refuses --in-memory (it implies "legacy" memory), and --no-shconf keeps its files away.
  if (hugepages) {
    arguments.push_back("--in-memory");
  } else {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  bool pci = false;
  for (const std::string& device : config.device) {
    pci = pci || isPciAddress(device);
    arguments.push_back(isPciAddress(device) ? "--allow=" + device : "--vdev=" + device);
  }
  if (!pci) arguments.push_back("--no-pci");
  // Without a physical device nothing needs physical addresses, which only root could look up.
  if (!pci) arguments.push_back("--iova-mode=va");
  arguments.insert(arguments.end(), config.eal_argument.begin(), config.eal_argument.end());
  return arguments;
}

Eal::Eal(const DataplaneConfig& config) : log_(std::make_unique<EalLog>()) {
  hugepages_ = config.hugepages != Hugepages::kOff && hugepagesCanBeHad(config.memory_mib);
  if (config.hugepages == Hugepages::kOn && !hugepages_) {
    throw StartError(kExitMemory, fmt::format("{0} MiB of hugepages cannot be had: reserve them with "
                                              "'sysctl vm.nr_hugepages={1}', or set dataplane.hugepages = auto.",
                                              config.memory_mib, config.memory_mib / 2 + 1));
  }
  memory_text_ = fmt::format("{} MiB {}", config.memory_mib, hugepages_ ? "in hugepages" : "without hugepages");
  if (!hugepages_ && config.hugepages == Hugepages::kAuto) memory_text_ += " (not so many are free)";

  std::vector<std::string> arguments = ealArguments(config, hugepages_, allowedCores());
  spdlog::debug("dpdk arguments: {}", fmt::join(arguments, " "));
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  rte_errno = 0;
  if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0)
    refuse(config, hugepages_, log_->complaint(), rte_errno);
  removeRuntimeDirectory();
}

Eal::~Eal() {
  rte_eal_cleanup();
}

std::string Eal::complaint() const {
  return log_->complaint();
}

void Eal::forgetComplaints() const {
  log_->forget();
}

EalThread::EalThread() {
  if (rte_thread_register() < 0) spdlog::warn("dpdk did not register a worker thread: {}", rte_strerror(rte_errno));
}

EalThread::~EalThread() {
  rte_thread_unregister();
}

}  // namespace penstock
