// See header_rewriter.h.
#include "dataplane/stream/header_rewriter.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/packet/bytes.h"
#include "dataplane/packet/rtp.h"
#include "dataplane/packet/rtp_extension.h"

namespace penstock::stream {
namespace {

using contract::Extension;

constexpr size_t kCsrcBytesMax = 15 * 4;
constexpr size_t kBlockHeader = 4;  // profile and length
constexpr size_t kOneByteIdMax = 14;
constexpr size_t kOneByteValueMax = 16;

constexpr size_t padded(size_t size) {
  return (size + 3) & ~size_t{3};
}

/// What concerns only the leg from the publisher to us, or the publisher's other encodings, ends here; what each leg
/// has its own of is not copied either.
bool isCopied(Extension extension) {
  switch (extension) {
    case Extension::kRid:
    case Extension::kRepairedRid:
    case Extension::kTransmissionOffset:
    case Extension::kVideoLayersAllocation:
    case Extension::kMid:
    case Extension::kAbsSendTime:
    case Extension::kTransportCc:
      return false;
    default:
      return true;
  }
}

uint8_t* writeElement(uint8_t* to, bool two_byte, uint8_t id, std::span<const uint8_t> value) {
  if (two_byte) {
    *to++ = id;
    *to++ = static_cast<uint8_t>(value.size());
  } else {
    *to++ = static_cast<uint8_t>(id << 4 | (value.size() - 1));
  }
  std::memcpy(to, value.data(), value.size());
  return to + value.size();
}

inline std::span<const uint8_t> valueOf(size_t extension, const SourceHeader& source, const OutgoingHeader& outgoing) {
  const bool replaced =
      extension == static_cast<size_t>(Extension::kDependencyDescriptor) && !outgoing.dependency_descriptor.empty();
  return replaced ? outgoing.dependency_descriptor : source.extension[extension];
}

/// 8 to 32 bytes, which a call of memcpy would cost more than: two moves that overlap.
template <size_t move>
void copyEnds(uint8_t* to, const uint8_t* from, size_t size) {
  uint8_t first[move], last[move];
  std::memcpy(first, from, move);
  std::memcpy(last, from + size - move, move);
  std::memcpy(to, first, move);
  std::memcpy(to + size - move, last, move);
}

}  // namespace

HeaderRewriter::HeaderRewriter(std::span<const uint8_t, contract::kExtensionMax> extension_id,
                               std::span<const uint8_t> mid) {
  for (size_t i = 0; i < static_cast<size_t>(Extension::kCount); ++i) {
    id_[i] = extension_id[i];
    if (id_[i] != 0 && isCopied(static_cast<Extension>(i))) copied_ |= static_cast<uint16_t>(1u << i);
  }
  mid = mid.first(std::min<size_t>(mid.size(), contract::kMidMax));
  one_byte_ = makeBlock(false, mid);
  two_byte_ = makeBlock(true, mid);
  for (const Extension extension : {Extension::kMid, Extension::kAbsSendTime, Extension::kTransportCc}) {
    const bool there = extension != Extension::kMid || !mid.empty();
    always_two_byte_ = always_two_byte_ || (there && id_[static_cast<size_t>(extension)] > kOneByteIdMax);
  }
}

HeaderRewriter::Block HeaderRewriter::makeBlock(bool two_byte, std::span<const uint8_t> mid) const {
  Block block;
  uint8_t* const begin = block.bytes.data();
  const auto add = [&](Extension extension, std::span<const uint8_t> value) -> uint8_t {
    const uint8_t id = id_[static_cast<size_t>(extension)];
    if (id == 0 || value.empty()) return 0;
    block.end = static_cast<uint8_t>(writeElement(begin + block.end, two_byte, id, value) - begin);
    block.size = static_cast<uint8_t>(padded(block.end));
    return static_cast<uint8_t>(block.end - value.size());
  };
  const uint8_t unknown[4] = {};
  add(Extension::kMid, mid);
  block.abs_send_time_at = add(Extension::kAbsSendTime, std::span(unknown).first(kAbsSendTimeSize));
  block.transport_sequence_at = add(Extension::kTransportCc, std::span(unknown).first(kTransportCcSize));
  store16(begin, two_byte ? kTwoByteProfile : kOneByteProfile);
  store16(begin + 2, static_cast<uint16_t>((padded(block.end) - kBlockHeader) / 4));
  return block;
}

/// Behind the elements that all packets have stand those that this one brought.
inline __attribute__((always_inline)) void HeaderRewriter::writeBlock(const Block& common, bool two_byte, size_t size,
                                                                      const SourceHeader& source, uint32_t copied,
                                                                      const OutgoingHeader& outgoing,
                                                                      uint8_t* to) const {
  if (common.size >= 16) {
    copyEnds<16>(to, common.bytes.data(), common.size);
  } else {
    copyEnds<8>(to, common.bytes.data(), 8 + (common.size & 4));
  }
  if (common.abs_send_time_at != 0) store24(to + common.abs_send_time_at, outgoing.abs_send_time);
  if (common.transport_sequence_at != 0) store16(to + common.transport_sequence_at, outgoing.transport_sequence);
  if (copied == 0) return;
  store16(to + 2, static_cast<uint16_t>((size - kBlockHeader) / 4));
  uint8_t* at = to + common.end;
  for (; copied != 0; copied &= copied - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(copied));
    at = writeElement(at, two_byte, id_[i], valueOf(i, source, outgoing));
  }
  while (at != to + size) *at++ = 0;
}

std::optional<WrittenHeader> HeaderRewriter::write(const SourceHeader& source, const OutgoingHeader& outgoing,
                                                   std::span<uint8_t> out) const {
  if (source.csrcs.size() > kCsrcBytesMax || source.csrcs.size() % 4 != 0) return std::nullopt;
  const uint32_t copied = source.present & copied_;
  // RFC 8285 section 4.2: ids 1 to 14, lengths 1 to 16; anything else needs the two-byte form, for all elements.
  bool two_byte = always_two_byte_;
  size_t copied_count = 0, copied_bytes = 0;
  for (uint32_t rest = copied; rest != 0; rest &= rest - 1, ++copied_count) {
    const auto i = static_cast<size_t>(std::countr_zero(rest));
    const size_t size = valueOf(i, source, outgoing).size();
    two_byte = two_byte || id_[i] > kOneByteIdMax || size > kOneByteValueMax;
    copied_bytes += size;
  }
  const Block& common = two_byte ? two_byte_ : one_byte_;
  const size_t block_size =
      copied == 0 ? common.size : padded(common.end + copied_bytes + copied_count * (two_byte ? 2 : 1));
  const size_t length = kRtpHeaderSize + source.csrcs.size() + block_size;
  if (length > out.size()) return std::nullopt;
  writeRtpHeader(out.data(),
                 {.payload_type = outgoing.payload_type,
                  .marker = source.marker || outgoing.ends_picture,
                  .sequence = outgoing.sequence,
                  .timestamp = outgoing.timestamp,
                  .ssrc = outgoing.ssrc},
                 block_size > 0);
  out[0] |= static_cast<uint8_t>(source.csrcs.size() / 4);
  uint8_t* to = out.data() + kRtpHeaderSize;
  if (!source.csrcs.empty()) std::memcpy(to, source.csrcs.data(), source.csrcs.size());
  if (block_size > 0) writeBlock(common, two_byte, block_size, source, copied, outgoing, to + source.csrcs.size());
  return WrittenHeader{static_cast<uint16_t>(length), static_cast<uint16_t>(length)};
}

std::optional<WrittenHeader> HeaderRewriter::writeRtx(const SourceHeader& source, const OutgoingHeader& outgoing,
                                                      uint16_t original_sequence, std::span<uint8_t> out) const {
  auto written = write(source, outgoing, out);
  if (!written || out.size() - written->header_length < 2) return std::nullopt;
  store16(out.data() + written->header_length, original_sequence);
  written->written_length = static_cast<uint16_t>(written->header_length + 2);
  return written;
}

}  // namespace penstock::stream
