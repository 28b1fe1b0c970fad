// Which packets of a track that comes in several encodings (simulcast), spatial layers (SVC) and temporal layers one
// subscriber gets. A change of encoding waits for a key frame, and what was forwarded before goes on until then; layers
// go at once where nothing that stays needs them, and come back where nothing is missing: the picture neither freezes
// nor tears. What goes out of one encoding is chosen by decode_targets.h where frames have dependency descriptors,
// else by layer_ids.h.
#pragma once

#include <cstdint>

#include "dataplane/stream/decode_targets.h"
#include "dataplane/stream/layer_ids.h"

namespace penstock::stream {

class LayerSelector {
 public:
  static constexpr uint8_t kNone = contract::kNoEncoding;

  enum class Verdict : uint8_t {
    kForward,
    kAsk,       // forward; better layers, or cheaper ones, begin with a key frame only
    kChange,    // forward; from this packet on `outgoing` is another
    kBegin,     // forward; numbers go on from another encoding, or from nothing
    kOther,     // of an encoding that is not forwarded
    kLeaveOut,  // of the one that is, but of a layer that is not wanted: what follows closes up
  };

  /// What is wanted from now on. Without several encodings the first packet begins, whatever it is: the only encoding
  /// is the best there is. After a pause that holds only of a codec whose key frames cannot be told: the decoder would
  /// take for a picture what is built on pictures that it never saw.
  void aim(uint8_t encoding, LayerLimits limits, bool alone) {
    target_ = encoding;
    limits_ = limits;
    alone_ = alone;
    targets_.aimAgain();
  }
  /// After a pause: what came meanwhile is missing.
  void restart() { current_ = kNone; }

  /// Another track comes. A decoder of pictures knows those of the track before: what goes out first is a key frame.
  void changeTrack(bool video) {
    *this = {};
    key_frames_known_ = video;
  }
  /// None that can be told comes, as of payloads that are encrypted end to end; or half of it is gone.
  void waitNoLonger() { key_frames_known_ = false; }

  /// `in_order`: it is not late. A layer begins and ends with a frame that is seen from its first packet on.
  Verdict on(uint8_t encoding, const codec::FrameInfo& frame, bool in_order) {
    key_frames_known_ |= frame.begins_key_frame;
    if (encoding != current_) {
      const bool waits_for_key_frame = !alone_ || key_frames_known_;
      if (encoding != target_ || (waits_for_key_frame && !frame.begins_key_frame)) return Verdict::kOther;
      targets_.begin();
      ids_.begin(limits_);
      if (!takes(frame, /*in_order=*/true)) return Verdict::kOther;
      current_ = encoding;
      outgoing_ = outgoingNow(frame);
      return Verdict::kBegin;
    }
    if (ids_.takesAll() && limits_ == LayerLimits{} && !frame.has_descriptor) return Verdict::kForward;
    if (!takes(frame, in_order)) return Verdict::kLeaveOut;
    if (!frame.frame_start || !in_order) return Verdict::kForward;
    if (const OutgoingLayers now = outgoingNow(frame); now != outgoing_) {
      outgoing_ = now;
      return Verdict::kChange;
    }
    return asks() ? Verdict::kAsk : Verdict::kForward;
  }

  uint8_t current() const { return current_; }
  uint8_t target() const { return target_; }
  /// A key frame of the target is needed.
  bool waits() const { return current_ != target_; }
  /// Layers that are wanted of the present encoding begin with a key frame only.
  bool asks() const { return target_ == current_ && (targets_.asks() || ids_.asks()); }
  /// What the receiver must be told of the layers that go out, since the last kBegin or kChange.
  const OutgoingLayers& outgoing() const { return outgoing_; }

 private:
  bool takes(const codec::FrameInfo& frame, bool in_order) {
    return frame.has_descriptor ? targets_.takes(frame, limits_, in_order) : ids_.takes(frame, limits_, in_order);
  }
  OutgoingLayers outgoingNow(const codec::FrameInfo& frame) const {
    if (frame.has_descriptor) return targets_.outgoing(frame);
    return {.top_spatial = ids_.topSpatial()};
  }

  DecodeTargets targets_;
  OutgoingLayers outgoing_;
  uint8_t current_ = kNone, target_ = 0;
  LayerLimits limits_;
  bool alone_ = true;
  bool key_frames_known_ = false;  // there was one
  LayerIds ids_;
};
static_assert(sizeof(LayerSelector) == 56);

}  // namespace penstock::stream
