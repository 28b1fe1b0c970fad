// The packet that an RTX packet carries (RFC 4588 section 4): its payload behind two bytes of original sequence number.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "dataplane/packet/rtp.h"

namespace penstock::stream {

inline constexpr size_t kOriginalSequenceSize = 2;

/// Nothing: too short to carry one. An RTX packet that does but has no payload behind repairs one of padding alone.
inline std::optional<uint16_t> originalSequence(const RtpView& rtx) {
  if (rtx.payload().size() < kOriginalSequenceSize) return std::nullopt;
  return load16(rtx.payload().data());
}

/// Makes the original out of it in place: the header moves up over the original sequence number, so that the packet
/// begins kOriginalSequenceSize bytes later. `packet` is the bytes of `rtx`, which has an original sequence number.
inline RtpView unwrapRtx(std::span<uint8_t> packet, const RtpView& rtx, uint32_t ssrc, uint8_t payload_type) {
  RtpView original = rtx;
  original.sequence = *originalSequence(rtx);
  original.ssrc = ssrc;
  original.payload_type = payload_type;
  uint8_t* const header = packet.data() + kOriginalSequenceSize;
  std::memmove(header, packet.data(), rtx.header_size);
  header[1] = static_cast<uint8_t>((rtx.marker ? kRtpMarkerBit : 0) | payload_type);
  store16(header + 2, original.sequence);
  store32(header + 8, ssrc);
  original.packet = packet.subspan(kOriginalSequenceSize);
  return original;
}

}  // namespace penstock::stream
