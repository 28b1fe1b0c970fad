// How far outgoing indices may be used before the flows region must be told: it is always ahead of use, so that a
// restarted dataplane can go on beyond it (RFC 3711 section 9.1: a keystream is never used twice).
#pragma once

#include <cstdint>

namespace penstock::stream {

class IndexReservation {
 public:
  /// A restart skips at most this many numbers, far less than the 2^15 within which the other side guesses the
  /// roll-over counter right (RFC 3711 section 3.3.1): 31 restarts without one packet arriving are survived.
  static constexpr uint64_t kStep = 1024;

  /// `reserved`: what the flows region says; indices below it may have been used.
  explicit IndexReservation(uint64_t reserved, uint64_t step = kStep) : reserved_(reserved), step_(step) {}

  /// Before `index` is used: true if `reserved()` changed and must be stored in the flows region first.
  bool reserve(uint64_t index) {
    if (index < reserved_) return false;
    reserved_ = index + step_;
    return true;
  }
  uint64_t reserved() const { return reserved_; }

 private:
  uint64_t reserved_;
  uint64_t step_;
};

/// Sequence numbers of an RTX stream (RFC 4588 section 4: its own space), one after another.
class RtxCounter {
 public:
  explicit RtxCounter(uint64_t first_index) : next_(first_index) {}
  uint64_t take() { return next_++; }
  uint64_t nextIndex() const { return next_; }

 private:
  uint64_t next_;
};

}  // namespace penstock::stream
