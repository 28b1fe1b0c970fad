// How loud a track is: the loudest of about the last 100 ms (RFC 6464: 0 loudest .. 127 silence).
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::stream {

class AudioLevelMeter {
 public:
  static constexpr uint8_t kSilence = 127;

  /// `octet`: the data of the header extension, V bit and level.
  void onPacket(uint8_t octet, uint64_t now_ns) {
    advance(now_ns);
    const uint8_t level = octet & 0x7f;
    present_.level = std::min(present_.level, level);
    present_.voice = present_.voice || (octet & 0x80);
  }

  uint8_t level(uint64_t now_ns) {
    advance(now_ns);
    return std::min({present_.level, previous_.level, before_.level});
  }
  bool voice(uint64_t now_ns) {
    advance(now_ns);
    return present_.voice || previous_.voice || before_.voice;
  }

 private:
  static constexpr uint64_t kPartNs = 40'000'000;  // three parts: 80 to 120 ms
  struct Part {
    uint8_t level = kSilence;
    bool voice = false;
  };

  void advance(uint64_t now_ns) {
    const uint64_t part = now_ns / kPartNs;
    if (part <= part_) return;
    const uint64_t passed = part - part_;
    before_ = passed == 1 ? previous_ : passed == 2 ? present_ : Part{};
    previous_ = passed == 1 ? present_ : Part{};
    present_ = {};
    part_ = part;
  }

  uint64_t part_ = 0;
  Part present_, previous_, before_;
};

}  // namespace penstock::stream
