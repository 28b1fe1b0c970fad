// The whole packet path over plain buffers: one publisher, N subscribers, from received frame to frames ready to send.
#include <memory>
#include <vector>

#include "bench/micro/cycles.h"
#include "tests/support/relay_world.h"

namespace penstock::bench {
namespace {

using test::Bytes;
using test::Client;
using test::World;

/// Buffers on a stack: allocation costs next to nothing, as from a mempool's cache. What is sent is counted and gone.
class StackIo : public test::HeapIo {
 public:
  StackIo() : buffers_(4096) {
    for (Buffer& buffer : buffers_) free_.push_back(&buffer);
  }
  Packet make() override {
    Buffer* buffer = free_.back();
    free_.pop_back();
    buffer->references = 1;
    return {.data = buffer->bytes.data(), .capacity_bytes = kFrameMax, .handle = buffer};
  }
  size_t allocate(std::span<Packet> out) override {
    for (Packet& packet : out) packet = make();
    return out.size();
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
      if (keep) sent.emplace_back(packet.data, packet.data + packet.length_bytes);
    }
    release(packets);
    return packets.size();
  }
  bool keep = true;

 private:
  std::vector<Buffer> buffers_;
  std::vector<Buffer*> free_;
};

constexpr size_t kBurst = 32;
constexpr int64_t kBursts = 64;

/// Arguments: profile code point, payload bytes, subscribers. One item is one packet sent to one subscriber.
void forward(benchmark::State& state) {
  const auto profile = static_cast<contract::SrtpProfile>(state.range(0));
  auto owner = std::make_unique<StackIo>();
  StackIo& io = *owner;
  World world({}, std::move(owner));
  Client& publisher = world.addConnected(0, "198.18.0.10:4000", profile);
  world.addTrack(publisher, {.rtx_ssrc = 0x1111'1112});
  const auto subscribers = static_cast<uint32_t>(state.range(2));
  for (uint32_t i = 1; i <= subscribers; ++i) {
    const std::string address = "198.18." + std::to_string(1 + i / 200) + "." + std::to_string(1 + i % 200) + ":5000";
    Client& subscriber = world.addClient(i, address, profile);
    world.check(subscriber);
    world.addSubscription(subscriber, {.index = i, .ssrc = 0x2000 + i * 2, .rtx_ssrc = 0x2001 + i * 2});
  }
  world.answerNeighbours();
  world.answerNeighbours();

  std::vector<Bytes> frames;
  for (uint16_t i = 0; i < kBurst * kBursts; ++i) {
    const Bytes rtp =
        test::rtpPacket({.sequence = i,
                         .extensions = {{test::kMidId, test::bytesOf("0")}, {test::kAbsSendTimeId, Bytes(3)}},
                         .payload = Bytes(static_cast<size_t>(state.range(1)), 0x55)});
    frames.push_back(test::udpFrame(world.frameOf(publisher), world.protect(publisher, rtp)));
  }
  io.keep = false;
  const uint64_t before = world.count(contract::Counter::media_sent);
  size_t next = 0;
  const Cycles cycles;
  for (auto _ : state) {
    std::array<Packet, kBurst> burst;
    for (Packet& packet : burst) {
      packet = io.make();
      const Bytes& frame = frames[next++];
      std::memcpy(packet.data, frame.data(), frame.size());
      packet.length_bytes = static_cast<uint16_t>(frame.size());
    }
    world.now_ns += 1'000'000;
    world.relay->receive(burst, world.now_ns);
  }
  const uint64_t sent = world.count(contract::Counter::media_sent) - before;
  if (sent != kBurst * kBursts * subscribers) return state.SkipWithError(world.counters().c_str());
  cycles.report(state, sent);
}
BENCHMARK(forward)
    ->ArgNames({"profile", "bytes", "subscribers"})
    ->Args({0x0007, 1200, 1})
    ->Args({0x0007, 1200, 10})
    ->Args({0x0007, 1200, 50})
    ->Args({0x0007, 100, 50})
    ->Args({0x0001, 1200, 1})
    ->Args({0x0001, 1200, 50})
    ->Iterations(kBursts);

}  // namespace
}  // namespace penstock::bench
