// Published packets, encrypted ahead of the trial that sends them: an SRTP index may be used once, so they cannot be
// repeated, and encrypting them while the clock runs would measure the generator. A ring of frames in sending order:
// prepare() encrypts as many as the next trial needs, next() hands them out, what a trial left is sent by the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "bench/load/scenario.h"
#include "dataplane/packet/build.h"
#include "dataplane/srtp/crypto.h"

namespace penstock::bench {

struct PreparedPacket {
  std::span<const uint8_t> frame;
  uint32_t track;
  uint32_t index;  // of the track's packets; also the RTP timestamp, which the relay moves by a constant we choose as 0
};

class PacketStore {
 public:
  /// `wanted`: only packets of these tracks, if it is given; none at all is allowed.
  PacketStore(const Scenario& scenario, contract::SrtpProfile profile, srtp::Backend& backend, size_t memory_bytes,
              const std::function<bool(uint32_t track)>& wanted = nullptr);
  ~PacketStore();
  PacketStore(const PacketStore&) = delete;
  PacketStore& operator=(const PacketStore&) = delete;

  bool hasTracks() const { return !order_.empty(); }
  size_t capacity() const { return slots_.size(); }
  size_t ready() const { return made_ - taken_; }
  /// Encrypts until `packets` are ready, or all there is room for.
  void prepare(size_t packets);
  /// Only while ready() > 0.
  PreparedPacket next();
  /// Asks the cache for the packet after next.
  void prefetch() const;
  /// For everybody who publishes, frames come from this address to the relay at `mac`.
  void setRelayMac(const MacAddress& mac);

 private:
  struct Slot {
    uint32_t track;
    uint32_t index;
    uint16_t length;
  };
  struct Stream {
    std::unique_ptr<srtp::SendStream> stream;
    HeaderTemplate header;
    uint64_t next_index = 0;
  };
  static constexpr size_t kBatch = 64;

  uint8_t* bytesOf(size_t slot) const { return memory_ + slot * stride_; }
  srtp::ProtectJob write(size_t slot, uint32_t track, std::span<uint8_t> payload);
  void prepareBatch(size_t count);

  const Scenario& scenario_;
  srtp::Backend& backend_;
  std::vector<uint32_t> order_;
  size_t order_at_ = 0;
  std::vector<Stream> streams_;
  std::vector<std::vector<uint8_t>> payloads_;
  size_t stride_ = 0;
  size_t memory_size_ = 0;
  uint8_t* memory_ = nullptr;
  std::vector<Slot> slots_;
  uint64_t made_ = 0, taken_ = 0;
};

}  // namespace penstock::bench
