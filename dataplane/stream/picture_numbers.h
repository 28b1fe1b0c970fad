// A publisher's picture ids, TL0PICIDX and frame numbers to a subscriber's: they go on by one over a change of the
// encoding, and VP8's over frames left out, because a receiver takes a gap for a frame to wait for.
#pragma once

#include <cstdint>

#include "dataplane/codec/frame_info.h"
#include "dataplane/packet/serial.h"
#include "dataplane/stream/sequence_rewriter.h"

namespace penstock::stream {

class PictureNumbers {
 public:
  /// The first packet of another encoding, or of the first. Where frames refer to each other by distance only a key
  /// frame may have another offset.
  void begin(const codec::FrameInfo& frame, NumberOffsets& offsets) {
    if (started_ && frame.ids && (frame.begins_key_frame || !frame.ids->gaps_stay)) {
      offsets.picture_id = static_cast<uint16_t>(last_picture_id_ + 1 - frame.ids->picture_id);
      offsets.tl0_picture_index = static_cast<uint8_t>(last_tl0_ + 1 - frame.ids->tl0_picture_index);
    }
    if (started_ && frame.has_descriptor && frame.begins_key_frame) {
      offsets.frame_number = static_cast<uint16_t>(last_frame_number_ + 1 - frame.frame_number);
    }
    started_ = true;
    left_out_ = kNothing;
    note(frame, offsets);
  }

  /// A packet of a frame that is not forwarded; true if what follows has other offsets than before.
  bool leaveOut(const codec::FrameInfo& frame, NumberOffsets& offsets) {
    if (!frame.ids || frame.ids->gaps_stay) return false;
    const codec::PictureIds& ids = *frame.ids;
    if (ids.picture_id_offset == 0 || left_out_ == ids.picture_id) return false;
    // A frame before the last one that went out, or one left out before: late.
    const auto last = static_cast<uint16_t>(last_picture_id_ - offsets.picture_id);
    if (!isAhead(ids.picture_id, last, ids.mask())) return false;
    if (left_out_ != kNothing && !isAhead(ids.picture_id, left_out_, ids.mask())) return false;
    left_out_ = ids.picture_id;
    --offsets.picture_id;
    return true;
  }

  /// A packet that goes out, under these offsets.
  void note(const codec::FrameInfo& frame, const NumberOffsets& offsets) {
    if (frame.has_descriptor) noteFrame(static_cast<uint16_t>(frame.frame_number + offsets.frame_number));
    if (!frame.ids) return;
    const auto picture_id = static_cast<uint16_t>(frame.ids->picture_id + offsets.picture_id);
    if (noted_ && !isAhead(picture_id, last_picture_id_, frame.ids->mask())) return;
    noted_ = true;
    last_picture_id_ = picture_id;
    last_tl0_ = static_cast<uint8_t>(frame.ids->tl0_picture_index + offsets.tl0_picture_index);
  }

 private:
  static constexpr uint16_t kNothing = 0xffff;
  static bool isAhead(uint16_t a, uint16_t b, uint16_t mask) {
    const int distance = (a - b) & mask;
    return distance != 0 && distance <= mask / 2;
  }
  void noteFrame(uint16_t number) {
    if (frame_noted_ && !isNewer(number, last_frame_number_)) return;
    frame_noted_ = true;
    last_frame_number_ = number;
  }

  uint16_t last_picture_id_ = 0, last_frame_number_ = 0;  // as the subscriber knows them
  uint16_t left_out_ = kNothing;                          // as the publisher does
  uint8_t last_tl0_ = 0;
  bool started_ = false, noted_ = false, frame_noted_ = false;
};

}  // namespace penstock::stream
