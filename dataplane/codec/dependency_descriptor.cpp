#include "dataplane/codec/dependency_descriptor.h"

#include <algorithm>
#include <bit>

#include "dataplane/packet/bytes.h"

namespace penstock::codec {
namespace {

constexpr size_t kMandatorySize = 3;

/// Bits from the front, the highest of a byte first. What lies beyond the end is zero, and `failed` says so.
class BitReader {
 public:
  explicit BitReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint32_t bits(unsigned count) {
    uint32_t value = 0;
    for (; count > 0; --count) value = value << 1 | bit();
    return value;
  }
  bool flag() { return bit() != 0; }
  /// A number below `limit`, in as few bits as that takes (A.8.1, ns(n)).
  uint32_t below(uint32_t limit) {
    const auto width = static_cast<unsigned>(std::bit_width(limit));
    const uint32_t short_ones = (1U << width) - limit;
    const uint32_t value = bits(width - 1);
    return value < short_ones ? value : (value << 1) - short_ones + bit();
  }
  void fail() { failed_ = true; }
  bool failed() const { return failed_; }

 private:
  uint32_t bit() {
    if (at_ >= 8 * bytes_.size()) {
      failed_ = true;
      return 0;
    }
    const uint32_t value = bytes_[at_ / 8] >> (7 - at_ % 8) & 1U;
    ++at_;
    return value;
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

/// template_layers()
void readLayers(BitReader& reader, DependencyStructure& structure) {
  enum Next : uint8_t { kSameLayer, kNextTemporal, kNextSpatial, kEnd };
  uint8_t spatial = 0, temporal = 0;
  for (;;) {
    if (structure.template_count == kTemplateMax || spatial >= kSpatialLayerMax) return reader.fail();
    structure.templates[structure.template_count++] = {spatial, temporal, {}};
    structure.spatial_count = static_cast<uint8_t>(spatial + 1);
    const auto next = static_cast<Next>(reader.bits(2));
    if (next == kEnd || reader.failed()) return;
    if (next == kNextTemporal) ++temporal;
    if (next == kNextSpatial) ++spatial, temporal = 0;
  }
}

/// template_fdiffs() and template_chains(): how frames refer to each other, which choosing layers does not need.
void skipReferences(BitReader& reader, DependencyStructure& structure) {
  for (size_t t = 0; t < structure.template_count; ++t) {
    while (reader.flag() && !reader.failed()) reader.bits(4);
  }
  structure.chain_count = static_cast<uint8_t>(reader.below(structure.target_count + 1U));
  if (structure.chain_count == 0) return;
  for (size_t target = 0; target < structure.target_count; ++target) reader.below(structure.chain_count);
  for (size_t t = 0; t < structure.template_count; ++t) {
    for (size_t chain = 0; chain < structure.chain_count; ++chain) reader.bits(4);
  }
}

/// decode_target_layers(): each target needs the layers of all frames that are present in it.
void deriveTargets(DependencyStructure& structure) {
  for (size_t d = 0; d < structure.target_count; ++d) {
    DependencyStructure::Target& target = structure.target[d] = {0, 0};
    for (size_t t = 0; t < structure.template_count; ++t) {
      const auto& frame = structure.templates[t];
      if (frame.indication[d] == Indication::kNotPresent) continue;
      target.spatial_id = std::max(target.spatial_id, frame.spatial_id);
      target.temporal_id = std::max(target.temporal_id, frame.temporal_id);
    }
  }
}

/// template_dependency_structure()
DependencyStructure readStructure(BitReader& reader) {
  DependencyStructure structure;
  structure.template_id_offset = static_cast<uint8_t>(reader.bits(6));
  structure.target_count = static_cast<uint8_t>(reader.bits(5) + 1);
  readLayers(reader, structure);
  for (size_t t = 0; t < structure.template_count; ++t) {
    for (size_t d = 0; d < structure.target_count; ++d) {
      structure.templates[t].indication[d] = static_cast<Indication>(reader.bits(2));
    }
  }
  skipReferences(reader, structure);
  deriveTargets(structure);
  structure.has_resolutions = reader.flag();
  for (size_t layer = 0; structure.has_resolutions && layer < structure.spatial_count; ++layer) {
    structure.width[layer] = static_cast<uint16_t>(reader.bits(16) + 1);
    structure.height[layer] = static_cast<uint16_t>(reader.bits(16) + 1);
  }
  return structure;
}

}  // namespace

std::optional<DescriptorHead> parseDescriptorHead(std::span<const uint8_t> value) {
  if (value.size() < kMandatorySize) return std::nullopt;
  return DescriptorHead{.frame_start = (value[0] & 0x80) != 0,
                        .frame_end = (value[0] & 0x40) != 0,
                        .has_structure = value.size() > kMandatorySize && (value[3] & 0x80) != 0,
                        .template_id = static_cast<uint8_t>(value[0] & 0x3f),
                        .frame_number = load16(value.data() + 1)};
}

std::optional<DependencyDescriptor> parseDependencyDescriptor(std::span<const uint8_t> value,
                                                              DependencyStructure& structure) {
  const auto head = parseDescriptorHead(value);
  if (!head) return std::nullopt;
  DependencyDescriptor descriptor{.frame_start = head->frame_start,
                                  .frame_end = head->frame_end,
                                  .has_structure = false,
                                  .frame_number = head->frame_number,
                                  .spatial_id = 0,
                                  .temporal_id = 0,
                                  .indication = {},
                                  .active_targets = {}};
  BitReader reader(value.subspan(kMandatorySize));
  bool custom_indications = false;
  std::optional<DependencyStructure> brought;
  // "if (sz > 3) extended_descriptor_fields()"
  if (value.size() > kMandatorySize) {
    descriptor.has_structure = reader.flag();
    const bool changes_targets = reader.flag();
    custom_indications = reader.flag();
    reader.bits(2);  // custom fdiffs and chains: behind all that is of interest here
    if (descriptor.has_structure) {
      brought = readStructure(reader);
      descriptor.active_targets = static_cast<uint32_t>((uint64_t{1} << brought->target_count) - 1);
    }
    if (changes_targets)
      descriptor.active_targets = reader.bits(brought ? brought->target_count : structure.target_count);
  }
  const DependencyStructure& used = brought ? *brought : structure;
  const auto index = static_cast<uint8_t>((head->template_id + kTemplateMax - used.template_id_offset) % kTemplateMax);
  if (reader.failed() || index >= used.template_count) return std::nullopt;
  const auto& frame = used.templates[index];
  descriptor.spatial_id = frame.spatial_id;
  descriptor.temporal_id = frame.temporal_id;
  for (size_t d = 0; d < used.target_count; ++d) {
    descriptor.indication[d] = custom_indications ? static_cast<Indication>(reader.bits(2)) : frame.indication[d];
  }
  if (reader.failed()) return std::nullopt;
  if (brought) structure = *brought;
  return descriptor;
}

}  // namespace penstock::codec
