// Bits from the front of some bytes, the highest of a byte first. What lies beyond the end is zero, and `failed` says
// so.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock::codec {

class BitReader {
 public:
  explicit BitReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint32_t bits(unsigned count) {
    uint32_t value = 0;
    for (; count > 0; --count) value = value << 1 | bit();
    return value;
  }
  bool flag() { return bit() != 0; }

  /// A number below `limit`, at least 1, in as few bits as that takes (AV1 specification, ns(n)).
  uint32_t below(uint32_t limit) {
    const auto width = static_cast<unsigned>(std::bit_width(limit));
    const uint32_t short_ones = (1U << width) - limit;
    const uint32_t value = bits(width - 1);
    return value < short_ones ? value : (value << 1) - short_ones + bit();
  }

  /// Exp-Golomb (H.264 section 9.1, ue(v)): as many zeros as bits follow the one. Longer than 32 bits fails.
  uint32_t expGolomb() {
    unsigned zeros = 0;
    while (!failed_ && bit() == 0) ++zeros;
    if (zeros >= 32) fail();
    return failed_ ? 0 : (1U << zeros) - 1 + bits(zeros);
  }
  /// se(v): 0, 1, -1, 2, -2 ...
  int64_t signedExpGolomb() {
    const int64_t code = expGolomb();
    return code & 1 ? (code + 1) / 2 : -code / 2;
  }

  void fail() { failed_ = true; }
  bool failed() const { return failed_; }
  /// Bits taken so far.
  size_t position() const { return at_; }

 private:
  uint32_t bit() {
    if (at_ >= 8 * bytes_.size()) {
      failed_ = true;
      return 0;
    }
    const uint32_t value = bytes_[at_ / 8] >> (7 - at_ % 8) & 1U;
    ++at_;
    return value;
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace penstock::codec
