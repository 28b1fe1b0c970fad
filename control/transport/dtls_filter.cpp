#include "control/transport/dtls_filter.h"

#include <optional>
#include <utility>

namespace penstock {
namespace {

// RFC 6347 section 4.1: type, version, epoch, sequence number, length.
constexpr size_t kRecordHeaderSize = 13;
// RFC 6347 section 4.2.2: type, length, message_seq, fragment_offset, fragment_length.
constexpr size_t kMessageHeaderSize = 12;

enum ContentType : uint8_t { kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22 };

enum MessageType : uint8_t {
  kClientHello = 1,
  kServerHello = 2,
  kHelloVerifyRequest = 3,
  kCertificate = 11,
  kServerKeyExchange = 12,
  kCertificateRequest = 13,
  kServerHelloDone = 14,
  kCertificateVerify = 15,
  kClientKeyExchange = 16,
};

/// A Finished (RFC 5246 section 7.4.9) with the header of its message, and the tag of any cipher that is taken.
constexpr size_t kFinishedMinBytes = kMessageHeaderSize + 12 + 16;
constexpr uint32_t kHelloMaxBytes = 4'096;      // with post-quantum key shares they have 1,400 to 1,800
constexpr uint32_t kSignatureMaxBytes = 2'048;  // RSA of 8,192 bits has 1,024
constexpr uint32_t kRequestMaxBytes = 4'096;

uint32_t load(std::span<const uint8_t> bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | bytes[at + i];
  return value;
}

/// Of a message at its place in the peer's flights; nothing when it has none there. We demand a certificate, so that
/// the messages of a client stand each at one place only.
std::optional<uint32_t> lengthMax(DtlsRole ours, uint32_t message_seq, uint8_t type) {
  if (ours == DtlsRole::server) {
    constexpr std::pair<uint8_t, uint32_t> kClients[] = {{kClientHello, kHelloMaxBytes},
                                                         {kCertificate, kDtlsCertificateMaxBytes},
                                                         {kClientKeyExchange, kSignatureMaxBytes},
                                                         {kCertificateVerify, kSignatureMaxBytes}};
    if (message_seq >= std::size(kClients) || kClients[message_seq].first != type) return std::nullopt;
    return kClients[message_seq].second;
  }
  switch (type) {
    case kServerHello:
    case kHelloVerifyRequest:
      return message_seq <= 1 ? std::optional(kHelloMaxBytes) : std::nullopt;
    case kCertificate:
      return kDtlsCertificateMaxBytes;
    case kServerKeyExchange:
      return kSignatureMaxBytes;
    case kCertificateRequest:
      return kRequestMaxBytes;
    case kServerHelloDone:
      return 0;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool DtlsFilter::next(std::span<const uint8_t>& datagram, std::span<const uint8_t>& record, Phase phase) {
  const size_t length =
      datagram.size() < kRecordHeaderSize ? datagram.size() : kRecordHeaderSize + load(datagram, 11, 2);
  const bool whole = datagram.size() >= kRecordHeaderSize && length <= datagram.size();
  record = datagram.first(whole ? length : datagram.size());
  datagram = datagram.subspan(record.size());
  return whole && passes(record, phase);
}

bool DtlsFilter::passes(std::span<const uint8_t> record, Phase phase) {
  const uint8_t type = record[0];
  const bool is_dtls_1 = record[1] == 0xfe && (record[2] == 0xff || record[2] == 0xfd);
  if (!is_dtls_1 || record.size() == kRecordHeaderSize) return false;
  const uint32_t epoch = load(record, 3, 2);
  // OpenSSL ignores what is not authentic, unless it is too short to be: it answers that with a fatal alert.
  if (epoch == 1 && phase != Phase::kPlaintext) return record.size() >= kRecordHeaderSize + protected_min_bytes_;
  if (epoch == 1 && type == kHandshake) keepEarly(record);
  if (epoch != 0 || phase == Phase::kSecured) return false;
  const auto body = record.subspan(kRecordHeaderSize);
  if (type == kChangeCipherSpec) return body.size() == 1 && body[0] == 1;
  // RFC 6347 section 4.1.2.7: invalid records SHOULD be silently discarded. An alert in plaintext may be anybody's.
  return type == kHandshake && isSoundHandshake(body);
}

/// One or more fragments, each within its message, of messages that agree with what was said of them before.
bool DtlsFilter::isSoundHandshake(std::span<const uint8_t> body) {
  auto messages = messages_;
  while (!body.empty()) {
    if (body.size() < kMessageHeaderSize) return false;
    const uint8_t type = body[0];
    const uint32_t length = load(body, 1, 3), message_seq = load(body, 4, 2);
    const uint32_t offset = load(body, 6, 3), fragment = load(body, 9, 3);
    body = body.subspan(kMessageHeaderSize);
    const auto length_max = lengthMax(role_, message_seq, type);
    if (message_seq >= kMessageMax || !length_max || length > *length_max) return false;
    if (fragment > body.size() || offset > length || fragment > length - offset) return false;
    if (fragment == 0 && length != 0) return false;
    Message& message = messages[message_seq];
    if (message.seen && (message.type != type || message.length_bytes != length)) {
      if (role_ != DtlsRole::server || message_seq != 0) return false;
      other_hello_ = true;
      messages = {};
    }
    message = {true, type, length};
    body = body.subspan(fragment);
  }
  messages_ = messages;
  return true;
}

/// The newest few: whoever forges them cannot keep the peer's next one out.
void DtlsFilter::keepEarly(std::span<const uint8_t> record) {
  if (record.size() > kEarlyBytesMax || record.size() < kRecordHeaderSize + kFinishedMinBytes) return;
  if (early_.size() == kEarlyMax) early_.erase(early_.begin());
  early_.emplace_back(record.begin(), record.end());
}

bool DtlsFilter::takeOtherHello() {
  return std::exchange(other_hello_, false);
}

std::vector<std::vector<uint8_t>> DtlsFilter::takeEarly() {
  return std::exchange(early_, {});
}

}  // namespace penstock
