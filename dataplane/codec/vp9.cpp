#include "dataplane/codec/vp9.h"

#include "dataplane/packet/bytes.h"

namespace penstock::codec {
namespace {

constexpr size_t kReferenceMax = 3;

/// Bytes taken from the front; once one is missing, all that follow are zero and `failed` says so.
struct Reader {
  std::span<const uint8_t> bytes;
  size_t at = 0;
  bool failed = false;

  uint8_t next() {
    if (at >= bytes.size()) {
      failed = true;
      return 0;
    }
    return bytes[at++];
  }
  uint16_t next16() {
    const uint8_t high = next();
    return static_cast<uint16_t>(high << 8 | next());
  }
};

/// Section 4.2.1: resolutions of the spatial layers, then the pictures of a group.
void readStructure(Reader& reader, Vp9& vp9) {
  const uint8_t head = reader.next();
  vp9.spatial_count = static_cast<uint8_t>((head >> 5) + 1);
  if (head & 0x10) {
    for (size_t layer = 0; layer < vp9.spatial_count; ++layer) {
      vp9.width[layer] = reader.next16();
      vp9.height[layer] = reader.next16();
    }
  }
  if (head & 0x08) {
    for (uint8_t pictures = reader.next(); pictures > 0 && !reader.failed; --pictures) {
      const uint8_t picture = reader.next();
      for (int references = picture >> 2 & 3; references > 0; --references) reader.next();
    }
  }
}

}  // namespace

std::optional<Vp9> parseVp9(std::span<const uint8_t> payload) {
  Reader reader{payload};
  Vp9 vp9{};
  vp9.gaps_stay = true;
  const uint8_t first = reader.next();
  vp9.inter_predicted = first & 0x40;
  vp9.has_layers = first & 0x20;
  const bool flexible = first & 0x10;
  vp9.layer_start = first & 0x08;
  vp9.layer_end = first & 0x04;
  vp9.not_reference = first & 0x01;
  if (first & 0x80) {
    vp9.picture_id_offset = static_cast<uint8_t>(reader.at);
    const uint8_t high = reader.next();
    vp9.picture_id_long = high & 0x80;
    vp9.picture_id = high & 0x7f;
    if (vp9.picture_id_long) vp9.picture_id = static_cast<uint16_t>(vp9.picture_id << 8 | reader.next());
  }
  if (vp9.has_layers) {
    const uint8_t layers = reader.next();
    vp9.temporal_id = layers >> 5;
    vp9.switch_up = layers & 0x10;
    vp9.spatial_id = layers >> 1 & 7;
    vp9.inter_layer = layers & 0x01;
    if (!flexible) {
      vp9.tl0_offset = static_cast<uint8_t>(reader.at);
      vp9.tl0_picture_index = reader.next();
    }
  }
  if (flexible && vp9.inter_predicted) {
    size_t references = 0;
    for (bool more = true; more; ++references) {
      if (references == kReferenceMax) return std::nullopt;
      more = reader.next() & 0x01;
    }
  }
  if (first & 0x02) readStructure(reader, vp9);
  if (reader.failed || reader.at > UINT8_MAX) return std::nullopt;
  vp9.descriptor_size = static_cast<uint8_t>(reader.at);
  return vp9;
}

}  // namespace penstock::codec
