// What an encoding of a track looks like at present: whether it sends at all, how large its picture is, and how many
// frames a second its temporal layers make.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/codec/frame_info.h"

namespace penstock::stream {

class EncodingActivity {
 public:
  /// Of this many frames of the track's other encodings it had none: it has stopped, as browsers do with the upper ones
  /// when they have too little bandwidth or CPU time. Counted, not timed: a still screen is a frame a second.
  static constexpr uint8_t kFramesMissed = 8;

  /// Returns true if it is the first packet of another frame.
  bool onPacket(const codec::FrameInfo& frame, uint32_t timestamp, uint64_t now_ns) {
    if (frame.width != 0) {
      width_ = frame.width;
      height_ = frame.height;
    }
    const bool another = !started_ || timestamp != timestamp_;
    if (!another) return false;
    timestamp_ = timestamp;
    started_ = true;
    missed_ = 0;
    count(frame.temporal_id, now_ns);
    return true;
  }
  /// Another encoding of the track began a frame.
  void onOther() { missed_ += missed_ < kFramesMissed ? 1 : 0; }
  void reset() { *this = {}; }

  bool live() const { return started_ && missed_ < kFramesMissed; }
  uint16_t width() const { return width_; }  // 0 = not known
  uint16_t height() const { return height_; }

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
  uint16_t width_ = 0, height_ = 0;
  std::array<uint16_t, kLayers> per_period_{}, counting_{};
  uint8_t missed_ = 0;
  bool started_ = false;
};

}  // namespace penstock::stream
