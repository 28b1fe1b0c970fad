// The RTP header (RFC 3550 section 5.1), read and written.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//   |                           timestamp                           |
//   |           synchronization source (SSRC) identifier            |
//   |            contributing source (CSRC) identifiers, CC times   |
//   |      profile of extension     | length in words | extension...
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "dataplane/contract/counters.h"
#include "dataplane/packet/bytes.h"

namespace penstock {

using contract::Counter;

inline constexpr size_t kRtpHeaderSize = 12;
inline constexpr uint8_t kRtpPaddingBit = 0x20;
inline constexpr uint8_t kRtpExtensionBit = 0x10;
inline constexpr uint8_t kRtpMarkerBit = 0x80;

/// Views into a packet; valid as long as its bytes are.
struct RtpView {
  std::span<const uint8_t> packet;
  uint32_t timestamp;
  uint32_t ssrc;
  uint16_t sequence;
  uint16_t extension_profile;  // 0 without extension
  uint16_t extension_offset;   // of the first element
  uint16_t extension_size;     // bytes of elements, a multiple of 4
  uint16_t header_size;        // where the payload starts
  uint16_t padding_size;       // known after checkRtpPadding
  uint8_t payload_type;
  uint8_t csrc_count;
  bool marker;
  bool padded;  // the P bit

  std::span<const uint8_t> payload() const {
    return packet.subspan(header_size, packet.size() - header_size - padding_size);
  }
  std::span<const uint8_t> extension() const { return packet.subspan(extension_offset, extension_size); }
};

/// The header alone: works on SRTP too, where header and extension are in the clear. Counter: rtp_malformed.
std::expected<RtpView, Counter> parseRtpHeader(std::span<const uint8_t> packet);

/// Padding is encrypted with the payload, so it is looked at after decryption. `packet_size` is the packet's size
/// without the authentication tag. Counter: rtp_padding_malformed. Afterwards payload() is without padding.
std::expected<void, Counter> checkRtpPadding(RtpView& view, size_t packet_size);

/// Both, of a plaintext packet.
std::expected<RtpView, Counter> parseRtp(std::span<const uint8_t> packet);

struct RtpFields {
  uint8_t payload_type;
  bool marker;
  uint16_t sequence;
  uint32_t timestamp;
  uint32_t ssrc;
};

/// Writes the 12 fixed bytes: version 2, no padding, no CSRC; `extended` sets the X bit.
inline void writeRtpHeader(uint8_t* to, const RtpFields& fields, bool extended) {
  to[0] = static_cast<uint8_t>(0x80 | (extended ? kRtpExtensionBit : 0));
  to[1] = static_cast<uint8_t>((fields.marker ? kRtpMarkerBit : 0) | (fields.payload_type & 0x7f));
  store16(to + 2, fields.sequence);
  store32(to + 4, fields.timestamp);
  store32(to + 8, fields.ssrc);
}

}  // namespace penstock
