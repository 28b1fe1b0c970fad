#include "dataplane/codec/vp8.h"

#include "dataplane/packet/bytes.h"

namespace penstock::codec {

std::optional<Vp8> parseVp8(std::span<const uint8_t> payload) {
  if (payload.empty()) return std::nullopt;
  Vp8 vp8{};
  const uint8_t first = payload[0];
  size_t at = 1;
  uint8_t present = 0;
  if (first & 0x80) {
    if (payload.size() < 2) return std::nullopt;
    present = payload[at++];
  }
  if (present & 0x80) {
    if (at >= payload.size()) return std::nullopt;
    vp8.picture_id_offset = static_cast<uint8_t>(at);
    vp8.picture_id_long = payload[at] & 0x80;
    if (vp8.picture_id_long && at + 1 >= payload.size()) return std::nullopt;
    vp8.picture_id = vp8.picture_id_long ? load16(payload.data() + at) & 0x7fff : payload[at] & 0x7f;
    at += vp8.picture_id_long ? 2 : 1;
  }
  if (present & 0x40) {
    if (at >= payload.size()) return std::nullopt;
    vp8.tl0_offset = static_cast<uint8_t>(at);
    vp8.tl0_picture_index = payload[at++];
  }
  if (present & 0x30) {
    if (at >= payload.size()) return std::nullopt;
    // "If T is 0 TID MUST be ignored."
    vp8.has_temporal_id = present & 0x20;
    if (vp8.has_temporal_id) {
      vp8.temporal_id = payload[at] >> 6;
      vp8.layer_sync = payload[at] & 0x20;
    }
    ++at;
  }
  vp8.descriptor_size = static_cast<uint8_t>(at);
  vp8.frame_start = (first & 0x10) != 0 && (first & 0x07) == 0;
  // RFC 7741 section 4.3: P, the inverse key frame flag, is the lowest bit of the payload header.
  vp8.key_frame = vp8.frame_start && at < payload.size() && (payload[at] & 0x01) == 0;
  return vp8;
}

}  // namespace penstock::codec
