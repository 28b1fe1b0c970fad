// The dependency descriptor header extension (AV1 RTP specification, appendix A): which frame a packet belongs to,
// which layer that is, and which decode targets need it. It describes a stream that is encrypted end to end as well.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/packet/bytes.h"

namespace penstock::codec {

inline constexpr size_t kTemplateMax = 64;
inline constexpr size_t kDecodeTargetMax = 32;
inline constexpr size_t kSpatialLayerMax = 4;
inline constexpr size_t kDescriptorSizeMax = 255;  // RFC 8285: of the data of one element

/// Decode target indication (A.4.1.1).
enum class Indication : uint8_t { kNotPresent = 0, kDiscardable = 1, kSwitch = 2, kRequired = 3 };

/// What one frame is: of which layer, for which decode targets, and which frames before it needs.
struct FrameDependencies {
  /// References farther back than this have their own flag.
  static constexpr uint32_t kReferenceMax = 64;

  uint64_t indications = 0;  // two bits a decode target, the first lowest
  uint64_t references = 0;   // bit n: the frame n + 1 before
  bool refers_farther = false;
  uint8_t spatial_id = 0, temporal_id = 0;

  Indication indication(size_t target) const { return static_cast<Indication>(indications >> 2 * target & 3); }
  void refer(uint32_t distance) {
    if (distance > kReferenceMax) refers_farther = true;
    if (distance >= 1 && distance <= kReferenceMax) references |= uint64_t{1} << (distance - 1);
  }
};

/// What a key frame says of all frames that follow. 1.8 KiB.
struct DependencyStructure {
  struct Target {
    uint8_t spatial_id, temporal_id;  // the highest of the frames that it needs
    uint32_t within;                  // bit mask of the targets, itself too, that need no frame that it does not need
  };
  uint8_t template_id_offset = 0;
  uint8_t template_count = 0;
  uint8_t target_count = 0;
  uint8_t chain_count = 0;
  uint8_t spatial_count = 0;
  bool has_resolutions = false;
  std::array<FrameDependencies, kTemplateMax> templates;
  std::array<Target, kDecodeTargetMax> target{};
  std::array<uint16_t, kSpatialLayerMax> width{}, height{};  // of each spatial layer, if has_resolutions

  uint32_t allTargets() const { return static_cast<uint32_t>((uint64_t{1} << target_count) - 1); }
  /// The active target with the most of both layers, spatial ones first, without exceeding these; if all exceed them
  /// the lowest.
  uint8_t targetWithin(uint8_t spatial_max, uint8_t temporal_max, uint32_t active) const;
};

/// One packet's descriptor, read with the structure in force.
struct DependencyDescriptor {
  bool frame_start, frame_end;
  bool has_structure;  // begins a coded video sequence, and is of its first frame
  uint16_t frame_number;
  FrameDependencies frame;
  std::optional<uint32_t> active_targets;  // bit mask, if this packet changes it
};

/// The mandatory bytes, which need no structure (A.8.2 mandatory_descriptor_fields).
struct DescriptorHead {
  bool frame_start, frame_end;
  bool has_structure;  // as the first bit behind says
  uint8_t template_id;
  uint16_t frame_number;
};
std::optional<DescriptorHead> parseDescriptorHead(std::span<const uint8_t> value);

/// Reads a whole descriptor. A structure in it replaces `structure`, if it is valid as a whole. Nothing: it is cut
/// short, exceeds a limit above, or refers to a template that `structure` does not have.
std::optional<DependencyDescriptor> parseDependencyDescriptor(std::span<const uint8_t> value,
                                                              DependencyStructure& structure);

/// Writes another frame number into a descriptor that parseDescriptorHead read.
inline void rewriteFrameNumber(std::span<uint8_t> value, uint16_t frame_number) {
  store16(value.data() + 1, frame_number);
}

/// Where active_decode_targets_bitmask stands, or would stand, in bits from the front.
struct MaskPlace {
  uint16_t at;
  uint8_t width;  // a bit for each decode target
  bool present;
  uint32_t mask;  // all, if it is not there
};
/// Nothing: the descriptor is cut short. `target_count`: of the structure in force; one in the descriptor itself goes
/// before it.
std::optional<MaskPlace> findMask(std::span<const uint8_t> value, uint8_t target_count);

/// The descriptor that says of fewer decode targets that they are active: those of `active`, of which it excludes some
/// itself. It grows by six bytes at most. Empty: it does not fit into `out`, or would be longer than may be.
std::span<const uint8_t> writeMask(std::span<const uint8_t> value, const MaskPlace& place, uint32_t active,
                                   std::span<uint8_t> out);

}  // namespace penstock::codec
