// What a packet says of the frame it belongs to, as far as forwarding must know. Read once a packet, for all
// subscribers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/codec/vp8.h"
#include "dataplane/contract/rows.h"

namespace penstock::codec {

struct FrameInfo {
  bool begins_key_frame = false;  // the first packet of a picture that needs nothing before it
  bool frame_start = false;
  bool layer_sync = false;  // needs nothing above temporal layer 0
  uint8_t temporal_id = 0;
  uint16_t width = 0, height = 0;  // of a key frame that says so; otherwise 0
  std::optional<Vp8> vp8;          // its numbers, which must go on for each subscriber
};

/// `dependency_descriptor`: empty if the packet has none. Where there is one it decides what a key frame is: it is true
/// of payloads that are encrypted end to end too.
FrameInfo frameInfo(contract::Codec codec, std::span<const uint8_t> payload,
                    std::span<const uint8_t> dependency_descriptor);

}  // namespace penstock::codec
