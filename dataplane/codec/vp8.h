// The VP8 payload descriptor (RFC 7741 section 4.2): what a frame is for, and the numbers a subscriber must see go on.
//
//    |X|R|N|S|R| PID |   X: |I|L|T|K| RSV |   I: |M| PictureID (7 or 15) |   L: | TL0PICIDX |   T or K: |TID|Y| KEYIDX|
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/codec/picture_ids.h"

namespace penstock::codec {

struct Vp8 : PictureIds {
  uint8_t temporal_id;  // 0 if none is given
  bool has_temporal_id;
  bool layer_sync;   // Y: needs nothing above temporal layer 0
  bool frame_start;  // S and partition 0
  bool key_frame;    // the first packet of one
};

/// Nothing: shorter than its own descriptor says.
std::optional<Vp8> parseVp8(std::span<const uint8_t> payload);

}  // namespace penstock::codec
