// The program whose instructions `make bench-check` counts: PACKETS published packets to each of 50 receivers, through
// Relay, over buffers that are there already, always the same ones. Crypto and the copying of payloads are left out,
// for they belong to other people's libraries and depend on the CPU: what is counted is ours.
//
// Two counts with different PACKETS, subtracted, leave out start-up and set-up.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/guard/no_crypto.h"
#include "bench/load/identity.h"
#include "bench/load/packet_store.h"
#include "bench/load/router.h"
#include "bench/load/rows_by_hand.h"
#include "dataplane/relay/handover.h"

namespace {

using namespace penstock;

constexpr uint32_t kReceivers = 50;
constexpr size_t kBurst = 32;
constexpr size_t kBuffers = 2048;

/// A stack of buffers; what is sent is counted and gone.
class CountingIo final : public PacketIo {
 public:
  CountingIo() : buffers_(kBuffers) {
    for (Buffer& buffer : buffers_) free_.push_back(&buffer);
  }
  size_t allocate(std::span<Packet> out) override {
    size_t made = 0;
    for (; made < out.size() && !free_.empty(); ++made) {
      Buffer* buffer = free_.back();
      free_.pop_back();
      buffer->references = 1;
      out[made] = {.data = buffer->bytes.data(), .capacity_bytes = kFrameMax, .handle = buffer};
    }
    return made;
  }
  void retain(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) ++static_cast<Buffer*>(packet.handle)->references;
  }
  void release(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) {
      auto* buffer = static_cast<Buffer*>(packet.handle);
      if (--buffer->references == 0) free_.push_back(buffer);
    }
  }
  size_t send(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) {
      if (answer.empty()) answer = bench::answerAsRouter(std::span(packet.data, packet.length_bytes), answer_bytes_);
    }
    release(packets);
    return packets.size();
  }
  std::span<const uint8_t> answer;  // to the relay's question for the router, once it has asked
 private:
  struct Buffer {
    std::array<uint8_t, 2048> bytes{};
    uint32_t references = 0;
  };
  std::vector<Buffer> buffers_;
  std::vector<Buffer*> free_;
  std::array<uint8_t, kArpFrameMax> answer_bytes_{};
};

void give(Relay& relay, CountingIo& io, std::span<const uint8_t> frame, uint64_t now_ns) {
  Packet packet;
  if (io.allocate(std::span(&packet, 1)) != 1) std::abort();
  std::memcpy(packet.data, frame.data(), frame.size());
  packet.length_bytes = static_cast<uint16_t>(frame.size());
  relay.receive(std::span(&packet, 1), now_ns);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t packets = argc > 1 ? std::strtoul(argv[1], nullptr, 10) / kBurst * kBurst : 0;
  const auto profile = contract::SrtpProfile::kAeadAes128Gcm;
  bench::NoCrypto backend;
  const bench::Scenario scenario = bench::makeScenario(bench::shapesOf({.name = "webinar", .size = kReceivers}));
  CountingIo io;
  const auto reports = std::make_unique<contract::ReportsRegion>();
  const auto flows = std::make_unique<contract::FlowsRegion>();
  HandOverRings rings(1);
  Relay relay(bench::relayConfig(kBuffers), backend, io, *reports, rings, 0, *flows);
  uint64_t now_ns = 1'000'000'000;
  bench::applyScenario(relay, backend, scenario, profile, now_ns);
  for (int turn = 0; turn < 100 && io.answer.empty(); ++turn) relay.timers(now_ns += 2'000'000);
  give(relay, io, io.answer, now_ns);

  bench::PacketStore store(scenario, profile, backend, size_t{16} << 20);
  for (size_t done = 0; done < packets; done += kBurst) {
    store.prepare(kBurst);
    std::array<Packet, kBurst> burst;
    if (io.allocate(burst) != kBurst) return EXIT_FAILURE;
    for (Packet& packet : burst) {
      const bench::PreparedPacket prepared = store.next();
      std::memcpy(packet.data, prepared.frame.data(), prepared.frame.size());
      packet.length_bytes = static_cast<uint16_t>(prepared.frame.size());
    }
    now_ns += 100'000;  // 3.2 M packets a second; timers run as often as in a worker
    relay.receive(burst, now_ns);
    relay.timers(now_ns);
  }
  const uint64_t media = reports->worker[0].counters.read(Counter::media_sent);
  std::printf("%lu\n", media);
  return media == packets * kReceivers ? EXIT_SUCCESS : EXIT_FAILURE;
}
