// One-byte elements: |ID 4|L-1 4| value. Two-byte elements: |ID 8|L 8| value. Zero bytes pad both.
#include "dataplane/packet/rtp_extension.h"

namespace penstock {
namespace {

constexpr uint8_t kOneByteIdMax = 14;
constexpr uint8_t kOneByteStop = 15;
constexpr size_t kOneByteSizeMax = 16;
constexpr size_t kBlockHeaderSize = 4;

/// Values are short: a call of memcpy costs more than the bytes. Two moves that overlap copy any size between them.
inline void copyShort(uint8_t* to, const uint8_t* from, size_t size) {
  const auto two = [&]<class T>(T) {
    T first, last;
    std::memcpy(&first, from, sizeof(T));
    std::memcpy(&last, from + size - sizeof(T), sizeof(T));
    std::memcpy(to, &first, sizeof(T));
    std::memcpy(to + size - sizeof(T), &last, sizeof(T));
  };
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    two(uint64_t{});
  } else if (size >= 4) {
    two(uint32_t{});
  } else if (size >= 2) {
    two(uint16_t{});
  } else if (size == 1) {
    *to = *from;
  }
}

}  // namespace

void RtpExtensions::append(uint8_t id, uint8_t size, size_t offset) {
  if (count_ < kExtensionElementMax) elements_[count_++] = {id, size, static_cast<uint16_t>(offset)};
}

bool RtpExtensions::parseOneByte(const RtpView& view) {
  size_t at = view.extension_offset;
  const size_t end = at + view.extension_size;
  while (at < end) {
    const uint8_t first = packet_[at++];
    if (first == 0) continue;  // padding
    const uint8_t id = first >> 4;
    // RFC 8285 section 4.2: "If the ID value 15 is used, its length field should be ignored, processing of the entire
    // extension should terminate at that point".
    if (id == kOneByteStop) return true;
    // RFC 8285 section 4.2, of ID 0 with a length other than 0: "processing of the entire extension MUST terminate at
    // that point".
    if (id == 0) return true;
    const uint8_t size = (first & 0x0f) + 1;
    if (size > end - at) return false;
    append(id, size, at);
    at += size;
  }
  return true;
}

bool RtpExtensions::parseTwoByte(const RtpView& view) {
  size_t at = view.extension_offset;
  const size_t end = at + view.extension_size;
  while (at < end) {
    const uint8_t id = packet_[at++];
    if (id == 0) continue;  // padding
    if (at == end) return false;
    const uint8_t size = packet_[at++];
    if (size > end - at) return false;
    append(id, size, at);
    at += size;
  }
  return true;
}

RtpExtensions RtpExtensions::parse(const RtpView& view) {
  RtpExtensions extensions(view);
  if (view.extension_profile == kOneByteProfile) {
    extensions.whole_ = extensions.parseOneByte(view);
  } else if ((view.extension_profile & 0xfff0) == kTwoByteProfile) {
    extensions.whole_ = extensions.parseTwoByte(view);
  }
  return extensions;
}

bool ExtensionWriter::add(uint8_t id, std::span<const uint8_t> value) {
  if (value.size() > 0xff) return false;
  if (!addSpace(id, static_cast<uint8_t>(value.size()))) return false;
  items_[count_ - 1].value = value.data();
  return true;
}

bool ExtensionWriter::addSpace(uint8_t id, uint8_t size) {
  if (id == 0 || count_ == kExtensionElementMax) return false;
  items_[count_++] = {nullptr, id, size, 0};
  values_size_ += size;
  // RFC 8285 section 4.2: one byte holds IDs 1..14 and lengths 1..16.
  two_byte_ = two_byte_ || id > kOneByteIdMax || size == 0 || size > kOneByteSizeMax;
  return true;
}

size_t ExtensionWriter::blockSize() const {
  if (count_ == 0) return 0;
  const size_t elements = values_size_ + count_ * (two_byte_ ? 2u : 1u);
  return kBlockHeaderSize + ((elements + 3) & ~size_t{3});
}

size_t ExtensionWriter::write(std::span<uint8_t> out) {
  const size_t size = blockSize();
  if (size == 0 || size > out.size()) return 0;
  uint8_t* at = out.data();
  store16(at, two_byte_ ? kTwoByteProfile : kOneByteProfile);
  store16(at + 2, static_cast<uint16_t>((size - kBlockHeaderSize) / 4));
  at += kBlockHeaderSize;
  for (Item& item : std::span(items_).first(count_)) {
    if (two_byte_) {
      *at++ = item.id;
      *at++ = item.size;
    } else {
      *at++ = static_cast<uint8_t>(item.id << 4 | (item.size - 1));
    }
    item.offset = static_cast<uint16_t>(at - out.data());
    if (item.value != nullptr) {
      copyShort(at, item.value, item.size);
    } else {
      std::memset(at, 0, item.size);
    }
    at += item.size;
  }
  while (at != out.data() + size) *at++ = 0;
  return size;
}

uint16_t ExtensionWriter::offsetOf(uint8_t id) const {
  for (size_t i = 0; i < count_; ++i) {
    if (items_[i].id == id) return items_[i].offset;
  }
  return 0;
}

std::optional<std::string_view> readSdesText(std::span<const uint8_t> value, size_t size_max) {
  size_t size = value.size();
  while (size > 0 && value[size - 1] == 0) --size;
  if (size == 0 || size > size_max) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(value.data()), size);
}

}  // namespace penstock
