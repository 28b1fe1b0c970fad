// What payload descriptors and the dependency descriptor say of pictures and layers, as each subscriber must see it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/codec/dependency_descriptor.h"
#include "dataplane/codec/picture_ids.h"
#include "dataplane/stream/header_rewriter.h"
#include "dataplane/stream/sequence_rewriter.h"

namespace penstock::stream {

/// Picture ids that are others for this subscriber.
inline bool isRenumbered(const std::optional<codec::PictureIds>& ids, const NumberOffsets& offsets) {
  return ids && (offsets.picture_id != 0 || offsets.tl0_picture_index != 0);
}

/// Writes the payload descriptor behind the header, and returns the rest of the payload, which is the same for all.
std::span<const uint8_t> renumber(const codec::PictureIds& ids, const NumberOffsets& offsets,
                                  std::span<const uint8_t> payload, std::span<uint8_t> space, WrittenHeader& written);

/// Whether a packet's dependency descriptor says anything of decode targets: a structure, or which are active.
inline bool tellsTargets(std::span<const uint8_t> descriptor) {
  return descriptor.size() > 3 && (descriptor[3] & 0xc0) != 0;
}

/// It may be another for this subscriber.
inline bool isRedescribed(std::span<const uint8_t> descriptor, const NumberOffsets& offsets) {
  return descriptor.size() >= 3 && (offsets.frame_number != 0 || offsets.layers.target_count != 0);
}

/// The dependency descriptor of which isRedescribed() holds, in `space`; empty: as it came. `place` of its mask of
/// active targets, if somebody found it before. Where the mask makes it too long it goes without: it is a hint, frames
/// say themselves what they need.
using DescriptorSpace = std::array<uint8_t, codec::kDescriptorSizeMax>;
std::span<const uint8_t> redescribe(std::span<const uint8_t> descriptor, const NumberOffsets& offsets,
                                    std::optional<codec::MaskPlace> place, DescriptorSpace& space);

}  // namespace penstock::stream
