// See header_rewriter.h.
#include "dataplane/stream/header_rewriter.h"

#include <algorithm>
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
constexpr size_t kValueMax = 255;

/// Elements chosen for one packet.
struct Elements {
  struct Element {
    const uint8_t* value;
    uint8_t id;
    uint8_t size;
  };
  std::array<Element, contract::kExtensionMax> list;
  size_t count = 0;
  size_t value_bytes = 0;
  bool one_byte = true;

  void add(uint8_t id, std::span<const uint8_t> value) {
    if (value.empty() || value.size() > kValueMax) return;
    list[count++] = {value.data(), id, static_cast<uint8_t>(value.size())};
    value_bytes += value.size();
    // RFC 8285 section 4.2: ids 1 to 14, lengths 1 to 16; anything else needs the two-byte form, for all elements.
    one_byte = one_byte && id <= kOneByteIdMax && value.size() <= kOneByteValueMax;
  }
  /// Length of the block with its header and padding, 0 if there is none.
  size_t blockSize() const {
    if (count == 0) return 0;
    return kBlockHeader + (value_bytes + count * (one_byte ? 1 : 2) + 3) / 4 * 4;
  }
  void write(uint8_t* to, size_t block_size) const {
    if (count == 0) return;
    uint8_t* const end = to + block_size;
    store16(to, one_byte ? kOneByteProfile : kTwoByteProfile);
    store16(to + 2, static_cast<uint16_t>((block_size - kBlockHeader) / 4));
    to += kBlockHeader;
    for (size_t i = 0; i < count; ++i) {
      const Element& element = list[i];
      if (one_byte) {
        *to++ = static_cast<uint8_t>(element.id << 4 | (element.size - 1));
      } else {
        *to++ = element.id;
        *to++ = element.size;
      }
      std::memcpy(to, element.value, element.size);
      to += element.size;
    }
    std::memset(to, 0, static_cast<size_t>(end - to));
  }
};

/// What concerns only the leg from the publisher to us, or the publisher's other encodings, ends here.
bool endsHere(Extension extension) {
  return extension == Extension::kRid || extension == Extension::kRepairedRid ||
         extension == Extension::kTransmissionOffset || extension == Extension::kVideoLayersAllocation;
}

}  // namespace

HeaderRewriter::HeaderRewriter(std::span<const uint8_t, contract::kExtensionMax> extension_id,
                               std::span<const uint8_t> mid)
    : mid_length_(static_cast<uint8_t>(std::min<size_t>(mid.size(), contract::kMidMax))) {
  std::copy_n(mid.begin(), mid_length_, mid_.begin());
  for (size_t i = 0; i < static_cast<size_t>(Extension::kCount); ++i) {
    const auto extension = static_cast<Extension>(i);
    if (extension_id[i] == 0 || endsHere(extension)) continue;
    Action action = Action::kCopy;
    if (extension == Extension::kMid) action = Action::kMid;
    if (extension == Extension::kAbsSendTime) action = Action::kAbsSendTime;
    if (extension == Extension::kTransportCc) action = Action::kTransportSequence;
    stamps_transport_sequence_ = stamps_transport_sequence_ || action == Action::kTransportSequence;
    steps_[step_count_++] = {extension, action, extension_id[i]};
  }
}

std::optional<WrittenHeader> HeaderRewriter::write(const SourceHeader& source, const OutgoingHeader& outgoing,
                                                   std::span<uint8_t> out) const {
  if (source.csrcs.size() > kCsrcBytesMax || source.csrcs.size() % 4 != 0) return std::nullopt;
  uint8_t abs_send_time[kAbsSendTimeSize];
  store24(abs_send_time, outgoing.abs_send_time);
  uint8_t transport_sequence[kTransportCcSize];
  store16(transport_sequence, outgoing.transport_sequence);

  Elements elements;
  for (const Step& step : std::span(steps_).first(step_count_)) {
    switch (step.action) {
      case Action::kCopy:
        elements.add(step.id, source.extension[static_cast<size_t>(step.extension)]);
        break;
      case Action::kMid:
        elements.add(step.id, std::span(mid_).first(mid_length_));
        break;
      case Action::kAbsSendTime:
        elements.add(step.id, abs_send_time);
        break;
      case Action::kTransportSequence:
        elements.add(step.id, transport_sequence);
        break;
    }
  }

  const size_t block_size = elements.blockSize();
  const size_t length = kRtpHeaderSize + source.csrcs.size() + block_size;
  if (length > out.size()) return std::nullopt;
  writeRtpHeader(out.data(),
                 {.payload_type = outgoing.payload_type,
                  .marker = source.marker,
                  .sequence = outgoing.sequence,
                  .timestamp = outgoing.timestamp,
                  .ssrc = outgoing.ssrc},
                 block_size > 0);
  out[0] |= static_cast<uint8_t>(source.csrcs.size() / 4);
  if (!source.csrcs.empty()) std::memcpy(out.data() + kRtpHeaderSize, source.csrcs.data(), source.csrcs.size());
  elements.write(out.data() + kRtpHeaderSize + source.csrcs.size(), block_size);
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
