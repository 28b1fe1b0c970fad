// A publisher's VP8 picture ids and TL0PICIDX to a subscriber's: they go on by one over frames left out and over a
// change of the encoding, because a receiver takes a gap for a frame to wait for (RFC 7741 section 4.2).
#pragma once

#include <cstdint>

#include "dataplane/codec/vp8.h"
#include "dataplane/stream/sequence_rewriter.h"

namespace penstock::stream {

class PictureNumbers {
 public:
  /// The first packet of another encoding, or of the first.
  void begin(const codec::Vp8& vp8, NumberOffsets& offsets) {
    if (started_) {
      offsets.picture_id = static_cast<uint16_t>(last_picture_id_ + 1 - vp8.picture_id);
      offsets.tl0_picture_index = static_cast<uint8_t>(last_tl0_ + 1 - vp8.tl0_picture_index);
    }
    started_ = true;
    left_out_ = kNothing;
    note(vp8, offsets);
  }

  /// A packet of a frame that is not forwarded; true if what follows has other offsets than before.
  bool leaveOut(const codec::Vp8& vp8, NumberOffsets& offsets) {
    if (vp8.picture_id_offset == 0 || left_out_ == vp8.picture_id) return false;
    // A frame before the last one that went out, or one left out before: late.
    const uint16_t mask = maskOf(vp8);
    const auto last = static_cast<uint16_t>(last_picture_id_ - offsets.picture_id);
    if (!isAhead(vp8.picture_id, last, mask)) return false;
    if (left_out_ != kNothing && !isAhead(vp8.picture_id, left_out_, mask)) return false;
    left_out_ = vp8.picture_id;
    --offsets.picture_id;
    return true;
  }

  /// A packet that goes out, under these offsets.
  void note(const codec::Vp8& vp8, const NumberOffsets& offsets) {
    const auto picture_id = static_cast<uint16_t>(vp8.picture_id + offsets.picture_id);
    if (noted_ && !isAhead(picture_id, last_picture_id_, maskOf(vp8))) return;
    noted_ = true;
    last_picture_id_ = picture_id;
    last_tl0_ = static_cast<uint8_t>(vp8.tl0_picture_index + offsets.tl0_picture_index);
  }

 private:
  static constexpr uint16_t kNothing = 0xffff;
  static uint16_t maskOf(const codec::Vp8& vp8) { return vp8.picture_id_long ? 0x7fff : 0x7f; }
  static bool isAhead(uint16_t a, uint16_t b, uint16_t mask) {
    const int distance = (a - b) & mask;
    return distance != 0 && distance <= mask / 2;
  }

  uint16_t last_picture_id_ = 0;  // as the subscriber knows it
  uint16_t left_out_ = kNothing;  // as the publisher does
  uint8_t last_tl0_ = 0;
  bool started_ = false, noted_ = false;
};

}  // namespace penstock::stream
