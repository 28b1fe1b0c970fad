// What published packets carry: which packet it is, then a pattern, so that a receiver can tell whether it got the
// right bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "dataplane/packet/bytes.h"

namespace penstock::bench {

inline constexpr uint8_t kPayloadPattern = 0x5a;
inline constexpr size_t kPayloadStamp = 12;

inline void stampPayload(std::span<uint8_t> payload, uint32_t track, uint64_t index) {
  store32(payload.data(), track);
  store32(payload.data() + 4, static_cast<uint32_t>(index >> 32));
  store32(payload.data() + 8, static_cast<uint32_t>(index));
}

/// Whether this is the payload of that packet, whole and unchanged.
inline bool isPayloadOf(std::span<const uint8_t> payload, size_t size, uint32_t track, uint64_t index) {
  if (payload.size() != size || size < kPayloadStamp) return false;
  const uint64_t stamped = uint64_t{load32(payload.data() + 4)} << 32 | load32(payload.data() + 8);
  return load32(payload.data()) == track && stamped == index &&
         std::ranges::all_of(payload.subspan(kPayloadStamp), [](uint8_t byte) { return byte == kPayloadPattern; });
}

}  // namespace penstock::bench
