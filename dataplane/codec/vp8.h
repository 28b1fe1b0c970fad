// The VP8 payload descriptor (RFC 7741 section 4.2): what a frame is for, and the numbers a subscriber must see go on.
//
//    |X|R|N|S|R| PID |   X: |I|L|T|K| RSV |   I: |M| PictureID (7 or 15) |   L: | TL0PICIDX |   T or K: |TID|Y| KEYIDX
//    |
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace penstock::codec {

struct Vp8 {
  uint8_t descriptor_size;
  uint8_t picture_id_offset;  // 0 = none; two bytes if picture_id_long
  uint8_t tl0_offset;         // of TL0PICIDX; 0 = none
  uint16_t picture_id;
  uint8_t tl0_picture_index;
  uint8_t temporal_id;   // 0 if none is given
  bool picture_id_long;  // 15 bits
  bool has_temporal_id;
  bool layer_sync;   // Y: needs nothing above temporal layer 0
  bool frame_start;  // S and partition 0
  bool key_frame;    // the first packet of one
};

/// Nothing: shorter than its own descriptor says.
std::optional<Vp8> parseVp8(std::span<const uint8_t> payload);

/// Writes other numbers into the descriptor at the front of `payload`, in as many bits as it has. `vp8` is of the same
/// bytes, so that nothing is written beyond them.
void rewriteVp8(std::span<uint8_t> payload, const Vp8& vp8, uint16_t picture_id, uint8_t tl0_picture_index);

}  // namespace penstock::codec
