// When the packets of a transport arrived, by transport-wide sequence number, until its sender was told
// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/serial.h"
#include "dataplane/packet/transport_feedback.h"

namespace penstock::congestion {

/// 4 KiB, one per transport that publishes.
class ArrivalLog {
 public:
  /// Packets remembered: at 5,000 a second those of 200 ms, twice the longest time between two feedbacks.
  static constexpr uint16_t kWindow = 1024;
  /// Sooner costs bandwidth, later makes the sender's estimate lag; 50 to 100 ms is what senders are tuned for.
  static constexpr uint64_t kIntervalNs = 75'000'000;

  void onPacket(uint16_t sequence, uint64_t now_ns) {
    if (!started_) {
      started_ = true;
      newest_ = sequence;
      next_ = sequence;
      due_ns_ = now_ns + kIntervalNs;
      forgetAll();
    }
    const int32_t ahead = serialDifference(sequence, newest_);
    if (ahead <= -int32_t{kWindow}) return;
    if (ahead >= int32_t{kWindow}) {
      forgetAll();
      next_ = sequence;
    }
    for (int32_t i = 1; i < std::min(ahead, int32_t{kWindow}); ++i) at(static_cast<uint16_t>(newest_ + i)) = kNever;
    if (ahead > 0) newest_ = sequence;
    uint32_t& place = at(sequence);
    if (ahead <= 0 && place != kNever) return;  // a duplicate: when it arrived first is what counts
    place = std::max(static_cast<uint32_t>(now_ns / kTickNs), uint32_t{1});
    // One that is late is told although the sender heard that it was missing.
    if (!pending_ || serialDifference(sequence, next_) < 0) next_ = sequence;
    if (!pending_) due_ns_ = std::max(due_ns_, now_ns);
    pending_ = true;
  }

  bool due(uint64_t now_ns) const { return pending_ && now_ns >= due_ns_; }
  bool pending() const { return pending_; }

  /// One message's worth; call until pending() is false. Returns the bytes written: 0 if there is no room.
  size_t write(uint64_t now_ns, std::span<uint8_t> out) {
    if (!pending_) return 0;
    // What was overwritten since cannot be told any more.
    const auto oldest = static_cast<uint16_t>(newest_ - (kWindow - 1));
    if (serialDifference(next_, oldest) < 0) next_ = oldest;
    while (at(next_) == kNever) ++next_;  // ends at the newest, which arrived
    std::array<int64_t, kFeedbackPacketMax> ticks;
    const size_t count = std::min<size_t>(static_cast<uint16_t>(newest_ - next_) + 1u, ticks.size());
    const auto now_tick = now_ns / kTickNs;
    for (size_t i = 0; i < count; ++i) {
      const uint32_t tick = at(static_cast<uint16_t>(next_ + i));
      ticks[i] = tick == kNever ? kNotReceived : static_cast<int64_t>(unwrapNear(now_tick, tick));
    }
    const auto written = writeTransportFeedback(next_, std::span(ticks).first(count), feedback_count_, out);
    if (written.packets == 0) return 0;
    ++feedback_count_;
    const bool all = written.packets == static_cast<size_t>(static_cast<uint16_t>(newest_ - next_)) + 1;
    next_ = static_cast<uint16_t>(next_ + written.packets);
    pending_ = !all;
    due_ns_ = now_ns + kIntervalNs;
    return written.length;
  }

 private:
  static constexpr uint64_t kTickNs = 1'000'000'000 / kTicksPerSecond;
  static constexpr uint32_t kNever = 0;

  uint32_t& at(uint16_t sequence) { return ticks_[sequence % kWindow]; }
  void forgetAll() { ticks_.fill(kNever); }

  std::array<uint32_t, kWindow> ticks_;  // of the last kWindow sequence numbers up to newest_
  uint64_t due_ns_ = 0;
  uint16_t newest_ = 0;
  uint16_t next_ = 0;  // the first not yet told
  uint8_t feedback_count_ = 0;
  bool started_ = false;
  bool pending_ = false;
};

}  // namespace penstock::congestion
