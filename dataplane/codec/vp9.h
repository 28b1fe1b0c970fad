// The VP9 payload descriptor (RFC 9628 section 4.2): which layers a packet belongs to, and where one may switch.
//
//    |I|P|L|F|B|E|V|Z|   I: |M| picture id |   L: | TID |U| SID |D|, and without F: | TL0PICIDX |
//    F and P: |P_DIFF|N| up to three times   V: scalability structure
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/codec/picture_ids.h"

namespace penstock::codec {

inline constexpr size_t kVp9SpatialMax = 8;

struct Vp9 : PictureIds {
  uint8_t temporal_id;
  uint8_t spatial_id;
  bool has_layers;
  bool inter_predicted;   // P: depends on an earlier picture
  bool layer_start;       // B: of a layer frame
  bool layer_end;         // E
  bool switch_up;         // U: later pictures of higher temporal layers need nothing before this one of them
  bool inter_layer;       // D: depends on the spatial layer below of the same picture
  bool not_reference;     // Z: upper spatial layers do not depend on it
  uint8_t spatial_count;  // of the scalability structure; 0 = none in this packet
  std::array<uint16_t, kVp9SpatialMax> width, height;  // 0 = not said

  /// The first packet of a picture that needs nothing before it, at the lowest spatial layer.
  bool keyFrame() const { return layer_start && !inter_predicted && spatial_id == 0; }
};

/// Nothing: shorter than its own descriptor says, or with more references than there may be.
std::optional<Vp9> parseVp9(std::span<const uint8_t> payload);

}  // namespace penstock::codec
