// Against OpenSSL used plainly: each SRTP profile, DTLS 1.0, no profile, an RSA certificate.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "control/transport/dtls_association.h"
#include "control/transport/openssl.h"

namespace penstock {
namespace {

using State = DtlsAssociation::State;

/// A client as a program would write it with memory BIOs: one flight is one datagram here, records follow each other.
struct PlainClient {
  PlainClient(const char* profiles, int version = DTLS1_2_VERSION, bool rsa = false)
      : context(SSL_CTX_new(DTLS_client_method())) {
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_max_proto_version(context.get(), version);
    key.reset(rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
    certificate.reset(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 1000);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    if (profiles != nullptr) SSL_CTX_set_tlsext_use_srtp(context.get(), profiles);
    ssl.reset(SSL_new(context.get()));
    SSL_set_options(ssl.get(), SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(ssl.get(), 1400);
    in = BIO_new(BIO_s_mem());
    out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl.get(), in, out);
    SSL_set_connect_state(ssl.get());
  }
  void exchangeWith(DtlsAssociation& server) {
    for (int round = 0; round < 10; ++round) {
      SSL_do_handshake(ssl.get());
      std::vector<uint8_t> flight(8192);
      const int length = BIO_read(out, flight.data(), static_cast<int>(flight.size()));
      if (length > 0) server.receive(std::span(flight).first(static_cast<size_t>(length)));
      for (const auto& datagram : server.takeOutput()) {
        BIO_write(in, datagram.data(), static_cast<int>(datagram.size()));
        SSL_do_handshake(ssl.get());
      }
    }
  }
  std::string fingerprint(const EVP_MD* digest = EVP_sha256(), const std::string& name = "sha-256") {
    return name + " " + digestText(certificate.get(), digest);
  }
  /// RFC 5764 section 4.2, computed here once more.
  std::string exported(size_t bytes) {
    std::vector<unsigned char> material(bytes);
    SSL_export_keying_material(ssl.get(), material.data(), bytes, "EXTRACTOR-dtls_srtp", 19, nullptr, 0, 0);
    std::string hex;
    char digits[3];
    for (const unsigned char byte : material) {
      std::snprintf(digits, sizeof(digits), "%02x", byte);
      hex += digits;
    }
    return hex;
  }

  SslContextPtr context;
  KeyPtr key;
  X509Ptr certificate;
  SslPtr ssl;
  BIO *in, *out;
};

TEST(DtlsInterop, each_profile_is_taken_and_the_order_is_ours) {
  const struct {
    int number;
    const char* offered;
    uint16_t chosen;  // 0 = none
    size_t key_bytes, salt_bytes;
  } cases[] = {
      {1, "SRTP_AEAD_AES_128_GCM", 7, 16, 12},
      {2, "SRTP_AES128_CM_SHA1_80", 1, 16, 14},
      {3, "SRTP_AEAD_AES_256_GCM", 8, 32, 12},
      {4, "SRTP_AES128_CM_SHA1_32", 2, 16, 14},
      {5, "SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM", 7, 16, 12},
      {6, "SRTP_AES128_CM_SHA1_32:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80", 1, 16, 14},
      {7, nullptr, 0, 0, 0},
  };
  const Certificate own = makeCertificate();
  const DtlsContext context(own);
  for (const auto& c : cases) {
    PlainClient client(c.offered);
    DtlsAssociation server(context, DtlsRole::server, client.fingerprint());
    client.exchangeWith(server);
    if (c.chosen == 0) {
      EXPECT_EQ(server.state(), State::kFailed) << c.number;
      EXPECT_EQ(server.failure(), DtlsFailure::kNoSrtpProfile) << c.number;
      continue;
    }
    ASSERT_EQ(server.state(), State::kSecured) << c.number;
    const SrtpKeys& keys = server.keys();
    EXPECT_EQ(keys.profile, c.chosen) << c.number;
    EXPECT_EQ(keys.receive_key + keys.send_key + keys.receive_salt + keys.send_salt,
              client.exported(2 * (c.key_bytes + c.salt_bytes)))
        << c.number;
  }
}

TEST(DtlsInterop, dtls_1_0_is_refused) {
  const Certificate own = makeCertificate();
  const DtlsContext context(own);
  PlainClient client("SRTP_AES128_CM_SHA1_80", DTLS1_VERSION);
  DtlsAssociation server(context, DtlsRole::server, client.fingerprint());
  client.exchangeWith(server);
  EXPECT_EQ(server.state(), State::kFailed);
  EXPECT_EQ(server.failure(), DtlsFailure::kProtocol);
}

TEST(DtlsInterop, an_rsa_certificate_and_longer_digests_are_taken) {
  const Certificate own = makeCertificate();
  const DtlsContext context(own);
  PlainClient client("SRTP_AES128_CM_SHA1_80", DTLS1_2_VERSION, true);
  DtlsAssociation server(context, DtlsRole::server, client.fingerprint(EVP_sha512(), "sha-512"));
  client.exchangeWith(server);
  EXPECT_EQ(server.state(), State::kSecured);
}

TEST(DtlsInterop, a_client_without_certificate_is_refused) {
  const Certificate own = makeCertificate();
  const DtlsContext context(own);
  PlainClient client("SRTP_AES128_CM_SHA1_80");
  const std::string fingerprint = client.fingerprint();
  SSL_certs_clear(client.ssl.get());
  DtlsAssociation server(context, DtlsRole::server, fingerprint);
  client.exchangeWith(server);
  EXPECT_EQ(server.state(), State::kFailed);
  EXPECT_TRUE(server.keys().send_key.empty());
}

}  // namespace
}  // namespace penstock
