// Session keys against the vectors of RFC 3711 appendix B and RFC 6188 section 7, and libsrtp's by way of the backend.
#include "dataplane/srtp/key_derivation.h"

#include <gtest/gtest.h>

#include "tests/srtp/reference.h"

namespace penstock::srtp {
namespace {

TEST(KeyDerivation, prf_is_the_counter_mode_of_rfc_3711_b_2) {
  // The key stream for counter 0 is what the PRF makes of label 0 when the salt is the offset.
  Bytes stream(48);
  ASSERT_TRUE(derive(fromHex("2B7E151628AED2A6ABF7158809CF4F3C"), fromHex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"), 0, stream));
  EXPECT_EQ(stream, fromHex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"
                            "41E95B3BB0A2E8DD477901E4FCA894C0"));
}

TEST(KeyDerivation, rfc_3711_b_3) {
  const Bytes key = fromHex("E1F97A0D3E018BE0D64FA32C06DE4139");
  const Bytes salt = fromHex("0EC675AD498AFEEBB6960B3AABE6");
  Bytes cipher_key(16), auth_key(94), cipher_salt(14);
  ASSERT_TRUE(derive(key, salt, 0, cipher_key));
  ASSERT_TRUE(derive(key, salt, 1, auth_key));
  ASSERT_TRUE(derive(key, salt, 2, cipher_salt));
  EXPECT_EQ(cipher_key, fromHex("C61E7A93744F39EE10734AFE3FF7A087"));
  EXPECT_EQ(cipher_salt, fromHex("30CBBC08863D8C85D49DB34A9AE1"));
  EXPECT_EQ(auth_key, fromHex("CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE"
                              "E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25"
                              "6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2"));
}

TEST(KeyDerivation, rfc_6188_section_7_4) {
  const Bytes key = fromHex("f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6");
  const Bytes salt = fromHex("3b04803de51ee7c96423ab5b78d2");
  Bytes cipher_key(32), auth_key(20), cipher_salt(14);
  ASSERT_TRUE(derive(key, salt, 0, cipher_key));
  ASSERT_TRUE(derive(key, salt, 1, auth_key));
  ASSERT_TRUE(derive(key, salt, 2, cipher_salt));
  EXPECT_EQ(cipher_key, fromHex("5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4"));
  EXPECT_EQ(cipher_salt, fromHex("fa31791685ca444a9e07c6c64e93"));
  EXPECT_EQ(auth_key, fromHex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
}

TEST(KeyDerivation, profile_none_and_odd_key_lengths_are_refused) {
  EXPECT_FALSE(deriveSessionKeys(SrtpProfile::kNone, {}, KeyUse::kRtp));
  EXPECT_FALSE(deriveSessionKeys(static_cast<SrtpProfile>(5), {}, KeyUse::kRtp));
  Bytes out(16);
  EXPECT_FALSE(derive(Bytes(24), Bytes(14), 0, out));
  EXPECT_FALSE(derive(Bytes(16), Bytes(15), 0, out));
}

TEST(KeyDerivation, rtp_and_rtcp_keys_differ) {
  std::mt19937_64 random(1);
  const auto master = randomKey(random);
  for (const SrtpProfile profile : kProfiles) {
    const auto rtp = deriveSessionKeys(profile, master, KeyUse::kRtp);
    const auto rtcp = deriveSessionKeys(profile, master, KeyUse::kRtcp);
    ASSERT_TRUE(rtp && rtcp);
    EXPECT_NE(rtp->key, rtcp->key);
    EXPECT_NE(rtp->salt, rtcp->salt);
  }
}

}  // namespace
}  // namespace penstock::srtp
