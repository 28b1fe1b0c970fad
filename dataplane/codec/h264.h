// H.264 payloads (RFC 6184): whether a packet begins a picture that needs nothing before it.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/packet/bytes.h"

namespace penstock::codec {

/// True for an IDR slice or a sequence parameter set, alone, first in an aggregation, or as the start of a fragment.
/// Browsers send the parameter sets with each IDR picture, before it.
inline bool beginsH264KeyFrame(std::span<const uint8_t> payload) {
  constexpr uint8_t kIdr = 5, kSequenceParameters = 7, kStapA = 24, kFuA = 28;
  const auto opens = [](uint8_t type) { return type == kIdr || type == kSequenceParameters; };
  if (payload.empty()) return false;
  const uint8_t type = payload[0] & 0x1f;
  if (opens(type)) return true;
  if (type == kFuA) return payload.size() >= 2 && (payload[1] & 0x80) != 0 && opens(payload[1] & 0x1f);
  if (type != kStapA) return false;
  for (auto rest = payload.subspan(1); rest.size() >= 3;) {
    const size_t size = load16(rest.data());
    if (size == 0 || size > rest.size() - 2) return false;
    if (opens(rest[2] & 0x1f)) return true;
    rest = rest.subspan(2 + size);
  }
  return false;
}

}  // namespace penstock::codec
