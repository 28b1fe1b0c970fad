// The relay's own DTLS certificate: self-signed ECDSA P-256. It is kept over a restart, because answers name its
// fingerprint.
#pragma once

#include <string>

namespace penstock {

struct Certificate {
  std::string certificate_pem;
  std::string private_key_pem;
};

/// Throws std::runtime_error: this is start-up.
Certificate makeCertificate();

/// "sha-256 AB:CD:...", as a=fingerprint has it (RFC 8122 section 5). Throws std::runtime_error for what is no
/// certificate.
std::string fingerprintOf(const Certificate& certificate);

}  // namespace penstock
