// What the other workers have for this one: their frames are ours, their tracks' packets are for our subscribers.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/relay/media.h"
#include "dataplane/relay/state.h"

namespace penstock {

/// One turn of taking messages. Packets stay referenced until what was made of them is encrypted.
class HandedOver {
 public:
  /// Takes a frame as if it had been received here. Returns how it ended, or nothing: it waits for the burst.
  using TakeFrame = std::optional<Counter> (*)(RelayState&, const Packet&, uint64_t now_ns);

  HandedOver(RelayState& s, TakeFrame take_frame, uint64_t now_ns) : s_(s), take_frame_(take_frame), now_ns_(now_ns) {
    s_.stages.begin();
  }
  ~HandedOver() {
    finish();
    s_.stages.end();
  }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

  void take(uint32_t from, const handover::Frame& frame);
  void take(uint32_t from, const handover::Media& media);
  void take(uint32_t from, const handover::Inject& inject);
  void take(uint32_t from, const handover::LeftOut& left_out);
  void take(uint32_t from, const handover::Restarted& restarted);
  void take(uint32_t from, const handover::Resumed& resumed);
  void take(uint32_t from, const handover::SenderReport& report);
  void take(uint32_t from, const handover::KeyFrame& wanted);
  void take(uint32_t from, const handover::Remote& remote);
  void take(uint32_t from, const handover::Seen& seen);
  void take(uint32_t, std::monostate) {}

 private:
  const Packet& hold(const Packet& packet);
  void finish();
  /// The track, if it is still the one that is meant.
  TrackState* find(const contract::RowReference& track, bool foreign);

  RelayState& s_;
  TakeFrame take_frame_;
  uint64_t now_ns_;
  std::array<Packet, kBurstMax> held_;
  size_t held_count_ = 0;
};

}  // namespace penstock
