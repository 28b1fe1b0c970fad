// DPDK's environment: started once from the settings, quiet when all is well, in one sentence when not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace penstock {

class EalLog;

/// Throws StartError. The process is a DPDK primary, alone: no shared configuration, no telemetry socket, no files.
/// Every thread that made mbufs or ports must be gone before it is destroyed.
class Eal {
 public:
  explicit Eal(const DataplaneConfig& config);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  /// What was decided about hugepages, and why: for the log.
  bool hugepages() const { return hugepages_; }
  const std::string& memoryText() const { return memory_text_; }

  /// The first thing DPDK complained about since the last forget; empty if nothing.
  std::string complaint() const;
  void forgetComplaints() const;

 private:
  std::unique_ptr<EalLog> log_;
  bool hugepages_ = false;
  std::string memory_text_;
};

/// Gives the calling thread an identity in DPDK (its own cache of each buffer pool) while it lives.
class EalThread {
 public:
  EalThread();
  ~EalThread();
  EalThread(const EalThread&) = delete;
  EalThread& operator=(const EalThread&) = delete;
};

/// Rate of the counter that readCycles() reads. DPDK must run (Eal).
uint64_t cyclesHz();
/// Cores that the calling thread may run on, in order.
std::vector<int> allowedCores();
/// Part of a device string before its arguments: "net_tap0,iface=penstock0" -> "net_tap0".
std::string deviceName(const std::string& device);
/// Whether a device string names a bus address ("0000:3b:00.0", "3b:00.0") rather than a driver ("net_tap0").
bool isPciAddress(const std::string& device);
/// The arguments DPDK is started with, pure, so that they can be tested.
std::vector<std::string> ealArguments(const DataplaneConfig& config, bool hugepages, const std::vector<int>& cores);

}  // namespace penstock
