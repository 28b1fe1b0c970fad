// The rate at which one worker forwards one publisher to N subscribers without loss, through a real DPDK port
// (net_memif between two processes). Usage: penstock_forward [subscribers] [payload bytes] [gcm|cm]
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bench/load/generator.h"
#include "bench/load/relay_side.h"

int main(int argc, char** argv) {
  using namespace penstock::bench;
  LoadPlan plan;
  if (argc > 1) plan.subscribers = static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10));
  if (argc > 2) plan.payload_bytes = std::strtoul(argv[2], nullptr, 10);
  if (argc > 3 && std::strcmp(argv[3], "cm") == 0) plan.profile = penstock::contract::SrtpProfile::kAes128CmHmacSha1_80;
  if (plan.subscribers == 0 || plan.subscribers > 10'000 || plan.payload_bytes == 0 || plan.payload_bytes > 1400) {
    std::fprintf(stderr, "usage: %s [subscribers 1..10000] [payload bytes 1..1400] [gcm|cm]\n", argv[0]);
    return 64;
  }
  plan.socket = "/tmp/penstock-forward-" + std::to_string(getpid()) + ".sock";
  // Two processes before DPDK starts: each is a primary of its own.
  const pid_t relay = fork();
  if (relay < 0) return 70;
  if (relay == 0) _exit(runRelay(plan));
  const int result = runGenerator(plan);
  kill(relay, SIGTERM);
  int status = 0;
  waitpid(relay, &status, 0);
  unlink(plan.socket.c_str());
  return result;
}
