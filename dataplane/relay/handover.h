// What workers tell each other. Every transport belongs to one worker for good, with all its state; whatever another
// worker receives or knows of it goes there through a ring of its own. No lock, no shared state.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/contract/rows.h"
#include "dataplane/packet/arp.h"
#include "dataplane/packet/rtcp.h"
#include "dataplane/relay/packet.h"
#include "dataplane/relay/spsc_ring.h"

namespace penstock {

namespace handover {

/// A frame that arrived here for a transport of yours. Its reference goes along.
struct Frame {
  Packet packet;
};
/// A plaintext RTP packet for your subscriptions of the track. A reference of its own goes along.
struct Media {
  contract::RowReference track;
  Packet packet;
  uint16_t rtp_offset;
  uint16_t rtp_length;
  uint8_t encoding;
};
/// A datagram of control's for a transport of yours, alone in the packet. Its reference goes along.
struct Inject {
  contract::RowReference transport;
  Packet packet;
};
/// A sequence number of the encoding that carries nothing and leaves no gap.
struct LeftOut {
  contract::RowReference track;
  uint16_t sequence;
  uint8_t encoding;
};
/// The encoding's numbers and timestamps are others from now on. `key_frame_begun`: see KeyFrame.
struct Restarted {
  contract::RowReference track;
  uint8_t encoding;
  bool key_frame_begun;
};
/// The track goes on after a pause: what was sent meanwhile is not missing.
struct Resumed {
  contract::RowReference track;
};
/// The publisher's sender report, for those of your subscriptions.
struct SenderReport {
  contract::RowReference track;
  uint32_t encoding;
  SenderInfo info;
  uint64_t received_ns;
};
/// A subscriber of mine needs a key frame of this encoding of your track.
struct KeyFrame {
  contract::RowReference track;
  uint8_t encoding;
};
/// From now on this address leads to this transport of mine; or not any more.
struct Remote {
  contract::Address address;
  uint32_t transport;
  bool known;
};
/// A neighbour told me its MAC address.
struct Seen {
  Neighbour neighbour;
  bool solicited;
};

}  // namespace handover

using HandOver = std::variant<std::monostate, handover::Frame, handover::Media, handover::Inject, handover::LeftOut,
                              handover::Restarted, handover::Resumed, handover::SenderReport, handover::KeyFrame,
                              handover::Remote, handover::Seen>;
static_assert(sizeof(HandOver) <= 64);  // one cache line a message

/// The rings between each two workers.
class HandOverRings {
 public:
  /// A burst from every queue, several times over; a worker empties its rings once a turn.
  static constexpr size_t kMessagesMax = 1024;

  explicit HandOverRings(size_t workers) : workers_(workers) {
    for (size_t i = 0; i < workers * workers; ++i) {
      rings_.push_back(i % (workers + 1) == 0 ? nullptr : std::make_unique<SpscRing<HandOver>>(kMessagesMax));
    }
  }
  size_t workers() const { return workers_; }
  /// Between two different workers.
  SpscRing<HandOver>& ring(size_t from, size_t to) { return *rings_[from * workers_ + to]; }

 private:
  size_t workers_;
  std::vector<std::unique_ptr<SpscRing<HandOver>>> rings_;
};

/// One worker's ends of the rings.
class Peers {
 public:
  Peers(HandOverRings& rings, uint32_t self) : rings_(rings), self_(self) {}

  uint32_t self() const { return self_; }
  uint32_t count() const { return static_cast<uint32_t>(rings_.workers()); }
  bool alone() const { return count() == 1; }

  /// False, and nothing taken, when the other one is behind.
  bool tell(uint32_t worker, HandOver message) { return rings_.ring(self_, worker).push(std::move(message)); }
  /// Calls `to(worker)` for each of the others.
  void forEach(auto&& to) const {
    for (uint32_t worker = 0; worker < count(); ++worker) {
      if (worker != self_) to(worker);
    }
  }
  /// Whether any of the others has a message.
  bool waiting() {
    bool any = false;
    forEach([&](uint32_t worker) { any = any || !rings_.ring(worker, self_).empty(); });
    return any;
  }
  /// Takes at most `limit` messages from each of the others; returns how many there were.
  size_t take(size_t limit, auto&& each) {
    size_t taken = 0;
    forEach([&](uint32_t worker) {
      HandOver message;
      for (size_t n = 0; n < limit && rings_.ring(worker, self_).pop(message); ++n, ++taken) each(worker, message);
    });
    return taken;
  }

 private:
  HandOverRings& rings_;
  uint32_t self_;
};

}  // namespace penstock
