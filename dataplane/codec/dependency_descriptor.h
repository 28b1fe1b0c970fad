// The dependency descriptor header extension (AV1 RTP specification, appendix A): which frame a packet belongs to,
// which layer that is, and which decode targets need it. It describes a stream that is encrypted end to end as well.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace penstock::codec {

inline constexpr size_t kTemplateMax = 64;
inline constexpr size_t kDecodeTargetMax = 32;
inline constexpr size_t kSpatialLayerMax = 4;

/// Decode target indication (A.4.1.1).
enum class Indication : uint8_t { kNotPresent = 0, kDiscardable = 1, kSwitch = 2, kRequired = 3 };

/// What a key frame says of all frames that follow. 2.2 KiB.
struct DependencyStructure {
  struct Template {
    uint8_t spatial_id, temporal_id;
    std::array<Indication, kDecodeTargetMax> indication;  // by decode target
  };
  struct Target {
    uint8_t spatial_id, temporal_id;  // the highest of the frames that it needs
  };
  uint8_t template_id_offset = 0;
  uint8_t template_count = 0;
  uint8_t target_count = 0;
  uint8_t chain_count = 0;
  uint8_t spatial_count = 0;
  bool has_resolutions = false;
  std::array<Template, kTemplateMax> templates;
  std::array<Target, kDecodeTargetMax> target;
  std::array<uint16_t, kSpatialLayerMax> width, height;  // of each spatial layer, if has_resolutions
};

/// One packet's descriptor, read with the structure in force.
struct DependencyDescriptor {
  bool frame_start, frame_end;
  bool has_structure;  // begins a coded video sequence, and is of its first frame
  uint16_t frame_number;
  uint8_t spatial_id, temporal_id;
  std::array<Indication, kDecodeTargetMax> indication;  // by decode target; the first target_count
  std::optional<uint32_t> active_targets;               // bit mask, if this packet changes it
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

}  // namespace penstock::codec
