// STUN messages: a header of 20 bytes, then attributes of type, length, value, padding to a multiple of 4.
#include "dataplane/packet/stun.h"

#include <algorithm>

#include "dataplane/packet/bytes.h"

namespace penstock {
namespace {

enum : uint16_t {
  kBindingRequest = 0x0001,
  kBindingSuccess = 0x0101,
  kBindingError = 0x0111,
};

enum Attribute : uint16_t {
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kMessageIntegritySha256 = 0x001c,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};
constexpr uint16_t kComprehensionOptional = 0x8000;
constexpr size_t kAttributeHeaderSize = 4;
constexpr size_t kIntegritySize = kAttributeHeaderSize + kSha1Size;
constexpr size_t kFingerprintSize = kAttributeHeaderSize + 4;
constexpr uint32_t kFingerprintXor = 0x5354'554e;
/// RFC 8489 section 14.3: USERNAME is at most 508 bytes.
constexpr size_t kUsernameMax = 508;

/// CRC-32 of ISO 3309, eight bytes a step.
constexpr auto kCrcTables = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb8'8320 : 0);
    tables[0][i] = crc;
  }
  for (size_t t = 1; t < 8; ++t) {
    for (size_t i = 0; i < 256; ++i) tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
  }
  return tables;
}();

uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    const uint32_t first = crc ^ std::byteswap(load32(at));  // little-endian, as the tables are
    const uint32_t second = std::byteswap(load32(at + 4));
    crc = kCrcTables[7][first & 0xff] ^ kCrcTables[6][first >> 8 & 0xff] ^ kCrcTables[5][first >> 16 & 0xff] ^
          kCrcTables[4][first >> 24] ^ kCrcTables[3][second & 0xff] ^ kCrcTables[2][second >> 8 & 0xff] ^
          kCrcTables[1][second >> 16 & 0xff] ^ kCrcTables[0][second >> 24];
  }
  for (; left > 0; ++at, --left) crc = crc >> 8 ^ kCrcTables[0][(crc ^ *at) & 0xff];
  return ~crc;
}

/// Takes one attribute in. False: its length is not what its type has. Of a type that stands twice the first counts
/// (RFC 8489 section 14).
bool readAttribute(StunRequest& request, uint16_t type, std::span<const uint8_t> value) {
  switch (type) {
    case kUsername:
      if (value.size() > kUsernameMax) return false;
      if (request.username.empty()) request.username = {reinterpret_cast<const char*>(value.data()), value.size()};
      return true;
    case kPriority:
      if (value.size() != 4) return false;
      if (request.priority == 0) request.priority = load32(value.data());
      return true;
    case kUseCandidate:
      request.use_candidate = true;
      return value.empty();
    case kIceControlled:
    case kIceControlling:
      if (value.size() != 8) return false;
      if (request.role != IceRole::kNone) return true;
      request.role = type == kIceControlled ? IceRole::kControlled : IceRole::kControlling;
      request.tie_breaker = load64(value.data());
      return true;
    case kMessageIntegritySha256:
      return true;
    default:
      if (type < kComprehensionOptional && request.unknown_count < kStunUnknownMax) {
        request.unknown[request.unknown_count++] = type;
      }
      return true;
  }
}

/// Walks the attributes. Returns the offset of FINGERPRINT, 0 if there is none; nothing if they are inconsistent.
std::optional<size_t> readAttributes(StunRequest& request) {
  const auto message = request.message;
  size_t offset = kStunHeaderSize;
  for (size_t seen = 0; offset < message.size(); ++seen) {
    if (seen == kStunAttributeMax || message.size() - offset < kAttributeHeaderSize) return std::nullopt;
    const uint16_t type = load16(message.data() + offset);
    const size_t length = load16(message.data() + offset + 2);
    const size_t padded = (length + 3) & ~size_t{3};
    if (padded > message.size() - offset - kAttributeHeaderSize) return std::nullopt;
    const auto value = message.subspan(offset + kAttributeHeaderSize, length);
    if (type == kFingerprint) {
      // RFC 8489 section 14.7: "the FINGERPRINT attribute MUST be the last attribute in the message".
      if (length != 4 || offset + kFingerprintSize != message.size()) return std::nullopt;
      return offset;
    }
    if (request.integrity_offset == 0) {
      if (type == kMessageIntegrity) {
        if (length != kSha1Size) return std::nullopt;
        request.integrity_offset = static_cast<uint16_t>(offset);
      } else if (!readAttribute(request, type, value)) {
        return std::nullopt;
      }
    }
    // RFC 8489 section 14.5: "agents MUST ignore all other attributes that follow MESSAGE-INTEGRITY" (but the two
    // above).
    offset += kAttributeHeaderSize + padded;
  }
  return 0;
}

void putHeader(ByteWriter& writer, uint16_t type, const StunRequest& request) {
  writer.put16(type);
  writer.put16(0);
  writer.put32(kStunMagicCookie);
  writer.put(request.transaction_id);
}

/// MESSAGE-INTEGRITY and FINGERPRINT; each is computed with the length that the message has with it.
size_t finish(ByteWriter& writer, const HmacSha1Key& key) {
  const size_t body = writer.size();
  if (uint8_t* integrity = writer.take(kIntegritySize)) {
    store16(writer.data() + 2, static_cast<uint16_t>(body + kIntegritySize - kStunHeaderSize));
    store16(integrity, kMessageIntegrity);
    store16(integrity + 2, kSha1Size);
    const Sha1Digest digest = key.sign({std::span(writer.data(), body)});
    std::memcpy(integrity + kAttributeHeaderSize, digest.data(), digest.size());
  }
  if (uint8_t* fingerprint = writer.take(kFingerprintSize)) {
    store16(writer.data() + 2, static_cast<uint16_t>(writer.size() - kStunHeaderSize));
    store16(fingerprint, kFingerprint);
    store16(fingerprint + 2, 4);
    store32(fingerprint + 4, stunFingerprint(writer.written().first(body + kIntegritySize)));
  }
  return writer.overflowed() ? 0 : writer.size();
}

}  // namespace

std::string_view StunRequest::ownUfrag() const {
  const size_t colon = username.find(':');
  return colon == std::string_view::npos ? std::string_view{} : username.substr(0, colon);
}
std::string_view StunRequest::peerUfrag() const {
  const size_t colon = username.find(':');
  return colon == std::string_view::npos ? std::string_view{} : username.substr(colon + 1);
}

std::expected<StunRequest, Counter> parseStunRequest(std::span<const uint8_t> datagram) {
  if (datagram.size() < kStunHeaderSize) return std::unexpected(Counter::stun_malformed);
  const uint16_t type = load16(datagram.data());
  const size_t length = load16(datagram.data() + 2);
  // RFC 8489 section 5: "The most significant 2 bits of every STUN message MUST be zeroes"; the length is a multiple of
  // 4 and, over UDP, that of the whole datagram.
  if ((type & 0xc000) != 0 || length % 4 != 0 || length != datagram.size() - kStunHeaderSize ||
      load32(datagram.data() + 4) != kStunMagicCookie) {
    return std::unexpected(Counter::stun_malformed);
  }
  if (type != kBindingRequest) return std::unexpected(Counter::stun_not_binding_request);
  if (datagram.size() > contract::kDatagramMax) return std::unexpected(Counter::stun_malformed);
  StunRequest request;
  request.message = datagram;
  request.transaction_id = datagram.subspan(8, 12);
  const auto fingerprint_offset = readAttributes(request);
  if (!fingerprint_offset) return std::unexpected(Counter::stun_malformed);
  // ICE always sends FINGERPRINT, since other protocols share the port: what lacks it is not a check.
  if (*fingerprint_offset == 0 || load32(datagram.data() + *fingerprint_offset + kAttributeHeaderSize) !=
                                      stunFingerprint(datagram.first(*fingerprint_offset))) {
    return std::unexpected(Counter::stun_fingerprint_bad);
  }
  return request;
}

uint32_t stunFingerprint(std::span<const uint8_t> before_attribute) {
  return crc32(before_attribute) ^ kFingerprintXor;
}

bool integrityGood(const StunRequest& request, const HmacSha1Key& key) {
  if (request.integrity_offset == 0) return false;
  const auto before = request.message.first(request.integrity_offset);
  // RFC 8489 section 14.5: the length is that of a message which ends with MESSAGE-INTEGRITY.
  uint8_t length[2];
  store16(length, static_cast<uint16_t>(before.size() + kIntegritySize - kStunHeaderSize));
  const Sha1Digest digest = key.sign({before.first(2), length, before.subspan(4)});
  return equalConstantTime(digest, request.message.subspan(before.size() + kAttributeHeaderSize, kSha1Size));
}

size_t writeStunSuccess(const StunRequest& request, const Address& mapped, const HmacSha1Key& key,
                        std::span<uint8_t> out) {
  ByteWriter writer(out);
  putHeader(writer, kBindingSuccess, request);
  const bool v4 = isV4(mapped);
  writer.put16(kXorMappedAddress);
  writer.put16(v4 ? 8 : 20);
  writer.put16(v4 ? 1 : 2);
  writer.put16(static_cast<uint16_t>(portOf(mapped) ^ kStunMagicCookie >> 16));
  if (uint8_t* ip = writer.take(v4 ? 4 : 16)) {
    // RFC 8489 section 14.2: the address is mixed with the cookie and the transaction ID, which follow each other in
    // the header.
    const uint8_t* from = v4 ? v4Bytes(mapped) : mapped.ip;
    const uint8_t* mask = request.message.data() + 4;
    for (size_t i = 0; i < (v4 ? 4u : 16u); ++i) ip[i] = from[i] ^ mask[i];
  }
  return finish(writer, key);
}

size_t writeStunError(const StunRequest& request, StunError error, const HmacSha1Key& key, std::span<uint8_t> out) {
  ByteWriter writer(out);
  putHeader(writer, kBindingError, request);
  const auto code = static_cast<uint16_t>(error);
  writer.put16(kErrorCode);
  writer.put16(4);  // an empty reason phrase is a phrase
  writer.put16(0);
  writer.put8(static_cast<uint8_t>(code / 100));
  writer.put8(static_cast<uint8_t>(code % 100));
  if (error == StunError::kUnknownAttribute && request.unknown_count > 0) {
    writer.put16(kUnknownAttributes);
    writer.put16(static_cast<uint16_t>(2 * request.unknown_count));
    for (size_t i = 0; i < request.unknown_count; ++i) writer.put16(request.unknown[i]);
    if (request.unknown_count % 2 != 0) writer.put16(0);
  }
  return finish(writer, key);
}

}  // namespace penstock
