// A publisher's stream of three spatial and three temporal layers, frame by frame as an encoder makes them: all layers
// upon each other (L3T3), or upper spatial layers upon lower ones in key pictures only (L3T3_KEY). Described by
// dependency descriptors, by VP9 payload descriptors, or both.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/codec/dependency_descriptor.h"
#include "tests/support/packet_builder.h"

namespace penstock::test {

/// Bits from the front, as specifications list fields.
struct Bits {
  Bytes bytes;
  unsigned used = 0;
  Bits& put(uint32_t value, unsigned count) {
    while (count-- > 0) {
      if (used % 8 == 0) bytes.push_back(0);
      bytes.back() = static_cast<uint8_t>(bytes.back() | (value >> count & 1) << (7 - used++ % 8));
    }
    return *this;
  }
};

/// One spatial layer of one picture.
struct LayerFrame {
  uint32_t picture;
  uint32_t frame;  // counts all layers
  uint8_t spatial_id, temporal_id;
  bool key;                     // of a key picture
  std::vector<uint32_t> needs;  // frames
  uint8_t template_id;          // without offset
};

class LayeredStream {
 public:
  static constexpr uint8_t kSpatial = 3, kTemporal = 3, kTargets = kSpatial * kTemporal;

  /// `scale`: how many times larger than 240 by 135 the lowest layer is.
  explicit LayeredStream(bool key_only, uint16_t scale = 1, uint32_t first_frame = 100)
      : key_only_(key_only), scale_(scale), frame_(first_frame) {}

  std::vector<LayerFrame> picture(bool key) {
    if (key || picture_ == 0) phase_ = 0, offset_ = static_cast<uint8_t>(offset_ + 17) % 64;
    static constexpr uint8_t kPattern[] = {0, 2, 1, 2}, kBack[] = {4, 1, 2, 1};
    const uint8_t temporal_id = kPattern[phase_ % 4];
    const bool first = phase_ == 0;
    std::vector<LayerFrame> frames;
    for (uint8_t spatial_id = 0; spatial_id < kSpatial; ++spatial_id, ++frame_) {
      LayerFrame made{picture_, frame_, spatial_id, temporal_id, first, {}, 0};
      made.template_id = static_cast<uint8_t>(spatial_id * 4 + (first ? 0 : 1 + temporal_id));
      if (!first) made.needs.push_back(frame_ - uint32_t{kBack[phase_ % 4]} * kSpatial);
      if (spatial_id > 0 && (first || !key_only_)) made.needs.push_back(frame_ - 1);
      frames.push_back(made);
    }
    ++picture_;
    ++phase_;
    return frames;
  }

  Bytes descriptor(const LayerFrame& frame, bool start, bool end) const {
    Bits bits;
    bits.put(start, 1).put(end, 1).put((frame.template_id + offset_) % 64, 6).put(frame.frame & 0xffff, 16);
    if (frame.key && frame.spatial_id == 0 && start) putStructure(bits.put(0b10000, 5));
    return bits.bytes;
  }

  /// RFC 9628, not flexible.
  Bytes vp9Descriptor(const LayerFrame& frame, bool start, bool end, uint16_t picture_id, uint8_t tl0) const {
    const bool structure = frame.key && frame.spatial_id == 0 && start;
    const bool unneeded = frame.spatial_id == kSpatial - 1 || (key_only_ && !frame.key);
    const bool inter_layer = frame.spatial_id > 0 && (frame.key || !key_only_);
    Bits bits;
    bits.put(1, 1).put(!frame.key, 1).put(1, 1).put(0, 1).put(start, 1).put(end, 1).put(structure, 1).put(unneeded, 1);
    bits.put(1, 1).put(picture_id, 15).put(frame.temporal_id, 3).put(1, 1).put(frame.spatial_id, 3).put(inter_layer, 1);
    bits.put(tl0, 8);
    if (structure) {
      bits.put(kSpatial - 1, 3).put(1, 1).put(0, 4);
      for (uint8_t s = 0; s < kSpatial; ++s) bits.put(width(s), 16).put(height(s), 16);
    }
    return bits.bytes;
  }

  /// Whether a frame is part of a decode target, which are in the order of their layers.
  bool isNeeded(const LayerFrame& frame, uint8_t spatial, uint8_t temporal) const {
    if (frame.temporal_id > temporal || frame.spatial_id > spatial) return false;
    return frame.spatial_id == spatial || frame.key || !key_only_;
  }

 private:
  void putStructure(Bits& bits) const {
    bits.put(offset_, 6).put(kTargets - 1, 5);
    for (uint8_t t = 0; t < kSpatial * 4; ++t) {
      const bool last = t == kSpatial * 4 - 1;
      bits.put(last ? 3 : t % 4 == 3 ? 2 : t % 4 == 0 ? 0 : 1, 2);  // key and delta of T0, T1, T2
    }
    for (uint8_t t = 0; t < kSpatial * 4; ++t) putIndications(bits, t);
    for (uint8_t t = 0; t < kSpatial * 4; ++t) {
      const uint8_t back[] = {0, 4 * kSpatial, 2 * kSpatial, kSpatial};
      if (t % 4 != 0) bits.put(1, 1).put(back[t % 4] - 1U, 4);
      if (t >= 4 && (t % 4 == 0 || !key_only_)) bits.put(1, 1).put(0, 4);
      bits.put(0, 1);
    }
    bits.put(0, 3);  // ns(10): no chains
    bits.put(1, 1);
    for (uint8_t s = 0; s < kSpatial; ++s) bits.put(width(s) - 1, 16).put(height(s) - 1, 16);
  }
  void putIndications(Bits& bits, uint8_t t) const {
    const bool key = t % 4 == 0;
    const LayerFrame frame{.picture = 0,
                           .frame = 0,
                           .spatial_id = static_cast<uint8_t>(t / 4),
                           .temporal_id = static_cast<uint8_t>(key ? 0 : t % 4 - 1),
                           .key = key,
                           .needs = {},
                           .template_id = t};
    for (uint8_t target = 0; target < kTargets; ++target) {
      const uint8_t spatial = target / kTemporal, temporal = target % kTemporal;
      using enum codec::Indication;
      auto indication = kSwitch;
      if (!isNeeded(frame, spatial, temporal)) {
        indication = kNotPresent;
      } else if (!key && frame.spatial_id < spatial) {
        indication = kRequired;
      } else if (!key && frame.temporal_id > 0 && frame.temporal_id == temporal) {
        indication = kDiscardable;
      }
      bits.put(static_cast<uint32_t>(indication), 2);
    }
  }

  uint32_t width(uint8_t spatial_id) const { return (240U << spatial_id) * scale_; }
  uint32_t height(uint8_t spatial_id) const { return (135U << spatial_id) * scale_; }

  bool key_only_;
  uint16_t scale_;
  uint32_t picture_ = 0, frame_, phase_ = 0;
  uint8_t offset_ = 0;
};

}  // namespace penstock::test
