#include "dataplane/codec/frame_info.h"

#include "dataplane/codec/key_frame.h"
#include "dataplane/packet/bytes.h"

namespace penstock::codec {

namespace {

/// RFC 6386 section 9.1: after the frame tag of a key frame a start code, then 14 bits each of width and height.
void readVp8Size(std::span<const uint8_t> frame, FrameInfo& info) {
  constexpr size_t kTag = 3, kNeeded = 10;
  if (frame.size() < kNeeded || frame[kTag] != 0x9d || frame[kTag + 1] != 0x01 || frame[kTag + 2] != 0x2a) return;
  info.width = static_cast<uint16_t>((frame[6] | frame[7] << 8) & 0x3fff);
  info.height = static_cast<uint16_t>((frame[8] | frame[9] << 8) & 0x3fff);
}

FrameInfo vp8Info(std::span<const uint8_t> payload) {
  FrameInfo info;
  info.vp8 = parseVp8(payload);
  if (!info.vp8) return info;
  info.begins_key_frame = info.vp8->key_frame;
  info.frame_start = info.vp8->frame_start;
  info.layer_sync = info.vp8->layer_sync;
  info.temporal_id = info.vp8->temporal_id;
  if (info.begins_key_frame) readVp8Size(payload.subspan(info.vp8->descriptor_size), info);
  return info;
}

}  // namespace

FrameInfo frameInfo(contract::Codec codec, std::span<const uint8_t> payload,
                    std::span<const uint8_t> dependency_descriptor) {
  FrameInfo info;
  if (codec == contract::Codec::kVp8) info = vp8Info(payload);
  if (codec != contract::Codec::kVp8 || !dependency_descriptor.empty()) {
    info.begins_key_frame = beginsKeyFrame(codec, payload, dependency_descriptor);
  }
  return info;
}

}  // namespace penstock::codec
