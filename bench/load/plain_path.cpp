#include "bench/load/plain_path.h"

#include <cstring>
#include <stdexcept>

#include "bench/load/router.h"
#include "bench/load/rows_by_hand.h"

namespace penstock::bench {

namespace {

constexpr size_t kBuffers = 2048;
constexpr size_t kStoreBytes = size_t{16} << 20;

}  // namespace

StackIo::StackIo(size_t buffers) : buffers_(buffers) {
  for (Buffer& buffer : buffers_) free_.push_back(&buffer);
}

size_t StackIo::allocate(std::span<Packet> out) {
  size_t made = 0;
  for (; made < out.size() && !free_.empty(); ++made) {
    Buffer* buffer = free_.back();
    free_.pop_back();
    buffer->references = 1;
    out[made] = {.data = buffer->bytes.data(), .capacity_bytes = kFrameMax, .handle = buffer};
  }
  return made;
}

void StackIo::retain(std::span<const Packet> packets) {
  for (const Packet& packet : packets) ++static_cast<Buffer*>(packet.handle)->references;
}

void StackIo::release(std::span<const Packet> packets) {
  for (const Packet& packet : packets) {
    auto* buffer = static_cast<Buffer*>(packet.handle);
    if (--buffer->references == 0) free_.push_back(buffer);
  }
}

size_t StackIo::send(std::span<const Packet> packets) {
  for (const Packet& packet : packets) {
    if (answer.empty()) answer = answerAsRouter(std::span(packet.data, packet.length_bytes), answer_bytes_);
  }
  release(packets);
  return packets.size();
}

PlainPath::PlainPath(const Scenario& scenario, contract::SrtpProfile profile, srtp::Backend& backend)
    : io_(kBuffers),
      relay_(relayConfig(kBuffers), backend, io_, *reports_, rings_, 0, *flows_),
      store_(scenario, profile, backend, kStoreBytes) {
  applyScenario(relay_, backend, scenario, profile, now_ns_);
  for (int turn = 0; turn < 100 && io_.answer.empty(); ++turn) relay_.timers(now_ns_ += 2'000'000);
  Packet packet;
  if (io_.answer.empty() || io_.allocate(std::span(&packet, 1)) != 1) {
    throw std::runtime_error("the relay did not ask for its router");
  }
  std::memcpy(packet.data, io_.answer.data(), io_.answer.size());
  packet.length_bytes = static_cast<uint16_t>(io_.answer.size());
  relay_.receive(std::span(&packet, 1), now_ns_);
}

bool PlainPath::publish() {
  std::array<Packet, kBurst> burst;
  if (store_.ready() < kBurst || io_.allocate(burst) != kBurst) return false;
  for (Packet& packet : burst) {
    const PreparedPacket prepared = store_.next();
    std::memcpy(packet.data, prepared.frame.data(), prepared.frame.size());
    packet.length_bytes = static_cast<uint16_t>(prepared.frame.size());
  }
  now_ns_ += 100'000;
  relay_.receive(burst, now_ns_);
  relay_.timers(now_ns_);
  return true;
}

}  // namespace penstock::bench
