// What an encoding of a track looks like at present: whether it sends at all, how large its picture is, and how many
// frames a second its temporal layers make.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/codec/frame_info.h"

namespace penstock::stream {

class EncodingActivity {
 public:
  /// Of this many frames of the track's other encodings it had none: it has stopped, as browsers do with the upper ones
  /// when they have too little bandwidth or CPU time. Counted, not timed: a still screen is a frame a second.
  static constexpr uint8_t kFramesMissed = 8;

  struct Noted {
    bool picture_start;   // the first packet of another picture
    bool layers_changed;  // there are others, or of other sizes, than before
  };
  Noted onPacket(const codec::FrameInfo& frame, uint32_t timestamp, uint64_t now_ns) {
    bool changed = noteLayers(frame);
    const bool another = !started_ || timestamp != timestamp_;
    if (!another) return {false, changed};
    changed |= !live() || missLayers();
    timestamp_ = timestamp;
    started_ = true;
    missed_ = 0;
    count(frame.temporal_id, now_ns);
    return {true, changed};
  }
  /// Another encoding of the track began a frame.
  void onOther() { missed_ += missed_ < kFramesMissed ? 1 : 0; }
  void reset() { *this = {}; }

  bool live() const { return started_ && missed_ < kFramesMissed; }

  /// Spatial layers that are sent; 1 if nothing is known of several.
  uint8_t spatialCount() const { return spatial_count_; }
  codec::PictureSize size(uint8_t spatial) const { return size_[spatial]; }  // width 0 = not known

  /// The highest temporal layer of which frames, with all below, come at most so often a second, with a tenth to spare;
  /// at least 0.
  uint8_t temporalWithin(uint32_t frames_per_second) const {
    uint32_t frames = 0;
    uint8_t highest = 0;
    for (uint8_t layer = 0; layer < kLayers; ++layer) {
      frames += per_period_[layer];
      if (frames * 10 <= frames_per_second * 11 * kPeriodSeconds) highest = layer;
    }
    return highest;
  }

 private:
  static constexpr size_t kLayers = 8;
  static constexpr uint64_t kPeriodSeconds = 1, kPeriodNs = kPeriodSeconds * 1'000'000'000;

  bool noteLayers(const codec::FrameInfo& frame) {
    bool changed = false;
    if (frame.spatial_count != 0) {
      changed = spatial_count_ != frame.spatial_count;
      spatial_count_ = frame.spatial_count;
      layer_missed_ = {};
      if (frame.size[0].width != 0 || frame.size[spatial_count_ - 1U].width != 0) {
        changed |= size_ != frame.size;
        size_ = frame.size;
      }
    }
    if (frame.spatial_id >= codec::kSpatialMax) return changed;
    layer_missed_[frame.spatial_id] = 0;
    if (frame.spatial_id < spatial_count_) return changed;
    spatial_count_ = static_cast<uint8_t>(frame.spatial_id + 1);
    return true;
  }
  /// A picture begins: which layers had nothing in the last ones? The publisher may stop them without a word.
  bool missLayers() {
    const uint8_t before = spatial_count_;
    for (uint8_t layer = 0; layer < before; ++layer) ++layer_missed_[layer];
    while (spatial_count_ > 1 && layer_missed_[spatial_count_ - 1U] > kFramesMissed) --spatial_count_;
    return spatial_count_ != before;
  }

  void count(uint8_t layer, uint64_t now_ns) {
    if (now_ns - period_began_ns_ >= kPeriodNs) {
      // A silence in between was no period.
      if (now_ns - period_began_ns_ < 2 * kPeriodNs) per_period_ = counting_;
      counting_ = {};
      period_began_ns_ = now_ns;
    }
    if (layer < kLayers && counting_[layer] < UINT16_MAX) ++counting_[layer];
  }

  uint64_t period_began_ns_ = 0;
  uint32_t timestamp_ = 0;
  std::array<codec::PictureSize, codec::kSpatialMax> size_{};
  std::array<uint8_t, codec::kSpatialMax> layer_missed_{};
  uint8_t spatial_count_ = 1;
  std::array<uint16_t, kLayers> per_period_{}, counting_{};
  uint8_t missed_ = 0;
  bool started_ = false;
};

}  // namespace penstock::stream
