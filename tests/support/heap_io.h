// Where a relay under test gets its buffers, sends its packets and keeps its regions: the heap.
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <set>
#include <stdexcept>
#include <vector>

#include "dataplane/relay/packet.h"
#include "tests/support/packet_builder.h"

namespace penstock::test {

/// Buffers from the heap with reference counts; what is sent is kept for the test to look at.
class HeapIo : public PacketIo {
 public:
  struct Buffer {
    std::array<uint8_t, 2048> bytes;
    uint32_t references;
  };

  ~HeapIo() override {
    for (Buffer* buffer : live) delete buffer;
  }

  virtual Packet make() {
    auto* buffer = new Buffer{{}, 1};
    live.insert(buffer);
    return {.data = buffer->bytes.data(), .capacity_bytes = kFrameMax, .handle = buffer};
  }
  size_t allocate(std::span<Packet> out) override {
    size_t made = 0;
    for (Packet& packet : out) {
      if (live.size() >= limit) break;
      packet = make();
      ++made;
    }
    return made;
  }
  void retain(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) ++bufferOf(packet)->references;
  }
  void release(std::span<const Packet> packets) override {
    for (const Packet& packet : packets) {
      Buffer* buffer = bufferOf(packet);
      if (--buffer->references > 0) continue;
      live.erase(buffer);
      delete buffer;
    }
  }
  size_t send(std::span<const Packet> packets) override {
    const size_t taken = std::min(packets.size(), port_room);
    for (size_t i = 0; i < taken; ++i) sent.emplace_back(packets[i].data, packets[i].data + packets[i].length_bytes);
    release(packets);
    return taken;
  }

  size_t limit = 100'000;
  size_t port_room = 100'000;
  std::set<Buffer*> live;
  std::vector<Bytes> sent;

 private:
  Buffer* bufferOf(const Packet& packet) {
    auto* buffer = static_cast<Buffer*>(packet.handle);
    if (!live.contains(buffer)) throw std::logic_error("a buffer was used after its last reference was given back");
    return buffer;
  }
};

template <class T>
struct FreeRegion {
  void operator()(T* region) const { std::free(region); }
};
template <class T>
using RegionOwner = std::unique_ptr<T, FreeRegion<T>>;
template <class T>
RegionOwner<T> makeRegion() {
  return RegionOwner<T>(static_cast<T*>(std::calloc(1, sizeof(T))));
}

}  // namespace penstock::test
