// New names, made of chance: ids, tokens, ICE credentials, SSRCs.
#pragma once

#include <array>
#include <cstring>
#include <string>

#include "control/signalling/edges.h"

namespace penstock {

class Fresh {
 public:
  explicit Fresh(Chance& chance) : chance_(chance) {}

  /// `count` characters of 6 bits each. All of them are ice-char (RFC 8839 section 5.4) and safe in URLs but '+', which
  /// is why ids use letters and digits only.
  std::string credential(size_t count) {
    return text(count, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
  }
  /// "p_6t2k9xq0hz4m": 12 characters of 5 bits, readable aloud.
  std::string id(const char* prefix) { return prefix + text(12, "0123456789abcdefghjkmnpqrstvwxyz"); }
  std::string token() { return text(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"); }

  uint32_t ssrc() {
    const uint32_t value = number() & 0x7fff'ffff;
    return value < 16 ? value + 16 : value;  // not 0; room to count upwards for the life of a transport
  }
  /// RFC 8829 section 5.2.1: the o= line's session id is a 64-bit number with the two highest bits clear.
  uint64_t sessionId() { return (uint64_t{number()} << 29 | number()) & 0x1fff'ffff'ffff'ffff; }

 private:
  std::string text(size_t count, const char* alphabet) {
    const size_t size = std::strlen(alphabet);  // a power of two: no value is likelier than another
    std::string out(count, '\0');
    chance_.fill({reinterpret_cast<uint8_t*>(out.data()), out.size()});
    for (char& c : out) c = alphabet[static_cast<uint8_t>(c) % size];
    return out;
  }
  uint32_t number() {
    std::array<uint8_t, 4> bytes{};
    chance_.fill(bytes);
    uint32_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }

  Chance& chance_;
};

}  // namespace penstock
