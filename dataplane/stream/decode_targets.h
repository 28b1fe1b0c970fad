// Choosing layers of one encoding by its dependency descriptors: the frames of one decode target go out, another is
// changed to where all that it needs went out already. How layers are called, and for which codec, does not matter.
#pragma once

#include <cstdint>

#include "dataplane/codec/frame_info.h"
#include "dataplane/packet/serial.h"
#include "dataplane/stream/layer_limits.h"

namespace penstock::stream {

class DecodeTargets {
 public:
  void begin() {
    seen_ = taken_ = 0;
    started_ = chosen_ = asks_ = announced_ = said_ = false;
    stale_ = true;
  }
  /// Limits changed, or what the publisher sends.
  void aimAgain() { stale_ = true; }

  /// Whether a packet goes out. All of one frame do or none, however late.
  bool takes(const codec::FrameInfo& frame, const LayerLimits& limits, bool in_order) {
    const auto ahead = started_ ? serialDifference(frame.frame_number, newest_) : int16_t{1};
    if (ahead > 0 || (ahead <= -kRemembered && in_order)) {  // far behind, but in order: it was numbered anew
      shift(ahead > 0 ? ahead : kRemembered, frame.frame_number);
      if (frame.frame_start && in_order) change(frame, limits);
      return note(frame, 1);
    }
    if (ahead <= -kRemembered) return isPresent(frame);
    const uint64_t bit = uint64_t{1} << -ahead;
    return (seen_ & bit) != 0 ? (taken_ & bit) != 0 : note(frame, bit);
  }

  OutgoingLayers outgoing(const codec::FrameInfo& frame) const {
    OutgoingLayers layers;
    if (frame.structure == nullptr || target_ >= frame.structure->target_count) return layers;
    const auto& [spatial_id, temporal_id, within] = frame.structure->target[target_];
    const uint32_t all = frame.active_targets & frame.structure->allTargets();
    if (frame.structure->spatial_count > 1) layers.top_spatial = spatial_id;
    if ((within & all) == all && !announced_) return layers;
    layers.target_count = frame.structure->target_count;
    layers.active_targets = within & all;
    layers.announced = announced_;
    return layers;
  }
  /// The spatial layer that is wanted begins with a key frame only.
  bool asks() const { return asks_; }

 private:
  static constexpr int16_t kRemembered = 64;

  void shift(int16_t frames, uint16_t newest) {
    seen_ = frames >= kRemembered ? 0 : seen_ << frames;
    taken_ = frames >= kRemembered ? 0 : taken_ << frames;
    newest_ = newest;
    started_ = true;
  }
  bool note(const codec::FrameInfo& frame, uint64_t bit) {
    const bool taken = isPresent(frame);
    seen_ |= bit;
    taken_ |= taken ? bit : 0;
    said_ |= taken && announced_;
    return taken;
  }
  /// Of what frames are without their structure nobody knows: it is lost, and will come again, or all wait for it.
  bool isPresent(const codec::FrameInfo& frame) const {
    return frame.structure == nullptr || frame.dependencies.indication(target_) != codec::Indication::kNotPresent;
  }

  /// At the first packet of a frame, the newest.
  void change(const codec::FrameInfo& frame, const LayerLimits& limits) {
    if (frame.structure == nullptr) return;
    const codec::DependencyStructure& structure = *frame.structure;
    if (stale_ || frame.begins_key_frame) {
      wanted_ = structure.targetWithin(limits.spatial, limits.temporal, frame.active_targets);
      stale_ = false;
    }
    if (frame.picture_start && said_) announced_ = said_ = false;
    if (frame.begins_key_frame || !chosen_) {  // nothing that went out before means anything
      target_ = wanted_;
      chosen_ = true;
      asks_ = announced_ = said_ = false;
    } else if (target_ != wanted_) {
      step(frame, structure);
    }
    if (target_ == wanted_) asks_ = false;
  }

  /// Towards the target that is wanted.
  void step(const codec::FrameInfo& frame, const codec::DependencyStructure& structure) {
    const auto spatialOf = [&](uint8_t target) { return structure.target[target].spatial_id; };
    const uint8_t before = target_;
    // As many pictures a second as wanted, until the spatial layer begins.
    const uint8_t meanwhile =
        structure.targetWithin(spatialOf(before), structure.target[wanted_].temporal_id, frame.active_targets);
    if (frame.picture_start && canEnter(frame, structure.target[before].within, wanted_)) {
      target_ = wanted_;
    } else if (spatialOf(meanwhile) == spatialOf(before) &&
               canEnter(frame, frame.picture_start ? structure.target[before].within : 0, meanwhile)) {
      target_ = meanwhile;
    }
    announced_ |= target_ != before;
    if (frame.picture_start) asks_ = spatialOf(target_) != spatialOf(wanted_);
  }
  /// It is one of those within the present one: all of its frames went out already. Or it needs none before this frame
  /// any more, but those that this one refers to, and they went out.
  bool canEnter(const codec::FrameInfo& frame, uint32_t within, uint8_t target) const {
    if ((within >> target & 1) != 0) return true;
    const codec::FrameDependencies& own = frame.dependencies;
    // This frame is not noted yet: the one before it is bit 1.
    return own.indication(target) == codec::Indication::kSwitch && !own.refers_farther &&
           (own.references & ~(taken_ >> 1)) == 0;
  }

  uint64_t seen_ = 0, taken_ = 0;  // bit n: the frame n before the newest
  uint16_t newest_ = 0;
  uint8_t target_ = 0, wanted_ = 0;
  bool started_ = false, chosen_ = false;
  bool stale_ = true;
  bool asks_ = false;
  bool announced_ = false, said_ = false;  // the mask is to go out with a picture; has begun to
};

}  // namespace penstock::stream
