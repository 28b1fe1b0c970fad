// H.264 payloads (RFC 6184): whether a packet begins a picture that needs nothing before it, and how large that is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace penstock::codec {

struct PictureSize {
  uint16_t width = 0, height = 0;  // 0 = not known
  friend bool operator==(const PictureSize&, const PictureSize&) = default;
};

struct H264 {
  /// An IDR slice or a sequence parameter set, alone, in an aggregation, or as the start of a fragment. Browsers send
  /// the parameter sets with each IDR picture, before it.
  bool begins_key_frame = false;
  PictureSize size;  // of a sequence parameter set, after cropping
};

H264 parseH264(std::span<const uint8_t> payload);

}  // namespace penstock::codec
