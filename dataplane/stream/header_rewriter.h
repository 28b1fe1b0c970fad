// The RTP header a subscriber gets: SSRC, numbers and payload type of its own, header extensions under the ids of its
// own transport (RFC 8285). What all packets of a subscription have in common is written once, and copied into each.
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
  /// Data of each header extension element present, by contract::Extension; and which are, as bits.
  std::array<std::span<const uint8_t>, contract::kExtensionMax> extension;
  uint32_t present = 0;

  /// Without data, or with more than an element can have, it is as if it were not there.
  void set(size_t which, std::span<const uint8_t> value) {
    if (value.empty() || value.size() > 255) return;
    extension[which] = value;
    present |= 1u << which;
  }
};

/// What is new in each packet.
struct OutgoingHeader {
  uint32_t ssrc;
  uint32_t timestamp;
  uint16_t sequence;
  uint8_t payload_type;
  uint16_t transport_sequence;                       // transport-cc counter of the subscriber's transport
  uint32_t abs_send_time;                            // see absSendTime(now_ns)
  bool ends_picture = false;                         // the marker, though the source has none
  std::span<const uint8_t> dependency_descriptor{};  // in the place of the source's, if not empty; 255 bytes at most
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
  bool stampsTransportSequence() const { return one_byte_.transport_sequence_at != 0; }

 private:
  /// The extension block of a packet of which nothing is copied, in one of the two forms of elements.
  struct Block {
    // Header, MID, abs-send-time, transport sequence, padding: 4 + (2 + 16) + (2 + 3) + (2 + 2) and 1 at most.
    static constexpr size_t kMax = 32;
    std::array<uint8_t, kMax> bytes{};
    uint8_t end = 4;               // of the elements
    uint8_t size = 0;              // with padding; 0 = no elements, no block
    uint8_t abs_send_time_at = 0;  // 0 = not there
    uint8_t transport_sequence_at = 0;
  };
  Block makeBlock(bool two_byte, std::span<const uint8_t> mid) const;
  void writeBlock(const Block& common, bool two_byte, size_t size, const SourceHeader& source, uint32_t copied,
                  const OutgoingHeader& outgoing, uint8_t* to) const;

  Block one_byte_;
  std::array<uint8_t, contract::kExtensionMax> id_{};
  uint16_t copied_ = 0;           // extensions passed on as they come, as bits
  bool always_two_byte_ = false;  // an id needs it
  Block two_byte_;
};

}  // namespace penstock::stream
