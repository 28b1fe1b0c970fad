// Our half of the ICE credentials of a transport (RFC 8839 section 5.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace penstock {

struct IceCredentials {
  std::string ufrag;  // 8 characters: 48 bits, unique in the relay with care (the caller looks)
  std::string pwd;    // 24 characters: 144 bits; RFC 8445 section 5.3 wants 128
};

/// From random bytes, of each 6 bits for one character.
IceCredentials iceCredentials(std::span<const uint8_t, 32> random);
/// From RAND_bytes.
IceCredentials makeIceCredentials();

}  // namespace penstock
