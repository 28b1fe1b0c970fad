#include "dataplane/codec/frame_info.h"

#include <algorithm>
#include <bit>

#include "dataplane/codec/vp8.h"
#include "dataplane/codec/vp9.h"
#include "dataplane/packet/bytes.h"

namespace penstock::codec {

namespace {

using contract::Codec;

void setSize(FrameInfo& info, PictureSize size) {
  if (size.width == 0) return;
  info.spatial_count = 1;
  info.size[0] = size;
}

/// RFC 6386 section 9.1: after the frame tag of a key frame a start code, then 14 bits each of width and height.
PictureSize vp8Size(std::span<const uint8_t> frame) {
  constexpr size_t kTag = 3, kNeeded = 10;
  if (frame.size() < kNeeded || frame[kTag] != 0x9d || frame[kTag + 1] != 0x01 || frame[kTag + 2] != 0x2a) return {};
  return {static_cast<uint16_t>((frame[6] | frame[7] << 8) & 0x3fff),
          static_cast<uint16_t>((frame[8] | frame[9] << 8) & 0x3fff)};
}

void readVp8(std::span<const uint8_t> payload, FrameInfo& info) {
  const auto vp8 = parseVp8(payload);
  if (!vp8) return;
  info.ids = *vp8;
  info.begins_key_frame = vp8->key_frame;
  info.frame_start = vp8->frame_start;
  info.layer_sync = vp8->layer_sync;
  info.temporal_id = vp8->temporal_id;
  if (info.begins_key_frame) setSize(info, vp8Size(payload.subspan(vp8->descriptor_size)));
}

void readVp9(std::span<const uint8_t> payload, FrameInfo& info) {
  const auto vp9 = parseVp9(payload);
  if (!vp9) return;
  info.ids = *vp9;
  info.begins_key_frame = vp9->keyFrame();
  info.frame_start = vp9->layer_start;
  info.frame_end = vp9->layer_end;
  info.spatial_id = vp9->spatial_id;
  info.temporal_id = vp9->temporal_id;
  info.switch_up = vp9->switch_up;
  info.inter_predicted = vp9->inter_predicted;
  info.not_reference = vp9->not_reference;
  info.spatial_count = vp9->spatial_count;
  for (size_t s = 0; s < vp9->spatial_count; ++s) info.size[s] = {vp9->width[s], vp9->height[s]};
}

/// The highest layer of which the publisher sends anything.
uint8_t spatialCount(const DependencyStructure& structure, uint32_t active) {
  uint8_t highest = 0;
  for (; active != 0; active &= active - 1) {
    const auto target = static_cast<size_t>(std::countr_zero(active));
    if (target < structure.target_count) highest = std::max(highest, structure.target[target].spatial_id);
  }
  return static_cast<uint8_t>(highest + 1);
}

void readDescriptor(std::span<const uint8_t> value, uint16_t sequence, DependencyTracker& tracker, FrameInfo& info) {
  const auto head = parseDescriptorHead(value);
  if (!head) return;
  info.has_descriptor = true;
  info.begins_key_frame = head->frame_start && head->has_structure;
  info.frame_start = head->frame_start;
  info.frame_end = head->frame_end;
  info.frame_number = head->frame_number;
  // What the payload says of layers may be noise; of a picture's size, in what is a key frame, it is the best there is.
  info.spatial_id = info.temporal_id = 0;
  if (!info.begins_key_frame) info.spatial_count = 0;
  const auto descriptor = tracker.read(value, sequence);
  if (!descriptor) return;
  const DependencyStructure& structure = tracker.structure();
  info.structure = &structure;
  info.active_targets = tracker.active();
  info.dependencies = descriptor->frame;
  info.spatial_id = descriptor->frame.spatial_id;
  info.temporal_id = descriptor->frame.temporal_id;
  if (!descriptor->active_targets) return;
  info.spatial_count = spatialCount(structure, tracker.active());
  for (size_t s = 0; structure.has_resolutions && s < structure.spatial_count; ++s) {
    info.size[s] = {structure.width[s], structure.height[s]};
  }
}

}  // namespace

FrameInfo frameInfo(Codec codec, std::span<const uint8_t> payload) {
  FrameInfo info;
  if (codec == Codec::kVp8) readVp8(payload, info);
  if (codec == Codec::kVp9) readVp9(payload, info);
  if (codec == Codec::kH264) {
    const H264 h264 = parseH264(payload);
    info.begins_key_frame = h264.begins_key_frame;
    setSize(info, h264.size);
  }
  // AV1 RTP payload format section 4.4, aggregation header: N, "the first packet of a coded video sequence".
  if (codec == Codec::kAv1) info.begins_key_frame = !payload.empty() && (payload[0] & 0x08) != 0;
  return info;
}

FrameInfo frameInfo(Codec codec, std::span<const uint8_t> payload, std::span<const uint8_t> descriptor,
                    uint16_t sequence, DependencyTracker& tracker) {
  FrameInfo info = frameInfo(codec, payload);
  if (!descriptor.empty()) readDescriptor(descriptor, sequence, tracker, info);
  return info;
}

std::optional<PictureIds> pictureIds(Codec codec, std::span<const uint8_t> payload) {
  if (codec == Codec::kVp8) return parseVp8(payload);
  if (codec == Codec::kVp9) return parseVp9(payload);
  return std::nullopt;
}

}  // namespace penstock::codec
