// Against OpenSSL used plainly: each SRTP profile, DTLS 1.0, no profile, an RSA certificate.
#include <gtest/gtest.h>

#include "tests/transport/plain_client.h"

namespace penstock {
namespace {

using State = DtlsAssociation::State;
using test::PlainClient;

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
