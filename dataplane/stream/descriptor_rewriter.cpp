#include "dataplane/stream/descriptor_rewriter.h"

#include <algorithm>

#include "dataplane/packet/bytes.h"

namespace penstock::stream {

std::span<const uint8_t> renumber(const codec::PictureIds& ids, const NumberOffsets& offsets,
                                  std::span<const uint8_t> payload, std::span<uint8_t> space, WrittenHeader& written) {
  if (ids.descriptor_size > space.size() - written.written_length) return payload;
  const auto to = space.subspan(written.written_length, ids.descriptor_size);
  std::ranges::copy(payload.first(ids.descriptor_size), to.begin());
  codec::rewritePictureIds(to, ids, static_cast<uint16_t>(ids.picture_id + offsets.picture_id),
                           static_cast<uint8_t>(ids.tl0_picture_index + offsets.tl0_picture_index));
  written.written_length = static_cast<uint16_t>(written.written_length + ids.descriptor_size);
  return payload.subspan(ids.descriptor_size);
}

std::span<const uint8_t> redescribe(std::span<const uint8_t> descriptor, const NumberOffsets& offsets,
                                    std::optional<codec::MaskPlace> place, DescriptorSpace& space) {
  const auto& [top, count, announced, active] = offsets.layers;
  const bool masked = count != 0 && (announced || tellsTargets(descriptor));
  if (offsets.frame_number == 0 && !masked) return {};
  std::span<const uint8_t> written;
  if (masked && !place) place = codec::findMask(descriptor, count);
  if (masked && place) written = codec::writeMask(descriptor, *place, active, space);
  if (written.empty()) {
    std::ranges::copy(descriptor, space.begin());
    written = std::span(space).first(descriptor.size());
  }
  const uint16_t number = load16(descriptor.data() + 1);
  codec::rewriteFrameNumber(space, static_cast<uint16_t>(number + offsets.frame_number));
  return written;
}

}  // namespace penstock::stream
