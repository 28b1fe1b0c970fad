#include "control/transport/dtls_context.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <stdexcept>

#include "control/transport/dtls_filter.h"

namespace penstock {
namespace {

using Wire = DtlsWire;

// RFC 8827 section 6.5: DTLS 1.2 with ECDHE and AEAD. Our own key is ECDSA; a client's may be RSA.
constexpr char kCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384";
// The server's order decides.
constexpr char kSrtpProfiles[] =
    "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_32";

int bioRead(BIO* bio, char* to, int size) {
  auto* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (wire->input.empty() || size <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  // As a socket does, what does not fit of a datagram is gone.
  const size_t length = std::min(wire->input.size(), static_cast<size_t>(size));
  std::memcpy(to, wire->input.data(), length);
  wire->input = {};
  return static_cast<int>(length);
}

int bioWrite(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  if (size > 0) static_cast<Wire*>(BIO_get_data(bio))->output.emplace_back(from, from + size);
  return size;
}

long bioControl(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    case BIO_CTRL_PENDING:
      return static_cast<long>(static_cast<Wire*>(BIO_get_data(bio))->input.size());
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return kDtlsMtuBytes;
    default:
      return 0;  // GET_MTU_OVERHEAD too: the MTU above is one of payloads
  }
}

/// RFC 8122 section 5. SHA-1 and older are not taken: nobody offers them, and they no longer bind.
const EVP_MD* digestOf(std::string_view name) {
  if (name == "sha-256") return EVP_sha256();
  if (name == "sha-384") return EVP_sha384();
  if (name == "sha-512") return EVP_sha512();
  return nullptr;
}

std::string mapped(std::string_view text, int (*change)(int)) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [&](unsigned char c) { return static_cast<char>(change(c)); });
  return out;
}

bool hasFingerprint(const X509* certificate, const std::string& fingerprint) {
  const size_t space = fingerprint.find(' ');
  if (space == std::string::npos) return false;
  const EVP_MD* digest = digestOf(mapped(std::string_view(fingerprint).substr(0, space), std::tolower));
  if (digest == nullptr) return false;
  const std::string text = digestText(certificate, digest);
  return !text.empty() && text == mapped(std::string_view(fingerprint).substr(space + 1), std::toupper);
}

/// In place of a chain of trust: RFC 5763 section 5, the certificate is the one whose fingerprint was signalled. Runs
/// inside the handshake, so that a wrong one yields no keys at all.
int verifyCertificate(X509_STORE_CTX* store, void*) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* wire = static_cast<Wire*>(SSL_get_app_data(ssl));
  const X509* certificate = X509_STORE_CTX_get0_cert(store);
  if (certificate != nullptr && hasFingerprint(certificate, wire->fingerprint)) return 1;
  wire->fingerprint_mismatch = true;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

}  // namespace

DtlsContext::DtlsContext(const Certificate& certificate, std::chrono::milliseconds first_retransmission)
    : state_(std::make_unique<State>()) {
  const auto check = [](bool done, const char* what) {
    if (!done) throw std::runtime_error(std::string("cannot set up DTLS: ") + what + ": " + openSslError());
  };
  state_->first_retransmission_us = static_cast<unsigned>(first_retransmission.count() * 1000);
  state_->context.reset(SSL_CTX_new(DTLS_method()));
  SSL_CTX* context = state_->context.get();
  check(context != nullptr, "context");
  check(SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1, "version");
  check(SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1, "version");
  const X509Ptr own = readCertificate(certificate.certificate_pem);
  const KeyPtr key = readPrivateKey(certificate.private_key_pem);
  check(own != nullptr && SSL_CTX_use_certificate(context, own.get()) == 1, "certificate");
  check(key != nullptr && SSL_CTX_use_PrivateKey(context, key.get()) == 1, "private key");
  check(SSL_CTX_set_cipher_list(context, kCiphers) == 1, "ciphers");
  check(SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1, "groups");
  check(SSL_CTX_set_tlsext_use_srtp(context, kSrtpProfiles) == 0, "SRTP profiles");  // 0 is success here
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_quiet_shutdown(context, 0);
  SSL_CTX_set_max_cert_list(context, kDtlsCertificateMaxBytes);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verifyCertificate, nullptr);

  state_->method.reset(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams in memory"));
  BIO_METHOD* method = state_->method.get();
  check(method != nullptr, "BIO");
  BIO_meth_set_read(method, bioRead);
  BIO_meth_set_write(method, bioWrite);
  BIO_meth_set_ctrl(method, bioControl);
}

DtlsContext::~DtlsContext() = default;

}  // namespace penstock
