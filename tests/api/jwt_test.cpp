// Bearer tokens: what passes, and every way not to.
#include "control/api/jwt.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "control/api/encoding.h"

namespace penstock {
namespace {

namespace json = boost::json;

const std::string kSecret = "0123456789abcdef0123456789abcdef";
const std::string kOther = "fedcba9876543210fedcba9876543210";
const TokenKeys kKeys{{"a", kSecret}, {"b", kOther}};
constexpr int64_t kNow = 1'700'000'000;

json::object claims(const char* text) {
  return json::parse(text).as_object();
}

const char kGood[] =
    R"({"exp": 1700000060, "sub": "ada", "name": "Ada", "room": {"name": "x", "join": true, "publish": true}})";

TEST(Jwt, a_signed_token_gives_its_grant) {
  const auto token = verifyToken(signToken({{"alg", "HS256"}, {"kid", "b"}}, claims(kGood), kOther), kKeys, kNow);
  ASSERT_TRUE(token) << token.error();
  EXPECT_EQ(token->key, "b");
  EXPECT_EQ(token->subject, "ada");
  EXPECT_EQ(token->name, "Ada");
  EXPECT_EQ(token->room.name, "x");
  EXPECT_TRUE(token->room.join && token->room.publish);
  EXPECT_FALSE(token->room.subscribe || token->room.moderate || token->room.admin) << "what is absent is not granted";
  EXPECT_TRUE(token->room.covers("x"));
  EXPECT_FALSE(token->room.covers("y"));
}

TEST(Jwt, a_token_says_until_when_it_is_good) {
  const auto until = [](const char* exp) {
    const std::string text = R"({"room": {"name": "x"}, "exp": )" + std::string(exp) + "}";
    const auto token =
        verifyToken(signToken({{"alg", "HS256"}, {"kid", "a"}}, claims(text.c_str()), kSecret), kKeys, kNow);
    return token ? token->expires_unix_ms.value_or(0) : 1;
  };
  EXPECT_EQ(until("1700000060"), 1'700'000'065'000u) << "as long as it is accepted: with the leeway";
  EXPECT_EQ(until("1700000060.5"), 1'700'000'065'500u);
  EXPECT_GT(until("1e300"), 1'000'000'000'000'000u);
  EXPECT_GT(until("18446744073709551615"), 1'000'000'000'000'000u);
}

TEST(Jwt, the_example_of_rfc_7515_appendix_a_1_has_the_signature_we_compute) {
  const auto key =
      base64UrlDecode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
      "bS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const auto good = verifyToken(token, {{"joe", *key}}, 1300819370);
  ASSERT_FALSE(good);
  EXPECT_EQ(good.error(), "the claim \"room\" is missing or not an object") << "the signature and the times passed";
  std::string bad = token;
  bad.back() = 'g';
  EXPECT_NE(verifyToken(bad, {{"joe", *key}}, 1300819370).error(), good.error());
}

struct Case {
  const char* what;
  json::object header;
  const char* claims;
  std::string secret;
  const char* error;  // nullptr: accepted
};

TEST(Jwt, table_of_tokens) {
  const json::object a{{"alg", "HS256"}, {"kid", "a"}};
  const Case cases[] = {
      {"1 good", a, kGood, kSecret, nullptr},
      {"2 wrong key", a, kGood, kOther, "the signature is wrong"},
      {"3 unknown key", {{"alg", "HS256"}, {"kid", "c"}}, kGood, kSecret, "the key is not known"},
      {"4 no kid, issuer names the key",
       {{"alg", "HS256"}},
       R"({"iss": "a", "exp": 1700000060, "room": {"name": "*"}})",
       kSecret,
       nullptr},
      {"5 neither kid nor issuer", {{"alg", "HS256"}}, kGood, kSecret, "neither kid nor iss names a key"},
      {"6 alg none", {{"alg", "none"}, {"kid", "a"}}, kGood, "", "only HS256 is accepted"},
      {"7 alg None", {{"alg", "None"}, {"kid", "a"}}, kGood, kSecret, "only HS256 is accepted"},
      {"8 alg RS256", {{"alg", "RS256"}, {"kid", "a"}}, kGood, kSecret, "only HS256 is accepted"},
      {"9 no alg", {{"kid", "a"}}, kGood, kSecret, "only HS256 is accepted"},
      {"10 alg not a string", {{"alg", 1}, {"kid", "a"}}, kGood, kSecret, "only HS256 is accepted"},
      {"11 crit",
       {{"alg", "HS256"}, {"kid", "a"}, {"crit", json::array{"x"}}},
       kGood,
       kSecret,
       "critical extensions are not understood"},
      {"12 no exp", a, R"({"room": {"name": "x"}})", kSecret, "exp is required"},
      {"13 exp a text", a, R"({"exp": "1700000060", "room": {"name": "x"}})", kSecret, "exp is not a number"},
      {"14 expired", a, R"({"exp": 1699999990, "room": {"name": "x"}})", kSecret, "the token has expired"},
      {"15 expired within the leeway", a, R"({"exp": 1699999997, "room": {"name": "x"}})", kSecret, nullptr},
      {"16 expires now less the leeway", a, R"({"exp": 1699999995, "room": {"name": "x"}})", kSecret,
       "the token has expired"},
      {"17 exp with a fraction", a, R"({"exp": 1700000060.5, "room": {"name": "x"}})", kSecret, nullptr},
      {"18 not yet", a, R"({"exp": 1700000060, "nbf": 1700000030, "room": {"name": "x"}})", kSecret,
       "the token is not valid yet"},
      {"19 nbf within the leeway", a, R"({"exp": 1700000060, "nbf": 1700000004, "room": {"name": "x"}})", kSecret,
       nullptr},
      {"20 nbf an object", a, R"({"exp": 1700000060, "nbf": {}, "room": {"name": "x"}})", kSecret,
       "nbf is not a number"},
      {"21 no room", a, R"({"exp": 1700000060})", kSecret, "the claim \"room\" is missing or not an object"},
      {"22 room a text", a, R"({"exp": 1700000060, "room": "x"})", kSecret,
       "the claim \"room\" is missing or not an object"},
      {"23 room without name", a, R"({"exp": 1700000060, "room": {"join": true}})", kSecret,
       "room.name is neither a room name nor \"*\""},
      {"24 room name with a slash", a, R"({"exp": 1700000060, "room": {"name": "a/b"}})", kSecret,
       "room.name is neither a room name nor \"*\""},
      {"25 right not a flag", a, R"({"exp": 1700000060, "room": {"name": "x", "admin": 1}})", kSecret,
       "room.admin is not true or false"},
      {"26 sub a number", a, R"({"exp": 1700000060, "sub": 7, "room": {"name": "x"}})", kSecret,
       "sub or name is not a string"},
      {"27 name with a line break", a, R"({"exp": 1700000060, "name": "a\nb", "room": {"name": "x"}})", kSecret,
       "name is longer than 64 characters or has control characters"},
      {"28 kid a number", {{"alg", "HS256"}, {"kid", 1}}, kGood, kSecret, "kid or iss is not a string"},
      {"29 the other key's secret under this kid",
       {{"alg", "HS256"}, {"kid", "b"}},
       kGood,
       kSecret,
       "the signature is wrong"},
  };
  for (const Case& c : cases) {
    const auto token = verifyToken(signToken(c.header, claims(c.claims), c.secret), kKeys, kNow);
    if (c.error == nullptr) {
      EXPECT_TRUE(token) << c.what << ": " << token.error();
    } else {
      ASSERT_FALSE(token) << c.what;
      EXPECT_EQ(token.error(), c.error) << c.what;
    }
  }
}

TEST(Jwt, table_of_texts_that_are_no_tokens) {
  const std::string good = signToken({{"alg", "HS256"}, {"kid", "a"}}, claims(kGood), kSecret);
  const size_t first = good.find('.'), second = good.rfind('.');
  const std::string cases[] = {"",
                               ".",
                               "..",
                               "a.b",
                               "a.b.c.d",
                               good + ".",
                               good + "=",
                               good.substr(0, second),
                               good.substr(0, second + 1),
                               good.substr(first),
                               "e30." + good.substr(first + 1),
                               good.substr(0, first + 1) + "e30" + good.substr(second),
                               good.substr(0, first + 1) + "bnVsbA" + good.substr(second),
                               std::string(5000, 'a') + "." + good};
  for (const std::string& text : cases) EXPECT_FALSE(verifyToken(text, kKeys, kNow)) << text;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] = flipped[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifyToken(flipped, kKeys, kNow)) << "byte " << i;
  }
  EXPECT_TRUE(verifyToken(good, kKeys, kNow));
}

TEST(Jwt, a_single_key_needs_no_name) {
  EXPECT_TRUE(verifyToken(signToken({{"alg", "HS256"}}, claims(kGood), kSecret), {{"only", kSecret}}, kNow));
  EXPECT_FALSE(verifyToken(signToken({{"alg", "HS256"}}, claims(kGood), kOther), {{"only", kSecret}}, kNow));
}

}  // namespace
}  // namespace penstock
