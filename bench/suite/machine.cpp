#include "bench/suite/machine.h"

#include <openssl/crypto.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/version.hpp>

#include "bench/load/cpu_clock.h"
#include "bench/suite/result.h"
#include "bench/version.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

/// "model name : AMD EPYC" of a file of such lines.
std::string fieldOf(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t colon = line.find(':');
    const size_t begin = colon == std::string::npos ? std::string::npos : line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string lineOf(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// What of the instruction set decides the speed of crypto.
json::array cryptoFlags() {
  json::array flags;
  std::istringstream all(fieldOf("/proc/cpuinfo", "flags"));
  for (std::string flag; all >> flag;) {
    for (const char* wanted : {"aes", "avx2", "avx512f", "vaes", "vpclmulqdq", "sha_ni", "gfni", "hypervisor"}) {
      if (flag == wanted) flags.emplace_back(flag);
    }
  }
  return flags;
}

}  // namespace

CpuTimes cpuTimes() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  file >> cpu;
  uint64_t ticks[8] = {};  // user nice system idle iowait irq softirq steal
  for (uint64_t& value : ticks) file >> value;
  CpuTimes times{.stolen = ticks[7], .idle = ticks[3] + ticks[4]};
  for (const uint64_t value : ticks) times.all += value;
  return times;
}

json::object describeMachine() {
  utsname system{};
  uname(&system);
  const double memory_kib = std::strtod(fieldOf("/proc/meminfo", "MemTotal").c_str(), nullptr);
  std::string distribution = fieldOf("/etc/os-release", "PRETTY_NAME");
  std::ifstream release("/etc/os-release");
  for (std::string line; std::getline(release, line);) {
    if (line.starts_with("PRETTY_NAME=\"")) distribution = line.substr(13, line.size() - 14);
  }
  return {{"cpu", fieldOf("/proc/cpuinfo", "model name")},
          {"cores", std::thread::hardware_concurrency()},
          {"tsc_ghz", std::round(cyclesPerNs() * 1000) / 1000},
          {"flags", cryptoFlags()},
          {"memory_gib", std::round(memory_kib / 1048576 * 10) / 10},
          {"hugepages_free", std::strtod(fieldOf("/proc/meminfo", "HugePages_Free").c_str(), nullptr)},
          {"hypervisor", lineOf("/sys/class/dmi/id/sys_vendor") + " " + lineOf("/sys/class/dmi/id/product_name")},
          {"kernel", std::string(system.release)},
          {"distribution", distribution},
          {"penstock", kPenstockVersion},
          {"build", kPenstockBuild},
          {"compiler", std::string("g++ ") + __VERSION__},
          {"dpdk", kDpdkVersion},
          {"libsrtp", kLibsrtpVersion},
          {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)}};
}

json::object describeQuiet(const CpuTimes& before, const CpuTimes& after) {
  const double all = static_cast<double>(after.all - before.all);
  double load[3] = {};
  if (getloadavg(load, 3) < 1) load[0] = 0;
  return {{"stolen_percent", all > 0 ? 100 * static_cast<double>(after.stolen - before.stolen) / all : 0.0},
          {"load_average", load[0]}};
}

std::string machineLine(const json::object& machine) {
  std::ostringstream line;
  line << textAt(machine, "cpu") << ", " << numberAt(machine, "cores") << " cores at " << numberAt(machine, "tsc_ghz")
       << " GHz (time stamp counter), " << numberAt(machine, "memory_gib") << " GiB, Linux "
       << textAt(machine, "kernel");
  return line.str();
}

}  // namespace penstock::bench
