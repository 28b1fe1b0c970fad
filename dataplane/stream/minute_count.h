// How often something happened in the last minute.
#pragma once

#include <array>
#include <cstdint>

namespace penstock::stream {

/// In parts of 5 s: what it says is of the last 55 to 60 s.
class MinuteCount {
 public:
  void add(uint64_t now_ns) {
    advance(now_ns);
    if (parts_[part_ % kParts] < UINT16_MAX) ++parts_[part_ % kParts];
  }

  uint32_t get(uint64_t now_ns) {
    advance(now_ns);
    uint32_t sum = 0;
    for (const uint16_t part : parts_) sum += part;
    return sum;
  }

 private:
  static constexpr uint64_t kPartNs = 5'000'000'000, kParts = 12;

  void advance(uint64_t now_ns) {
    const uint64_t now = now_ns / kPartNs;
    if (now <= part_) return;
    if (now - part_ >= kParts) {
      parts_ = {};
    } else {
      for (uint64_t part = part_ + 1; part <= now; ++part) parts_[part % kParts] = 0;
    }
    part_ = now;
  }

  uint64_t part_ = 0;
  std::array<uint16_t, kParts> parts_{};
};

}  // namespace penstock::stream
