// The RTP header a subscriber gets: SSRC, numbers and payload type of its own, header extensions under the ids of its
// own transport (RFC 8285). What to do per element is decided once per subscription, in a plan.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/contract/rows.h"

namespace penstock::stream {

/// What the rewriter needs of a publisher's packet. Spans point into the packet.
struct SourceHeader {
  bool marker = false;
  std::span<const uint8_t> csrcs;  // 4 bytes each, at most 15
  /// Data of each header extension element present, by contract::Extension.
  std::array<std::span<const uint8_t>, contract::kExtensionMax> extension;
};

/// What is new in each packet.
struct OutgoingHeader {
  uint32_t ssrc;
  uint32_t timestamp;
  uint16_t sequence;
  uint8_t payload_type;
  uint16_t transport_sequence;  // transport-cc counter of the subscriber's transport
  uint32_t abs_send_time;       // see absSendTime(now_ns)
};

/// `header_length`: RTP header. `written_length`: the same, or 2 more for RTX (ProtectJob has the same two).
struct WrittenHeader {
  uint16_t header_length;
  uint16_t written_length;
};

/// Made once from the subscription's row and its transport's.
class HeaderRewriter {
 public:
  /// `extension_id`: TransportRow::extension_id of the subscriber. `mid`: as its transport names the stream.
  HeaderRewriter(std::span<const uint8_t, contract::kExtensionMax> extension_id, std::span<const uint8_t> mid);

  /// Writes the header at the start of `out`; nothing if it does not fit or the source is inconsistent.
  std::optional<WrittenHeader> write(const SourceHeader& source, const OutgoingHeader& outgoing,
                                     std::span<uint8_t> out) const;

  /// RFC 4588 section 4: header of the RTX stream (`outgoing` is all of that stream), then the original sequence number
  /// as the subscriber knows it.
  std::optional<WrittenHeader> writeRtx(const SourceHeader& source, const OutgoingHeader& outgoing,
                                        uint16_t original_sequence, std::span<uint8_t> out) const;

  /// True if transport-cc was negotiated: the caller counts its packets.
  bool stampsTransportSequence() const { return stamps_transport_sequence_; }

 private:
  enum class Action : uint8_t { kCopy, kMid, kAbsSendTime, kTransportSequence };
  struct Step {
    contract::Extension extension;
    Action action;
    uint8_t id;
  };

  std::array<Step, contract::kExtensionMax> steps_{};
  std::array<uint8_t, contract::kMidMax> mid_{};
  uint8_t step_count_ = 0;
  uint8_t mid_length_ = 0;
  bool stamps_transport_sequence_ = false;
};

}  // namespace penstock::stream
