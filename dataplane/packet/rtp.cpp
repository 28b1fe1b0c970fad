// The RTP header and its padding.
#include "dataplane/packet/rtp.h"

namespace penstock {

std::expected<RtpView, Counter> parseRtpHeader(std::span<const uint8_t> packet) {
  constexpr auto malformed = std::unexpected(Counter::rtp_malformed);
  const uint8_t* at = packet.data();
  if (packet.size() < kRtpHeaderSize || at[0] >> 6 != 2) return malformed;
  if (packet.size() > 0xffff) return malformed;
  RtpView view{};
  view.packet = packet;
  view.padded = (at[0] & kRtpPaddingBit) != 0;
  view.csrc_count = at[0] & 0x0f;
  view.marker = (at[1] & kRtpMarkerBit) != 0;
  view.payload_type = at[1] & 0x7f;
  view.sequence = load16(at + 2);
  view.timestamp = load32(at + 4);
  view.ssrc = load32(at + 8);
  size_t offset = kRtpHeaderSize + 4u * view.csrc_count;
  if ((at[0] & kRtpExtensionBit) != 0) {
    if (packet.size() < offset + 4) return malformed;
    view.extension_profile = load16(at + offset);
    view.extension_size = static_cast<uint16_t>(4u * load16(at + offset + 2));
    if (load16(at + offset + 2) > 0x3fff) return malformed;
    offset += 4;
    view.extension_offset = static_cast<uint16_t>(offset);
    offset += view.extension_size;
  }
  if (packet.size() < offset) return malformed;
  view.header_size = static_cast<uint16_t>(offset);
  return view;
}

std::expected<void, Counter> checkRtpPadding(RtpView& view, size_t packet_size) {
  constexpr auto malformed = std::unexpected(Counter::rtp_padding_malformed);
  if (packet_size < view.header_size || packet_size > view.packet.size()) return malformed;
  view.packet = view.packet.first(packet_size);
  view.padding_size = 0;
  if (!view.padded) return {};
  // RFC 3550 section 5.1: "The last octet of the padding contains a count of how many padding octets should be ignored,
  // including itself": zero, or more than there is, is a lie.
  const size_t payload_size = packet_size - view.header_size;
  if (payload_size == 0) return malformed;
  const uint8_t count = view.packet.back();
  if (count == 0 || count > payload_size) return malformed;
  view.padding_size = count;
  return {};
}

std::expected<RtpView, Counter> parseRtp(std::span<const uint8_t> packet) {
  auto view = parseRtpHeader(packet);
  if (!view) return view;
  if (const auto checked = checkRtpPadding(*view, packet.size()); !checked) return std::unexpected(checked.error());
  return view;
}

}  // namespace penstock
