// What a packet says of the frame it belongs to, as far as forwarding must know. Read once a packet, for all
// subscribers. Where there is a dependency descriptor it says all of layers and key frames: it is true of payloads that
// are encrypted end to end too.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/codec/dependency_tracker.h"
#include "dataplane/codec/h264.h"
#include "dataplane/codec/picture_ids.h"
#include "dataplane/contract/rows.h"

namespace penstock::codec {

inline constexpr size_t kSpatialMax = 8;

/// A frame is of one spatial layer: several make a picture.
struct FrameInfo {
  bool begins_key_frame = false;  // the first packet of a picture that needs nothing before it
  bool frame_start = false, frame_end = false;
  bool picture_start = false;  // of another picture than the packet before: filled in by whoever knows timestamps
  uint8_t spatial_id = 0, temporal_id = 0;

  // Without a descriptor.
  bool layer_sync = false;       // VP8 Y: needs nothing above temporal layer 0
  bool switch_up = false;        // VP9 U
  bool inter_predicted = false;  // VP9 P
  bool not_reference = false;    // VP9 Z: spatial layers above do without it

  // With one.
  bool has_descriptor = false;
  uint16_t frame_number = 0;
  const DependencyStructure* structure = nullptr;  // in force; null: not known
  uint32_t active_targets = 0;                     // of it: what the publisher sends at present
  FrameDependencies dependencies;

  std::optional<PictureIds> ids;  // which must go on for each subscriber

  /// What it says of the layers that the encoding has: how many, and how large. 0 = nothing.
  uint8_t spatial_count = 0;
  std::array<PictureSize, kSpatialMax> size{};
};

FrameInfo frameInfo(contract::Codec codec, std::span<const uint8_t> payload);
/// `descriptor` may be empty. `sequence`: the packet's RTP sequence number.
FrameInfo frameInfo(contract::Codec codec, std::span<const uint8_t> payload, std::span<const uint8_t> descriptor,
                    uint16_t sequence, DependencyTracker& tracker);

/// Only what `ids` would be.
std::optional<PictureIds> pictureIds(contract::Codec codec, std::span<const uint8_t> payload);

}  // namespace penstock::codec
