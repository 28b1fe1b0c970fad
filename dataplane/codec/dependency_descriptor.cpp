#include "dataplane/codec/dependency_descriptor.h"

#include <algorithm>

#include "dataplane/codec/bit_reader.h"
#include "dataplane/packet/bytes.h"

namespace penstock::codec {
namespace {

constexpr size_t kMandatorySize = 3;
constexpr unsigned kFlagBits = 5;  // of extended_descriptor_fields()

/// template_layers()
void readLayers(BitReader& reader, DependencyStructure& structure) {
  enum Next : uint8_t { kSameLayer, kNextTemporal, kNextSpatial, kEnd };
  uint8_t spatial = 0, temporal = 0;
  for (;;) {
    if (structure.template_count == kTemplateMax || spatial >= kSpatialLayerMax) return reader.fail();
    structure.templates[structure.template_count++] = {.spatial_id = spatial, .temporal_id = temporal};
    structure.spatial_count = static_cast<uint8_t>(spatial + 1);
    const auto next = static_cast<Next>(reader.bits(2));
    if (next == kEnd || reader.failed()) return;
    if (next == kNextTemporal) ++temporal;
    if (next == kNextSpatial) ++spatial, temporal = 0;
  }
}

uint64_t readIndications(BitReader& reader, size_t target_count) {
  uint64_t indications = 0;
  for (size_t target = 0; target < target_count; ++target) indications |= uint64_t{reader.bits(2)} << 2 * target;
  return indications;
}

/// template_fdiffs() and template_chains(); of chains choosing layers needs nothing.
void readReferences(BitReader& reader, DependencyStructure& structure) {
  for (size_t t = 0; t < structure.template_count; ++t) {
    while (reader.flag() && !reader.failed()) structure.templates[t].refer(reader.bits(4) + 1);
  }
  structure.chain_count = static_cast<uint8_t>(reader.below(structure.target_count + 1U));
  if (structure.chain_count == 0) return;
  for (size_t target = 0; target < structure.target_count; ++target) reader.below(structure.chain_count);
  for (size_t t = 0; t < structure.template_count; ++t) {
    for (size_t chain = 0; chain < structure.chain_count; ++chain) reader.bits(4);
  }
}

/// frame_fdiffs() of a frame that does not do as its template.
void readOwnReferences(BitReader& reader, FrameDependencies& frame) {
  frame.references = 0;
  frame.refers_farther = false;
  while (const uint32_t size = reader.bits(2)) frame.refer(reader.bits(4 * size) + 1);
}

/// Bit mask of the targets that the frame is present in.
uint32_t presentIn(const FrameDependencies& frame, size_t target_count) {
  uint32_t present = 0;
  for (size_t d = 0; d < target_count; ++d) present |= frame.indication(d) != Indication::kNotPresent ? 1U << d : 0;
  return present;
}

/// decode_target_layers(): each target needs the layers of all frames that are present in it.
void deriveTargets(DependencyStructure& structure) {
  for (size_t d = 0; d < structure.target_count; ++d) structure.target[d] = {0, 0, structure.allTargets()};
  for (size_t t = 0; t < structure.template_count; ++t) {
    const FrameDependencies& frame = structure.templates[t];
    const uint32_t present = presentIn(frame, structure.target_count);
    for (size_t d = 0; d < structure.target_count; ++d) {
      DependencyStructure::Target& target = structure.target[d];
      if ((present >> d & 1) == 0) {
        target.within &= ~present;
        continue;
      }
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
    structure.templates[t].indications = readIndications(reader, structure.target_count);
  }
  readReferences(reader, structure);
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
                                  .frame = {},
                                  .active_targets = {}};
  BitReader reader(value.subspan(kMandatorySize));
  bool custom_indications = false, custom_references = false;
  std::optional<DependencyStructure> brought;
  // "if (sz > 3) extended_descriptor_fields()"
  if (value.size() > kMandatorySize) {
    descriptor.has_structure = reader.flag();
    const bool changes_targets = reader.flag();
    custom_indications = reader.flag();
    custom_references = reader.flag();
    reader.flag();  // custom chains: behind all that is of interest here
    if (descriptor.has_structure) {
      brought = readStructure(reader);
      descriptor.active_targets = brought->allTargets();
    }
    if (changes_targets)
      descriptor.active_targets = reader.bits(brought ? brought->target_count : structure.target_count);
  }
  const DependencyStructure& used = brought ? *brought : structure;
  const auto index = static_cast<uint8_t>((head->template_id + kTemplateMax - used.template_id_offset) % kTemplateMax);
  if (reader.failed() || index >= used.template_count) return std::nullopt;
  descriptor.frame = used.templates[index];
  if (custom_indications) descriptor.frame.indications = readIndications(reader, used.target_count);
  if (custom_references) readOwnReferences(reader, descriptor.frame);
  if (reader.failed()) return std::nullopt;
  if (brought) {
    structure = *brought;
    deriveTargets(structure);
  }
  return descriptor;
}

uint8_t DependencyStructure::targetWithin(uint8_t spatial_max, uint8_t temporal_max, uint32_t active) const {
  const auto rank = [&](size_t d) { return target[d].spatial_id << 8 | target[d].temporal_id; };
  std::optional<uint8_t> best, lowest;
  for (uint8_t d = 0; d < target_count; ++d) {
    if ((active >> d & 1) == 0) continue;
    if (!lowest || rank(d) < rank(*lowest)) lowest = d;
    const bool fits = target[d].spatial_id <= spatial_max && target[d].temporal_id <= temporal_max;
    if (fits && (!best || rank(d) > rank(*best))) best = d;
  }
  return best ? *best : lowest.value_or(0);
}

namespace {

/// Copies `count` bits from `from` to `to`, both counted from the front, where `out` is zero. What lies beyond `value`
/// is zero.
void copyBits(std::span<const uint8_t> value, size_t from, std::span<uint8_t> out, size_t to, size_t count) {
  const auto byte = [&](size_t at) -> uint32_t { return at < value.size() ? value[at] : 0; };
  while (count > 0) {
    const size_t step = std::min(count, 8 - to % 8);  // up to the end of a byte of `out`
    const uint32_t two = byte(from / 8) << 8 | byte(from / 8 + 1);
    const uint32_t bits = two >> (16 - from % 8 - step) & ((1U << step) - 1);
    out[to / 8] = static_cast<uint8_t>(out[to / 8] | bits << (8 - to % 8 - step));
    from += step, to += step, count -= step;
  }
}

uint32_t allOf(uint32_t width) {
  return static_cast<uint32_t>((uint64_t{1} << width) - 1);
}

}  // namespace

std::optional<MaskPlace> findMask(std::span<const uint8_t> value, uint8_t target_count) {
  if (value.size() < kMandatorySize || value.size() > kDescriptorSizeMax) return std::nullopt;
  MaskPlace place{8 * kMandatorySize + kFlagBits, target_count, false, 0};
  if (value.size() > kMandatorySize) {
    BitReader reader(value.subspan(kMandatorySize));
    const bool has_structure = reader.flag();
    place.present = reader.flag();
    reader.bits(kFlagBits - 2);
    if (has_structure) place.width = readStructure(reader).target_count;
    place.at = static_cast<uint16_t>(8 * kMandatorySize + reader.position());
    if (place.present) place.mask = reader.bits(place.width);
    if (reader.failed()) return std::nullopt;
  }
  if (place.width == 0 || place.width > kDecodeTargetMax) return std::nullopt;
  if (!place.present) place.mask = allOf(place.width);
  return place;
}

std::span<const uint8_t> writeMask(std::span<const uint8_t> value, const MaskPlace& place, uint32_t active,
                                   std::span<uint8_t> out) {
  const size_t behind = place.at + (place.present ? place.width : 0U);  // in `value`
  const size_t rest = 8 * value.size() > behind ? 8 * value.size() - behind : 0;
  const size_t size = (place.at + place.width + rest + 7) / 8;
  if (size > out.size() || size > kDescriptorSizeMax) return {};
  std::ranges::fill(out.first(size), uint8_t{0});
  copyBits(value, 0, out, 0, place.at);
  out[kMandatorySize] |= 0x40;  // active_decode_targets_present_flag
  uint8_t mask[4];
  store32(mask, (active & place.mask) << (32 - place.width));
  copyBits(mask, 0, out, place.at, place.width);
  copyBits(value, behind, out, place.at + place.width, rest);
  return out.first(size);
}

}  // namespace penstock::codec
