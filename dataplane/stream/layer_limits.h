// How much of an encoding's layers a subscriber is to get at most, and what it must be told of those that it gets.
#pragma once

#include <cstdint>

namespace penstock::stream {

inline constexpr uint8_t kAllLayers = 0xff;

struct LayerLimits {
  uint8_t spatial = kAllLayers, temporal = kAllLayers;  // the highest
  friend bool operator==(const LayerLimits&, const LayerLimits&) = default;
};

/// With this layer, if it is in a picture, the picture ends: RFC 3550's marker says so, and the publisher's says it of
/// a layer that may not go out. And which decode targets are left, in bits of so many; 0 of them: all that the
/// publisher says.
struct OutgoingLayers {
  uint8_t top_spatial = kAllLayers;
  uint8_t target_count = 0;
  bool announced = false;  // in each packet; else only where the publisher says something of targets too
  uint32_t active_targets = 0;
  friend bool operator==(const OutgoingLayers&, const OutgoingLayers&) = default;
};

}  // namespace penstock::stream
