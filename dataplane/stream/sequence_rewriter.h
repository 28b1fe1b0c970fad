// Publisher's sequence numbers to a subscriber's: continuous over pauses, over packets left out and over a change of
// the source; and back again, for NACKs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/packet/serial.h"
#include "dataplane/stream/layer_limits.h"

namespace penstock::stream {

/// What is added to a source's numbers other than sequence numbers, each modulo its width; and what else differs from
/// what the source says.
struct NumberOffsets {
  uint32_t timestamp = 0;
  uint16_t picture_id = 0;    // VP8 and VP9: 15 bits
  uint16_t frame_number = 0;  // of the dependency descriptor
  OutgoingLayers layers;
  uint8_t tl0_picture_index = 0;
  friend bool operator==(const NumberOffsets&, const NumberOffsets&) = default;
};

/// How a packet goes out.
struct OutgoingNumbers {
  uint64_t index;  // 48 bits: roll-over counter << 16 | sequence number
  NumberOffsets offsets;
};

/// Where a subscriber's packet came from.
struct SourceSequence {
  uint8_t source;  // as given to switchSource: which encoding
  uint16_t sequence;
  NumberOffsets offsets;  // under which it went out
};

/// Source sequence numbers map to outgoing 48-bit indices by pieces of constant distance. A new piece begins whenever a
/// packet is left out or the source changes; the last kPieces are remembered for late packets and for NACKs.
class SequenceRewriter {
 public:
  static constexpr uint32_t kPieces = 32;
  /// Further ahead, or further behind, is no loss and no late packet (those are older than any SRTP replay window) but
  /// a stream that went on unseen: it begins anew.
  static constexpr int64_t kAheadMax = 0x4000;
  static constexpr int64_t kBehindMax = 1024;

  /// `first_index`: the index of the first packet sent.
  explicit SequenceRewriter(uint64_t first_index) : next_index_(first_index) {}

  /// The next packet begins anew, without a gap: after a pause, or because another encoding is forwarded from now on.
  void switchSource(uint8_t source) {
    source_ = source;
    switching_ = true;
  }
  /// What is forwarded from now on is none of what was: of what went out before nothing is known any more.
  void changeTrack() {
    forgotten_ = piece_count_;
    switching_ = true;
  }
  /// Not late: nothing that comes behind it was seen.
  bool isInOrder(uint16_t sequence) const {
    return serialDifference(sequence, static_cast<uint16_t>(source_next_)) >= 0;
  }
  /// What goes for all packets behind the next one that begins anew or is left out; a late one before it, and its
  /// retransmissions, keep what was. Kept here because the pieces are.
  void setOffsets(const NumberOffsets& offsets) { offsets_ = offsets; }
  const NumberOffsets& offsets() const { return offsets_; }

  /// The numbers under which the packet goes out. Nothing: it is older than the switch, or than what is remembered.
  /// Calling it again with the same number gives the same.
  std::optional<OutgoingNumbers> map(uint16_t sequence);

  /// Offsets go from this packet on, which is mapped next, instead of behind it. Those missing just before it keep
  /// theirs: they may be late.
  void applyOffsets(uint16_t sequence);

  /// The packet is left out (padding only, a layer not wanted): what follows closes up. A packet that is already a gap
  /// stays one.
  void leaveOut(uint16_t sequence);

  /// Which packet went out under this number. Nothing: none did, or it is too long ago.
  std::optional<SourceSequence> sourceOf(uint16_t outgoing_sequence) const;

  /// Asks for the piece that the next packet belongs to.
  void prefetch() const { __builtin_prefetch(&piece(piece_count_ - 1)); }

  /// The lowest index never given out.
  uint64_t nextIndex() const { return next_index_; }
  /// Moves ahead, for example beyond a reservation; never back.
  void skipTo(uint64_t index) {
    if (index <= next_index_) return;
    next_index_ = index;
    switching_ = true;
  }

 private:
  struct Piece {
    uint64_t source_begin;    // unwrapped source sequence of the first packet
    uint64_t source_end;      // one past the last; the newest piece grows
    uint64_t outgoing_begin;  // index of the first packet
    NumberOffsets offsets;
    uint8_t source;
  };
  Piece& piece(uint64_t number) { return pieces_[number % kPieces]; }
  const Piece& piece(uint64_t number) const { return pieces_[number % kPieces]; }
  uint64_t oldest() const {
    const uint64_t kept = piece_count_ > kPieces ? piece_count_ - kPieces : 0;
    return kept > forgotten_ ? kept : forgotten_;
  }
  void begin(uint64_t source_begin) {
    piece(piece_count_++) = {source_begin, source_begin, next_index_, offsets_, source_};
  }

  void cut(uint64_t source, uint64_t left_out);

  uint64_t piece_count_ = 0;
  uint64_t next_index_;
  uint64_t source_next_ = 0;  // one past the highest source sequence seen, unwrapped
  uint64_t epoch_piece_ = 0;  // first piece of the present source
  uint64_t forgotten_ = 0;    // pieces of the tracks before
  NumberOffsets offsets_;
  uint8_t source_ = 0;
  bool switching_ = true;
  std::array<Piece, kPieces> pieces_{};
};

inline std::optional<OutgoingNumbers> SequenceRewriter::map(uint16_t sequence) {
  const int64_t ahead = serialDifference(sequence, static_cast<uint16_t>(source_next_));
  if (switching_ || ahead > kAheadMax || ahead < -kBehindMax) {
    switching_ = false;
    source_next_ = (uint64_t{1} << 32) | sequence;
    epoch_piece_ = piece_count_;
    begin(source_next_);
  }
  const uint64_t source = unwrapNear(source_next_, sequence);
  if (source >= source_next_) {
    Piece& newest = piece(piece_count_ - 1);
    source_next_ = newest.source_end = source + 1;
    const uint64_t index = newest.outgoing_begin + (source - newest.source_begin);
    next_index_ = index + 1;
    return OutgoingNumbers{index, newest.offsets};
  }
  const uint64_t limit = epoch_piece_ > oldest() ? epoch_piece_ : oldest();
  for (uint64_t number = piece_count_; number-- > limit;) {
    const Piece& candidate = piece(number);
    if (source < candidate.source_begin) continue;
    if (source >= candidate.source_end) return std::nullopt;  // was left out
    return OutgoingNumbers{candidate.outgoing_begin + (source - candidate.source_begin), candidate.offsets};
  }
  return std::nullopt;
}

inline void SequenceRewriter::applyOffsets(uint16_t sequence) {
  const int64_t ahead = serialDifference(sequence, static_cast<uint16_t>(source_next_));
  if (switching_ || ahead < 0 || ahead > kAheadMax) return;  // late; or it begins anew anyway
  cut(source_next_ + static_cast<uint64_t>(ahead), 0);
}

inline void SequenceRewriter::leaveOut(uint16_t sequence) {
  if (switching_) return;  // the next packet begins anew anyway
  const uint64_t source = unwrapNear(source_next_, sequence);
  if (source >= source_next_) cut(source, 1);
}

/// The newest piece ends before `source`; another begins `left_out` packets later. Packets missing just before keep
/// their numbers: they may be late.
inline void SequenceRewriter::cut(uint64_t source, uint64_t left_out) {
  Piece& newest = piece(piece_count_ - 1);
  next_index_ = newest.outgoing_begin + (source - newest.source_begin);
  newest.source_end = source;
  source_next_ = source + left_out;
  if (newest.source_end == newest.source_begin) {
    newest.source_begin = newest.source_end = source_next_;  // nothing went out yet: the piece moves on
    newest.offsets = offsets_;
    return;
  }
  begin(source_next_);
}

inline std::optional<SourceSequence> SequenceRewriter::sourceOf(uint16_t outgoing_sequence) const {
  if (piece_count_ == 0) return std::nullopt;
  const uint64_t bias = uint64_t{1} << 32;  // room below, see unwrapSequence
  const uint64_t index = unwrapNear(bias + next_index_, outgoing_sequence);
  if (index < bias || index - bias >= next_index_) return std::nullopt;
  for (uint64_t number = piece_count_; number-- > oldest();) {
    const Piece& candidate = piece(number);
    if (index - bias < candidate.outgoing_begin) continue;
    const uint64_t ahead = index - bias - candidate.outgoing_begin;
    if (ahead >= candidate.source_end - candidate.source_begin) return std::nullopt;
    return SourceSequence{candidate.source, static_cast<uint16_t>(candidate.source_begin + ahead), candidate.offsets};
  }
  return std::nullopt;
}

}  // namespace penstock::stream
