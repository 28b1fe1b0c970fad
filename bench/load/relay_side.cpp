#include "bench/load/relay_side.h"

#include <signal.h>

#include <cstdio>
#include <exception>

#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"
#include "dataplane/worker/clock.h"
#include "dataplane/worker/worker.h"

namespace penstock::bench {

namespace {

/// The port's buffers throughout; while the room is set up, what is sent is kept for the set-up to answer.
class SetUpIo : public test::HeapIo {
 public:
  explicit SetUpIo(PortIo& port) : port_(port) {}
  Packet make() override {
    Packet packet;
    if (port_.allocate(std::span(&packet, 1)) == 0) throw std::runtime_error("no buffers");
    return packet;
  }
  size_t allocate(std::span<Packet> out) override { return port_.allocate(out); }
  void retain(std::span<const Packet> packets) override { port_.retain(packets); }
  void release(std::span<const Packet> packets) override { port_.release(packets); }
  size_t send(std::span<const Packet> packets) override {
    if (running) return port_.send(packets);
    for (const Packet& packet : packets) sent.emplace_back(packet.data, packet.data + packet.length_bytes);
    release(packets);
    return packets.size();
  }
  bool running = false;

 private:
  PortIo& port_;
};

void setUp(test::World& world, const LoadPlan& plan) {
  test::Client& publisher = world.addConnected(0, addressOf(0), plan.profile);
  world.addTrack(publisher, {.ssrc = kPublisherSsrc});
  for (uint32_t i = 1; i <= plan.subscribers; ++i) {
    test::Client& subscriber = world.addClient(i, addressOf(i), plan.profile);
    world.check(subscriber);
    world.addSubscription(subscriber, {.index = i, .ssrc = ssrcOf(i), .rtx_ssrc = ssrcOf(i) + 1});
  }
  for (uint32_t asked = 0; asked < plan.subscribers + 64; asked += 8) world.answerNeighbours();
}

}  // namespace

int runRelay(const LoadPlan& plan) try {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  const DataplaneConfig config = portConfig(plan, true);
  const Eal eal(config);
  MbufPool pool(config.packet_buffers);
  std::vector<std::unique_ptr<Port>> ports;
  ports.push_back(std::make_unique<Port>(eal, PortRequest{.device = config.device[0]}, pool));
  PortIo port_io(ports, pool, 0);
  auto io_owner = std::make_unique<SetUpIo>(port_io);
  SetUpIo& io = *io_owner;
  test::World world({}, std::move(io_owner));
  world.now_ns = monotonicNow();
  setUp(world, plan);
  io.running = true;
  WorkerLink link;
  {
    Worker worker({.sleeps = false}, *world.relay, port_io, link, *world.reports);
    worker.start();
    int signal = 0;
    sigwait(&stop, &signal);
  }
  std::printf("relay: %s\n", world.counters().c_str());
  world.relay.reset();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "relay: %s\n", error.what());
  return 70;
}

}  // namespace penstock::bench
