// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): when
// each packet of a transport arrived, whatever its stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/packet/rtcp.h"

namespace penstock {

/// Arrival times are in ticks of 250 microseconds of the receiver's clock.
inline constexpr uint64_t kTicksPerSecond = 4000;
/// "24 bits signed integer indicating an absolute reference time [...] in multiples of 64ms".
inline constexpr uint64_t kTicksPerReference = 256;
inline constexpr int64_t kNotReceived = -1;
/// Packets one feedback may speak of here: a message with as many fits into 1,000 bytes, however they arrived.
inline constexpr size_t kFeedbackPacketMax = 400;

/// Writes the feedback control information, from "base sequence number" on, for packets `base`, base + 1, ... that
/// arrived at `ticks` (not negative, or kNotReceived). The first one must have arrived. Returns for how many of them
/// there was room, or until two arrivals are too far apart for one message; 0 and nothing written if for none.
/// `length`: bytes written, a multiple of 4.
struct WrittenFeedback {
  size_t packets;
  size_t length;
};
WrittenFeedback writeTransportFeedback(uint16_t base, std::span<const int64_t> ticks, uint8_t feedback_count,
                                       std::span<uint8_t> out);

/// One feedback read: the fields of its header, and then packet by packet.
class TransportFeedbackReader {
 public:
  struct Packet {
    uint16_t sequence;
    /// Ticks since the epoch of 24 bits of reference time; nothing: it did not arrive.
    std::optional<int64_t> ticks;
  };

  /// Nothing if it is malformed as far as its header and its chunks go.
  static std::optional<TransportFeedbackReader> parse(const Feedback& feedback);

  uint8_t feedbackCount() const { return feedback_count_; }
  size_t packetCount() const { return packet_count_; }
  /// The next packet; nothing at the end, or where the message ends too early: then malformed().
  std::optional<Packet> next();
  bool malformed() const { return malformed_; }

 private:
  uint8_t nextStatus();

  std::span<const uint8_t> chunks_, deltas_;
  int64_t ticks_ = 0;
  uint16_t sequence_ = 0;
  uint16_t packet_count_ = 0;
  uint16_t done_ = 0;
  uint16_t in_chunk_ = 0;  // packets that the first of chunks_ has spoken of
  uint8_t feedback_count_ = 0;
  bool malformed_ = false;
};

}  // namespace penstock
