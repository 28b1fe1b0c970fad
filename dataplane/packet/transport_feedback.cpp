#include "dataplane/packet/transport_feedback.h"

#include <algorithm>
#include <array>

#include "dataplane/packet/bytes.h"

namespace penstock {
namespace {

constexpr size_t kHeaderSize = 8;
constexpr size_t kChunkSize = 2;
constexpr uint16_t kRunMax = 0x1fff;
constexpr uint16_t kOneBitSymbols = 14;
constexpr uint16_t kTwoBitSymbols = 7;
constexpr uint16_t kVectorChunk = 0x8000;
constexpr uint16_t kTwoBitVector = 0x4000;
constexpr uint32_t kReferenceMask = 0xff'ffff;

/// Packet status symbols, section 3.1.1; 3 is reserved.
enum Status : uint8_t { kMissing = 0, kSmallDelta = 1, kLargeDelta = 2 };

size_t deltaSize(uint8_t status) {
  return status == kSmallDelta ? 1 : status == kLargeDelta ? 2 : 0;
}

/// However packets arrived, this many fit: two bytes of delta each, and a chunk for each seven.
size_t packetsFor(size_t bytes) {
  const size_t fixed = kHeaderSize + kChunkSize + 3;  // the last chunk, and padding
  return bytes < fixed ? 0 : (bytes - fixed) * kTwoBitSymbols / (kTwoBitSymbols * 2 + kChunkSize);
}

/// One chunk for the front of `statuses`; how many it speaks of is taken away.
uint16_t takeChunk(std::span<const uint8_t>& statuses) {
  const auto differs = std::find_if(statuses.begin(), statuses.end(), [&](uint8_t s) { return s != statuses[0]; });
  const auto run = static_cast<size_t>(differs - statuses.begin());
  const auto vector = [&](uint16_t symbols, unsigned bits) {
    uint16_t chunk = 0;
    const size_t count = std::min<size_t>(symbols, statuses.size());
    for (size_t i = 0; i < count; ++i) {
      chunk = static_cast<uint16_t>(chunk | statuses[i] << (bits * (symbols - 1u - i)));
    }
    statuses = statuses.subspan(count);
    return chunk;
  };
  const auto ahead = statuses.first(std::min<size_t>(kOneBitSymbols, statuses.size()));
  const bool small = std::none_of(ahead.begin(), ahead.end(), [](uint8_t s) { return s == kLargeDelta; });
  if (run == statuses.size() || run >= (small ? kOneBitSymbols : kTwoBitSymbols)) {
    const auto length = static_cast<uint16_t>(std::min<size_t>(run, kRunMax));
    const auto chunk = static_cast<uint16_t>(statuses[0] << 13 | length);
    statuses = statuses.subspan(length);
    return chunk;
  }
  if (small) return kVectorChunk | vector(kOneBitSymbols, 1);
  return static_cast<uint16_t>(kVectorChunk | kTwoBitVector | vector(kTwoBitSymbols, 2));
}

}  // namespace

WrittenFeedback writeTransportFeedback(uint16_t base, std::span<const int64_t> ticks, uint8_t feedback_count,
                                       std::span<uint8_t> out) {
  const size_t room = std::min({packetsFor(out.size()), ticks.size(), kFeedbackPacketMax});
  if (room == 0 || ticks[0] < 0) return {0, 0};
  const auto reference = static_cast<uint64_t>(ticks[0]) / kTicksPerReference;
  std::array<uint8_t, kFeedbackPacketMax> statuses;
  std::array<int16_t, kFeedbackPacketMax> deltas;
  auto last = static_cast<int64_t>(reference * kTicksPerReference);
  size_t count = 0;
  for (; count < room; ++count) {
    statuses[count] = kMissing;
    if (ticks[count] < 0) continue;
    const int64_t delta = ticks[count] - last;
    if (delta < INT16_MIN || delta > INT16_MAX) break;
    deltas[count] = static_cast<int16_t>(delta);
    statuses[count] = delta >= 0 && delta <= UINT8_MAX ? kSmallDelta : kLargeDelta;
    last = ticks[count];
  }
  ByteWriter writer(out);
  writer.put16(base);
  writer.put16(static_cast<uint16_t>(count));
  writer.put32(static_cast<uint32_t>(reference & kReferenceMask) << 8 | feedback_count);
  for (auto rest = std::span<const uint8_t>(statuses).first(count); !rest.empty();) writer.put16(takeChunk(rest));
  for (size_t i = 0; i < count; ++i) {
    if (statuses[i] == kSmallDelta) writer.put8(static_cast<uint8_t>(deltas[i]));
    if (statuses[i] == kLargeDelta) writer.put16(static_cast<uint16_t>(deltas[i]));
  }
  writer.putZeros((4 - writer.size() % 4) % 4);
  return {count, writer.size()};
}

std::optional<TransportFeedbackReader> TransportFeedbackReader::parse(const Feedback& feedback) {
  const auto fci = feedback.control_information;
  if (fci.size() < kHeaderSize) return std::nullopt;
  TransportFeedbackReader reader;
  reader.sequence_ = load16(fci.data());
  reader.packet_count_ = load16(fci.data() + 2);
  reader.ticks_ = static_cast<int64_t>(uint64_t{load24(fci.data() + 4)} * kTicksPerReference);
  reader.feedback_count_ = fci[7];
  // Where the deltas begin is known only after all chunks were looked at.
  size_t spoken_of = 0, at = kHeaderSize;
  while (spoken_of < reader.packet_count_) {
    if (fci.size() - at < kChunkSize) return std::nullopt;
    const uint16_t chunk = load16(fci.data() + at);
    at += kChunkSize;
    if (chunk & kVectorChunk) {
      spoken_of += chunk & kTwoBitVector ? kTwoBitSymbols : kOneBitSymbols;
    } else {
      if ((chunk & kRunMax) == 0) return std::nullopt;  // says nothing: could be repeated for ever
      spoken_of += chunk & kRunMax;
    }
  }
  reader.chunks_ = fci.subspan(kHeaderSize, at - kHeaderSize);
  reader.deltas_ = fci.subspan(at);
  return reader;
}

uint8_t TransportFeedbackReader::nextStatus() {
  const uint16_t chunk = load16(chunks_.data());
  const bool vector = chunk & kVectorChunk;
  const bool two_bits = chunk & kTwoBitVector;
  const uint16_t symbols = !vector    ? static_cast<uint16_t>(chunk & kRunMax)
                           : two_bits ? kTwoBitSymbols
                                      : kOneBitSymbols;
  const unsigned behind = symbols - 1u - in_chunk_;  // symbols of a vector after this one
  const unsigned status = !vector ? chunk >> 13 : two_bits ? chunk >> (2 * behind) & 3 : chunk >> behind & 1;
  if (++in_chunk_ == symbols) {
    in_chunk_ = 0;
    chunks_ = chunks_.subspan(kChunkSize);
  }
  return static_cast<uint8_t>(status);
}

std::optional<TransportFeedbackReader::Packet> TransportFeedbackReader::next() {
  if (done_ == packet_count_ || malformed_) return std::nullopt;
  ++done_;
  const uint16_t sequence = sequence_++;
  const uint8_t status = nextStatus();
  const size_t size = deltaSize(status);
  if (size == 0) return Packet{sequence, std::nullopt};
  if (deltas_.size() < size) {
    malformed_ = true;
    return std::nullopt;
  }
  ticks_ += size == 1 ? int64_t{deltas_[0]} : int64_t{static_cast<int16_t>(load16(deltas_.data()))};
  deltas_ = deltas_.subspan(size);
  return Packet{sequence, ticks_};
}

}  // namespace penstock
