// Which packets of a track that comes in several encodings (simulcast) and temporal layers one subscriber gets. A
// change of encoding waits for a key frame, and what was forwarded before goes on until then; temporal layers go at
// once, and come back where the stream allows it: the picture neither freezes nor tears.
#pragma once

#include <cstdint>

#include "dataplane/codec/frame_info.h"

namespace penstock::stream {

class LayerSelector {
 public:
  static constexpr uint8_t kNone = contract::kNoEncoding;
  static constexpr uint8_t kAllTemporal = 0xff;

  enum class Verdict : uint8_t {
    kForward,
    kBegin,     // forward; numbers go on from another encoding, or from nothing
    kOther,     // of an encoding that is not forwarded
    kLeaveOut,  // of the one that is, but of a layer that is not wanted: what follows closes up
  };

  /// What is wanted from now on. Without several encodings the first packet begins, whatever it is: the only encoding
  /// is the best there is. After a pause that holds only of a codec whose key frames cannot be told: the decoder would
  /// take for a picture what is built on pictures that it never saw.
  void aim(uint8_t encoding, uint8_t temporal_max, bool alone) {
    target_ = encoding;
    temporal_target_ = temporal_max;
    alone_ = alone;
  }
  /// After a pause: what came meanwhile is missing.
  void restart() { current_ = kNone; }

  /// `in_order`: it is not late. A layer begins and ends with a frame that is seen from its first packet on.
  Verdict on(uint8_t encoding, const codec::FrameInfo& frame, bool in_order) {
    key_frames_known_ |= frame.begins_key_frame;
    if (encoding != current_) {
      const bool waits_for_key_frame = !alone_ || key_frames_known_;
      if (encoding != target_ || (waits_for_key_frame && !frame.begins_key_frame)) return Verdict::kOther;
      current_ = encoding;
      temporal_ = temporal_target_;
      return Verdict::kBegin;
    }
    if (temporal_target_ != temporal_ && frame.frame_start && in_order) changeTemporal(frame);
    return frame.temporal_id <= temporal_ ? Verdict::kForward : Verdict::kLeaveOut;
  }

  uint8_t current() const { return current_; }
  uint8_t target() const { return target_; }
  /// A key frame of the target is needed.
  bool waits() const { return current_ != target_; }

 private:
  /// At the beginning of a frame, so that none goes out in part.
  void changeTemporal(const codec::FrameInfo& frame) {
    if (temporal_target_ < temporal_) {
      temporal_ = temporal_target_;
    } else if (frame.temporal_id > temporal_ && frame.temporal_id <= temporal_target_ && frame.layer_sync) {
      temporal_ = frame.temporal_id;
    }
  }

  uint8_t current_ = kNone, target_ = 0;
  uint8_t temporal_ = kAllTemporal, temporal_target_ = kAllTemporal;
  bool alone_ = true;
  bool key_frames_known_ = false;  // there was one
};

}  // namespace penstock::stream
