// One relay over buffers that are there already, always the same ones: from received frames to frames ready to send,
// with no port, no thread and no clock of its own. What is sent is counted and gone.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bench/load/packet_store.h"
#include "bench/load/region.h"
#include "bench/load/scenario.h"
#include "dataplane/contract/regions.h"
#include "dataplane/packet/arp.h"
#include "dataplane/relay/handover.h"
#include "dataplane/relay/relay.h"

namespace penstock::bench {

/// A stack of buffers: allocation costs next to nothing, as from a mempool's cache.
class StackIo final : public PacketIo {
 public:
  explicit StackIo(size_t buffers);
  size_t allocate(std::span<Packet> out) override;
  void retain(std::span<const Packet> packets) override;
  void release(std::span<const Packet> packets) override;
  size_t send(std::span<const Packet> packets) override;
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

class PlainPath {
 public:
  static constexpr size_t kBurst = 32;

  /// All that is referred to outlives it. Ready to forward: the relay knows its router.
  PlainPath(const Scenario& scenario, contract::SrtpProfile profile, srtp::Backend& backend);

  /// Encrypts so many published packets ahead.
  void prepare(size_t packets) { store_.prepare(packets); }
  /// A burst of them, of kBurst; timers run as often as in a worker that is given 320,000 a second. False if there are
  /// not that many.
  bool publish();
  uint64_t mediaSent() const { return reports_->worker[0].counters.read(contract::Counter::media_sent); }

 private:
  StackIo io_;
  OwnMemory<contract::ReportsRegion> reports_ = makeRegion<contract::ReportsRegion>();
  OwnMemory<contract::FlowsRegion> flows_ = makeRegion<contract::FlowsRegion>();
  HandOverRings rings_{1};
  Relay relay_;
  PacketStore store_;
  uint64_t now_ns_ = 1'000'000'000;
};

}  // namespace penstock::bench
