// OpenSSL used plainly as a DTLS client, without anything of ours.
#pragma once

#include <openssl/ssl.h>

#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/transport/dtls_association.h"
#include "control/transport/openssl.h"

namespace penstock::test {

/// A client as a program would write it with memory BIOs: one flight is one datagram here, records follow each other.
struct PlainClient {
  /// `padding`: bytes of an extension that nobody knows, in the ClientHello; none without.
  PlainClient(const char* profiles, int version = DTLS1_2_VERSION, bool rsa = false, std::optional<size_t> padding = {})
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
    if (padding) {
      filler.resize(*padding);
      SSL_CTX_set_cipher_list(context.get(), "ECDHE-ECDSA-AES128-GCM-SHA256");  // short without the padding
      SSL_CTX_add_client_custom_ext(context.get(), 0xff77, fill, nullptr, &filler, nullptr, nullptr);
    }
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

  static int fill(SSL*, unsigned, const unsigned char** out, size_t* length, int*, void* filler) {
    const auto& bytes = *static_cast<std::vector<unsigned char>*>(filler);
    *out = bytes.data(), *length = bytes.size();
    return 1;
  }

  std::vector<unsigned char> filler;
  SslContextPtr context;
  KeyPtr key;
  X509Ptr certificate;
  SslPtr ssl;
  BIO *in, *out;
};

}  // namespace penstock::test
