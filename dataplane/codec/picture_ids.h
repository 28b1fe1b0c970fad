// The numbers that VP8 and VP9 payload descriptors have in common: which picture this is, and which of the lowest
// temporal layer came last.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/packet/bytes.h"

namespace penstock::codec {

struct PictureIds {
  uint8_t descriptor_size;
  uint8_t picture_id_offset;  // 0 = none; two bytes if picture_id_long
  uint8_t tl0_offset;         // of TL0PICIDX; 0 = none
  uint8_t tl0_picture_index;
  uint16_t picture_id;
  bool picture_id_long;  // 15 bits
  /// Pictures refer to each other by the distance of their ids (VP9): those of pictures left out must stay gaps. A VP8
  /// receiver takes a gap for a picture to wait for (RFC 7741 section 4.2).
  bool gaps_stay;

  uint16_t mask() const { return picture_id_long ? 0x7fff : 0x7f; }
};

/// Writes other numbers into the descriptor at the front of `payload`, in as many bits as it has. `ids` are of the same
/// bytes, so that nothing is written beyond them.
inline void rewritePictureIds(std::span<uint8_t> payload, const PictureIds& ids, uint16_t picture_id,
                              uint8_t tl0_picture_index) {
  if (ids.picture_id_offset != 0) {
    uint8_t* const at = payload.data() + ids.picture_id_offset;
    if (ids.picture_id_long) {
      store16(at, static_cast<uint16_t>(0x8000 | (picture_id & 0x7fff)));
    } else {
      *at = picture_id & 0x7f;
    }
  }
  if (ids.tl0_offset != 0) payload[ids.tl0_offset] = tl0_picture_index;
}

}  // namespace penstock::codec
