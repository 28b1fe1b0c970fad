// RED (RFC 2198): one packet carries a frame of audio and, before it, earlier ones again. Where the blocks begin and
// end, and what their payload types are; never what is in them.
//
//    redundant blocks: |1| type 7 | timestamp offset 14 | length 10 |   the primary one, last: |0| type 7 |
//    then their data in the same order; the primary one's is the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace penstock::codec {

inline constexpr size_t kRedBlockMax = 32;  // a browser sends 2 or 3
inline constexpr size_t kRedBlockHeaderSize = 4;
inline constexpr size_t kRedHeaderMax = (kRedBlockMax - 1) * kRedBlockHeaderSize + 1;

struct Red {
  std::span<const uint8_t> header;   // of all blocks
  std::span<const uint8_t> primary;  // data of the last block
  size_t block_count;

  uint8_t payloadType(size_t block) const { return header[block * kRedBlockHeaderSize] & 0x7f; }
  uint8_t primaryType() const { return payloadType(block_count - 1); }
};

/// Nothing: it ends within its headers, or before the data that they tell of; or more than kRedBlockMax blocks.
std::optional<Red> parseRed(std::span<const uint8_t> payload);

/// Gives a block another payload type. `header` is a copy of Red::header.
void setRedPayloadType(std::span<uint8_t> header, size_t block, uint8_t payload_type);

}  // namespace penstock::codec
