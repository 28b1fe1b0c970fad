// ICE credentials and the certificate.
#include "control/transport/certificate.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "control/transport/ice_credentials.h"

namespace penstock {
namespace {

TEST(IceCredentials, use_ice_chars_and_are_long_enough) {
  std::array<uint8_t, 32> random{};
  for (size_t i = 0; i < random.size(); ++i) random[i] = static_cast<uint8_t>(i * 8 + 7);
  random[0] = 0;
  random[1] = 255;
  const IceCredentials credentials = iceCredentials(random);
  EXPECT_EQ(credentials.ufrag.size(), 8u);
  EXPECT_EQ(credentials.pwd.size(), 24u);
  EXPECT_EQ(credentials.ufrag.substr(0, 2), "A/");
  EXPECT_EQ((credentials.ufrag + credentials.pwd)
                .find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
            std::string::npos);
}

TEST(IceCredentials, differ) {
  std::set<std::string> ufrags;
  for (int i = 0; i < 1000; ++i) ufrags.insert(makeIceCredentials().ufrag);
  EXPECT_EQ(ufrags.size(), 1000u);
}

TEST(Certificate, has_a_sha_256_fingerprint_that_stays_with_it) {
  const Certificate certificate = makeCertificate();
  const std::string fingerprint = fingerprintOf(certificate);
  EXPECT_EQ(fingerprint.size(), 8 + 32 * 3 - 1u);
  EXPECT_EQ(fingerprint.substr(0, 8), "sha-256 ");
  EXPECT_EQ(fingerprint.find_first_not_of("0123456789ABCDEF:", 8), std::string::npos);
  EXPECT_EQ(fingerprintOf(certificate), fingerprint);
  EXPECT_NE(fingerprintOf(makeCertificate()), fingerprint);
  EXPECT_THROW(fingerprintOf({.certificate_pem = "no", .private_key_pem = ""}), std::runtime_error);
}

}  // namespace
}  // namespace penstock
