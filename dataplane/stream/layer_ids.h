// Choosing layers of one encoding by the numbers that payload descriptors give them: temporal layers of VP8 (RFC 7741),
// spatial and temporal ones of VP9 (RFC 9628).
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/codec/frame_info.h"
#include "dataplane/stream/layer_limits.h"

namespace penstock::stream {

class LayerIds {
 public:
  void begin(const LayerLimits& limits) {
    spatial_ = limits.spatial;
    temporal_ = limits.temporal;
    intact_ = 0xff;
  }

  /// Whether a packet goes out.
  bool takes(const codec::FrameInfo& frame, const LayerLimits& limits, bool in_order) {
    const bool starts = frame.frame_start && in_order;
    // The lowest spatial layer is the first of a picture: none goes out in part.
    if (starts && frame.spatial_id == 0) change(frame, limits);
    if (frame.temporal_id > temporal_) return false;
    // K-SVC: where upper layers do without the lower ones, they are not sent.
    const bool needed = frame.spatial_id == spatial_ || spatial_ == kAllLayers || !frame.not_reference;
    const bool taken = frame.spatial_id <= spatial_ && needed;
    const auto layer = static_cast<uint8_t>(1U << std::min<uint8_t>(frame.spatial_id, 7));
    if (!taken) {
      intact_ &= static_cast<uint8_t>(~layer);
    } else if (starts && !frame.inter_predicted) {
      intact_ |= layer;
    }
    return taken;
  }

  bool takesAll() const { return spatial_ == kAllLayers && temporal_ == kAllLayers; }
  uint8_t topSpatial() const { return spatial_; }
  /// The spatial layer that is wanted begins with a key frame only.
  bool asks() const { return asks_; }

 private:
  void change(const codec::FrameInfo& frame, const LayerLimits& limits) {
    if (frame.begins_key_frame) {
      spatial_ = limits.spatial;
      temporal_ = std::max(limits.temporal, frame.temporal_id);
    }
    if (limits.spatial < spatial_ && (intact_ >> std::min<uint8_t>(limits.spatial, 7) & 1) != 0) {
      spatial_ = limits.spatial;
    }
    asks_ = spatial_ != limits.spatial;
    changeTemporal(frame, limits.temporal);
  }
  void changeTemporal(const codec::FrameInfo& frame, uint8_t wanted) {
    if (wanted < temporal_) {
      temporal_ = wanted;
    } else if (frame.switch_up && frame.temporal_id <= temporal_) {
      // RFC 9628 section 4.2, U: higher layers of later pictures need nothing of theirs before this one.
      temporal_ = wanted;
    } else if (frame.layer_sync && frame.temporal_id > temporal_ && frame.temporal_id <= wanted) {
      // RFC 7741 section 4.2, Y: this one "depends only on the base layer".
      temporal_ = frame.temporal_id;
    }
  }

  uint8_t spatial_ = kAllLayers, temporal_ = kAllLayers;
  uint8_t intact_ = 0xff;  // spatial layers, as bits, of which nothing is missing since they needed nothing before
  bool asks_ = false;
};

}  // namespace penstock::stream
