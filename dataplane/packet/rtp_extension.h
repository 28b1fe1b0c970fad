// RTP header extensions (RFC 8285): elements found by wire id, and a new block written in the smaller form that fits.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/packet/rtp.h"

namespace penstock {

inline constexpr uint16_t kOneByteProfile = 0xbede;
inline constexpr uint16_t kTwoByteProfile = 0x1000;  // the low four bits are "appbits"
/// Elements looked at in one packet, and written into one; the contract knows fewer extensions.
inline constexpr size_t kExtensionElementMax = 16;

struct ExtensionElement {
  uint8_t id;
  uint8_t size;
  uint16_t offset;  // of the value, in the packet
};

/// The elements of one packet in the order in which they stand there.
class RtpExtensions {
 public:
  /// What can be read: where an element passes the end of the block, those before it. Elements beyond the limit are not
  /// looked at; a block of a profile other than RFC 8285's has none.
  static RtpExtensions parse(const RtpView& view);
  /// No elements; what parse() fills.
  RtpExtensions() = default;
  explicit RtpExtensions(const RtpView& view) : packet_(view.packet) {}

  /// All of the block could be read.
  bool whole() const { return whole_; }

  /// Value of the first element with this id; nothing for id 0.
  std::optional<std::span<const uint8_t>> find(uint8_t id) const {
    for (size_t i = 0; i < count_; ++i) {
      if (elements_[i].id == id) return packet_.subspan(elements_[i].offset, elements_[i].size);
    }
    return std::nullopt;
  }
  std::span<const ExtensionElement> elements() const { return std::span(elements_).first(count_); }
  std::span<const uint8_t> value(const ExtensionElement& element) const {
    return packet_.subspan(element.offset, element.size);
  }

 private:
  bool parseOneByte(const RtpView& view);
  bool parseTwoByte(const RtpView& view);
  void append(uint8_t id, uint8_t size, size_t offset);

  std::span<const uint8_t> packet_;
  uint8_t count_ = 0;
  bool whole_ = true;
  std::array<ExtensionElement, kExtensionElementMax> elements_;  // the first count_ are set
};

/// Collects elements, then writes the block. Values are read at write(); they must not lie in `out`.
class ExtensionWriter {
 public:
  /// False, and nothing added: id 0, no room for another element. Values longer than 255 bytes do not exist.
  bool add(uint8_t id, std::span<const uint8_t> value);
  /// Zeros to be filled in later: see offsetOf().
  bool addSpace(uint8_t id, uint8_t size);

  /// Bytes that write() will use: profile, length, elements, padding; 0 without elements.
  size_t blockSize() const;
  /// Writes the block at the start of `out`. Returns blockSize(); nothing is written and 0 returned if it does not fit.
  size_t write(std::span<uint8_t> out);
  /// Where the value of `id` stands, from the start of the block; 0 if it was not written.
  uint16_t offsetOf(uint8_t id) const;

 private:
  struct Item {
    const uint8_t* value;  // nullptr: zeros
    uint8_t id;
    uint8_t size;
    uint16_t offset;
  };
  std::array<Item, kExtensionElementMax> items_;
  size_t values_size_ = 0;
  uint8_t count_ = 0;
  bool two_byte_ = false;
};

// Values of the extensions that the relay reads or stamps.

/// RFC 6464: 0 loudest .. 127 silence.
struct AudioLevel {
  uint8_t level_dbov;
  bool voice;
};
inline std::optional<AudioLevel> readAudioLevel(std::span<const uint8_t> value) {
  if (value.empty()) return std::nullopt;  // two-byte form may carry padding behind the level
  return AudioLevel{static_cast<uint8_t>(value[0] & 0x7f), (value[0] & 0x80) != 0};
}

/// abs-send-time: 24 bits, 6.18 fixed-point seconds of any clock.
inline constexpr size_t kAbsSendTimeSize = 3;
constexpr uint32_t absSendTime(uint64_t now_ns) {
  const uint64_t seconds = now_ns / 1'000'000'000;
  const uint64_t rest_ns = now_ns % 1'000'000'000;
  return static_cast<uint32_t>((seconds << 18 | (rest_ns << 18) / 1'000'000'000) & 0xff'ffff);
}
inline std::optional<uint32_t> readAbsSendTime(std::span<const uint8_t> value) {
  if (value.size() != kAbsSendTimeSize) return std::nullopt;
  return load24(value.data());
}

/// Transport-wide sequence number. Version 2 of the extension appends a feedback request, which is not looked at.
inline constexpr size_t kTransportCcSize = 2;
inline std::optional<uint16_t> readTransportCc(std::span<const uint8_t> value) {
  if (value.size() != 2 && value.size() != 4) return std::nullopt;
  return load16(value.data());
}

/// MID, RID: SDES text (RFC 7941), without the zero padding some senders append. Nothing if empty or longer than
/// `size_max`.
std::optional<std::string_view> readSdesText(std::span<const uint8_t> value, size_t size_max);

}  // namespace penstock
