// What of a datagram OpenSSL may see. Anybody who can write a client's address into a packet can send plaintext records
// to a handshake, and OpenSSL ends it at the first that is wrong, or sets memory aside for what the record promises. So
// the few messages that this handshake consists of pass, within the sizes that they have, and nothing else does.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "control/room/model.h"

namespace penstock {

/// A certificate message (RFC 5246 section 7.4.2) beyond this is no client's: they send one self-signed certificate.
inline constexpr uint32_t kDtlsCertificateMaxBytes = 8'192;

class DtlsFilter {
 public:
  explicit DtlsFilter(DtlsRole role) : role_(role) {}

  /// The cipher is agreed on: shorter bodies of protected records cannot be authentic.
  void setProtectedMin(size_t bytes) { protected_min_bytes_ = bytes; }

  enum class Phase : uint8_t {
    kPlaintext,  // no keys yet for what comes in
    kCipher,     // the peer's ChangeCipherSpec was read: what follows is authenticated
    kSecured,
  };

  /// Takes the first record off `datagram` and says whether it passes. What does not, and what follows a record whose
  /// length cannot be, is dropped.
  bool next(std::span<const uint8_t>& datagram, std::span<const uint8_t>& record, Phase phase);

  /// Whether the record is of another ClientHello than those before it: unless that was whole, it counts for nothing.
  bool takeOtherHello();

  /// Records of the peer's Finished that came before its ChangeCipherSpec, for when that has come. OpenSSL would keep a
  /// hundred of any size.
  std::vector<std::vector<uint8_t>> takeEarly();

 private:
  bool passes(std::span<const uint8_t> record, Phase phase);
  bool isSoundHandshake(std::span<const uint8_t> body);
  void keepEarly(std::span<const uint8_t> record);

  /// Of the longest flight: HelloVerifyRequest or ServerHello to ServerHelloDone; ClientHello to CertificateVerify.
  static constexpr size_t kMessageMax = 7;
  static constexpr size_t kEarlyMax = 4, kEarlyBytesMax = 128;

  struct Message {
    bool seen = false;
    uint8_t type = 0;
    uint32_t length_bytes = 0;
  };

  const DtlsRole role_;
  std::array<Message, kMessageMax> messages_{};  // by message_seq: fragments of one agree
  size_t protected_min_bytes_ = 18;              // ChaCha20-Poly1305 (RFC 7905): an alert and the tag
  bool other_hello_ = false;
  std::vector<std::vector<uint8_t>> early_;
};

}  // namespace penstock
