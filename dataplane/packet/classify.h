// What a datagram on the media port is, by its first bytes (RFC 7983 as updated by RFC 9443; RFC 5761 for RTCP).
#pragma once

#include <cstdint>
#include <span>

namespace penstock {

enum class DatagramKind : uint8_t { kUnknown, kStun, kDtls, kRtp, kRtcp };

inline DatagramKind classify(std::span<const uint8_t> datagram) {
  if (datagram.size() < 2) return DatagramKind::kUnknown;
  const uint8_t first = datagram[0];
  // RFC 7983 section 7: 128..191 is RTP or RTCP. First: it is what nearly every datagram is.
  if ((first & 0xc0) == 0x80) {
    // RFC 5761 section 4: the second byte of RTCP is 192..223; RTP would have payload type 64..95 and the marker there.
    return (datagram[1] & 0xe0) == 0xc0 ? DatagramKind::kRtcp : DatagramKind::kRtp;
  }
  if (first <= 3) return DatagramKind::kStun;
  if (first >= 20 && first <= 63) return DatagramKind::kDtls;
  // 16..19 ZRTP, 64..79 TURN channels, 80..127 and 192..255 QUIC (RFC 9443): none of them is spoken here.
  return DatagramKind::kUnknown;
}

}  // namespace penstock
