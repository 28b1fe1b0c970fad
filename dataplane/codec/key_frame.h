// Where a picture begins that needs nothing before it.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/contract/rows.h"

namespace penstock::codec {

/// Whether a packet begins a key frame. Its dependency descriptor, if it has one (else empty), decides: it is true of
/// payloads that are encrypted end to end too. H.264 may say so of more than one packet of a picture.
bool beginsKeyFrame(contract::Codec codec, std::span<const uint8_t> payload,
                    std::span<const uint8_t> dependency_descriptor);

}  // namespace penstock::codec
