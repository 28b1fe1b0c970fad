// One DTLS 1.2 association with a client, up to the SRTP keys it yields (RFC 5764). No socket, no thread, no clock of
// its own but OpenSSL's retransmission timer: datagrams in, datagrams out.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/room/model.h"
#include "control/transport/certificate.h"

namespace penstock {

enum class DtlsFailure : uint8_t {
  kFingerprintMismatch,  // the client's certificate is not the one its SDP named
  kNoSrtpProfile,        // no protection profile in common
  kProtocol,             // anything else that TLS calls fatal
  kTimeout,
};
std::string_view nameOf(DtlsFailure failure);

/// What all associations share: certificate, ciphers, SRTP profiles. Immutable; used by several threads.
class DtlsContext {
 public:
  /// Throws std::runtime_error: this is start-up.
  explicit DtlsContext(const Certificate& certificate,
                       std::chrono::milliseconds first_retransmission = std::chrono::milliseconds(250));
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;

 private:
  friend class DtlsAssociation;
  struct State;
  std::unique_ptr<State> state_;
};

class DtlsAssociation {
 public:
  enum class State : uint8_t { kHandshaking, kSecured, kClosed, kFailed };
  using Datagrams = std::vector<std::vector<uint8_t>>;

  /// `context` outlives it. `remote_fingerprint` as in SDP: "sha-256 AB:CD:...".
  DtlsAssociation(const DtlsContext& context, DtlsRole role, const std::string& remote_fingerprint);
  ~DtlsAssociation();
  DtlsAssociation(const DtlsAssociation&) = delete;

  /// Client role: makes the first flight.
  void start();
  void receive(std::span<const uint8_t> datagram);
  /// When timeout() has passed.
  void onTimeout();
  /// Until the next retransmission; nullopt when none is due.
  std::optional<std::chrono::microseconds> timeout() const;
  /// Says goodbye (close_notify), if secured.
  void close();

  State state() const;
  /// When kFailed.
  DtlsFailure failure() const;
  /// When kSecured or kClosed; the certificate was compared with the fingerprint before there were keys.
  const SrtpKeys& keys() const;
  /// Records that could be anybody's and are none of a handshake's, since the last call. They change nothing.
  uint64_t takeIgnored();
  /// What is to be sent since the last call.
  Datagrams takeOutput();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock
