#include "dataplane/codec/red.h"

#include "dataplane/packet/bytes.h"

namespace penstock::codec {
namespace {

constexpr uint8_t kFollowed = 0x80;       // F: "indicates whether another header block follows"
constexpr uint16_t kLengthMask = 0x03ff;  // "Length in bytes of the corresponding data block excluding header"

}  // namespace

std::optional<Red> parseRed(std::span<const uint8_t> payload) {
  size_t header_size = 0, redundant_size = 0, blocks = 0;
  for (bool followed = true; followed; ++blocks) {
    if (blocks == kRedBlockMax || header_size >= payload.size()) return std::nullopt;
    followed = (payload[header_size] & kFollowed) != 0;
    if (followed) {
      if (payload.size() - header_size < kRedBlockHeaderSize) return std::nullopt;
      redundant_size += load16(payload.data() + header_size + 2) & kLengthMask;
    }
    // RFC 2198 section 3: of the primary "the block length and timestamp are omitted ... since they may be determined
    // from the RTP header and overall packet length".
    header_size += followed ? kRedBlockHeaderSize : 1;
  }
  if (redundant_size > payload.size() - header_size) return std::nullopt;
  return Red{payload.first(header_size), payload.subspan(header_size + redundant_size), blocks};
}

void setRedPayloadType(std::span<uint8_t> header, size_t block, uint8_t payload_type) {
  uint8_t& first = header[block * kRedBlockHeaderSize];
  first = static_cast<uint8_t>((first & kFollowed) | payload_type);
}

}  // namespace penstock::codec
