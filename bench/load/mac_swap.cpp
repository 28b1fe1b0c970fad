#include "bench/load/mac_swap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/load/identity.h"
#include "bench/load/pin.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"
#include "dataplane/worker/clock.h"

namespace penstock::bench {

namespace {

constexpr const char* kTestpmd = "/usr/bin/dpdk-testpmd";
constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kLinkPatienceNs = 15 * kSecondNs, kNearPatienceNs = 20 * kSecondNs;
// testpmd's own burst.
constexpr size_t kBurst = 32;
constexpr int kMovedMax = 5;
// From its socket to its port being started.
constexpr useconds_t kSettleUs = 1'000'000;

/// testpmd waits on one core and forwards on the other.
void becomeTestpmd(const RunPlan& plan) {
  const int forwards = plan.worker_cores[0].value_or(0), waits = plan.generator_core.value_or(forwards);
  std::string vdev = "--vdev=" + portConfig(plan, true).device[0];
  std::string lcores = "--lcores=0@" + std::to_string(waits) + ",1@" + std::to_string(forwards);
  std::vector<std::string> words = {kTestpmd,
                                    lcores,
                                    "--main-lcore=0",
                                    "--no-shconf",
                                    "--no-pci",
                                    "--no-huge",
                                    "-m",
                                    "256",
                                    "--no-telemetry",
                                    vdev,
                                    "--",
                                    "--forward-mode=macswap",
                                    "--nb-cores=1",
                                    "--total-num-mbufs=16384",
                                    "--rxd=1024",
                                    "--txd=1024",
                                    "--no-mlockall"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  execv(kTestpmd, arguments.data());
  _exit(127);
}

void swapOurselves(const RunPlan& plan) {
  if (plan.worker_cores[0]) pinThread(*plan.worker_cores[0]);
  const DataplaneConfig config = portConfig(plan, true);
  const Eal eal(config);
  MbufPool pool(config.packet_buffers);
  std::vector<std::unique_ptr<Port>> ports;
  ports.push_back(std::make_unique<Port>(eal, PortRequest{.device = config.device[0]}, pool));
  PortIo io(ports, pool, 0);
  for (std::array<Packet, kBurst> burst;;) {
    const size_t count = io.receive(0, burst);
    for (size_t i = 0; i < count; ++i) std::swap_ranges(burst[i].data, burst[i].data + 6, burst[i].data + 6);
    if (count > 0) io.send(std::span<const Packet>(burst).first(count));
  }
}

/// Ends with the object.
class OtherSide {
 public:
  OtherSide(const RunPlan& plan, bool testpmd) {
    if (pipe2(input_, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("no process");
    if (process_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input_[0], STDIN_FILENO);  // testpmd ends when its input does
    try {
      if (testpmd) becomeTestpmd(plan);
      swapOurselves(plan);
    } catch (const std::exception&) {
    }
    _exit(1);
  }
  ~OtherSide() {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
    close(input_[0]);
    close(input_[1]);
  }
  OtherSide(const OtherSide&) = delete;
  OtherSide& operator=(const OtherSide&) = delete;
  bool ended() {
    if (process_ > 0 && waitpid(process_, nullptr, WNOHANG) != 0) process_ = -1;
    return process_ < 0;
  }

 private:
  int input_[2];
  pid_t process_;
};

/// Frames that are under way, and what came back of them.
class Circle {
 public:
  Circle(MbufPool& pool, PortIo& io, uint16_t frame_bytes, size_t frames)
      : pool_(pool), io_(io), frame_bytes_(frame_bytes), frames_(frames) {}

  void turn() {
    std::array<Packet, kBurst> burst;
    const size_t count = io_.receive(0, burst);
    if (count == 0) return;
    returned_ += count;
    const size_t took = io_.send(std::span<const Packet>(burst).first(count));
    under_way_ -= count - took;
  }
  /// What the other side had no room for is replaced: the circle stays as large as it was.
  void fill() {
    while (under_way_ < frames_) {
      Packet packet;
      if (pool_.allocate(std::span(&packet, 1)) != 1) return;
      std::memset(packet.data, 0, frame_bytes_);
      std::memcpy(packet.data, kRelayMacAddress.bytes, 6);
      std::memcpy(packet.data + 6, kRouterMacAddress.bytes, 6);
      packet.data[12] = 0x88;  // IEEE 802.1: local experimental EtherType 1
      packet.data[13] = 0xb5;
      packet.length_bytes = frame_bytes_;
      if (io_.send(std::span(&packet, 1)) != 1) return;
      ++under_way_;
    }
  }
  uint64_t returned() const { return returned_; }
  /// What comes back in a second.
  double rate(double seconds) {
    const uint64_t before = returned_, begin_ns = monotonicNow();
    uint64_t now_ns = begin_ns;
    for (; static_cast<double>(now_ns - begin_ns) < seconds * 1e9; now_ns = monotonicNow()) {
      for (int i = 0; i < 64; ++i) turn();
      fill();
    }
    return static_cast<double>(returned_ - before) / (static_cast<double>(now_ns - begin_ns) / 1e9);
  }

 private:
  MbufPool& pool_;
  PortIo& io_;
  uint16_t frame_bytes_;
  size_t frames_;
  size_t under_way_ = 0;
  uint64_t returned_ = 0;
};

/// net_memif's client does not start without its server.
void waitForSocket(const std::string& path, OtherSide& other) {
  const uint64_t start_ns = monotonicNow();
  while (!std::filesystem::exists(path)) {
    if (other.ended() || monotonicNow() - start_ns > kLinkPatienceNs)
      throw std::runtime_error("the program that swaps MAC addresses did not start");
    usleep(10'000);
  }
  usleep(kSettleUs);
}

}  // namespace

MacSwapRate measureMacSwap(const RunPlan& plan, uint16_t frame_bytes, double seconds, CoreDistance& distance) {
  const bool testpmd = std::filesystem::exists(kTestpmd);
  OtherSide other(plan, testpmd);
  waitForSocket(plan.socket, other);
  const DataplaneConfig config = portConfig(plan, false);
  const Eal eal(config);
  MbufPool pool(config.packet_buffers);
  std::vector<std::unique_ptr<Port>> ports;
  ports.push_back(std::make_unique<Port>(eal, PortRequest{.device = config.device[0]}, pool));
  PortIo io(ports, pool, 0);
  if (plan.generator_core) pinThread(*plan.generator_core);
  // A quarter of a ring: with more, a burst may find the other side's ring full.
  Circle circle(pool, io, frame_bytes, size_t{1} << (plan.ring_log2 - 2));
  const uint64_t start_ns = monotonicNow();
  while (!ports[0]->linkUp()) {
    if (other.ended() || monotonicNow() - start_ns > kLinkPatienceNs)
      throw std::runtime_error("the program that swaps MAC addresses did not come up");
    circle.turn();
  }
  // Until frames come back, testpmd may still be starting.
  circle.fill();
  while (circle.returned() < 100'000) {
    if (other.ended() || monotonicNow() - start_ns > kLinkPatienceNs)
      throw std::runtime_error("the program that swaps MAC addresses sends nothing back");
    circle.turn();
  }
  double per_second = 0;
  for (int again = 0; again < kMovedMax; ++again) {
    distance.waitUntilNear(kNearPatienceNs);
    per_second = circle.rate(seconds);
    if (distance.near()) break;
  }
  return {.program = testpmd ? "dpdk-testpmd, macswap" : "MAC addresses swapped by our own loop",
          .per_second = per_second};
}

}  // namespace penstock::bench
