// Text on the wire: percent, base64url, times, names; and the target of a request.
#include "control/api/encoding.h"

#include <gtest/gtest.h>

#include "control/api/http_message.h"
#include "control/api/webhook.h"

namespace penstock {
namespace {

TEST(Encoding, percent_decoding_takes_pairs_of_hexadecimal_digits_only) {
  EXPECT_EQ(percentDecode("a%20b+c", PlusSign::kLiteral), "a b+c");
  EXPECT_EQ(percentDecode("a%20b+c", PlusSign::kSpace), "a b c");
  EXPECT_EQ(percentDecode("%C3%a9", PlusSign::kLiteral), "\xc3\xa9");
  for (const char* bad : {"%", "%4", "a%4", "%zz", "%4g", "100%"}) {
    EXPECT_EQ(percentDecode(bad, PlusSign::kLiteral), std::nullopt) << bad;
  }
}

TEST(Encoding, base64url_is_that_of_rfc_4648_section_10_without_padding) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(base64UrlEncode(bytes), text);
    EXPECT_EQ(base64UrlDecode(text), bytes);
  }
  for (const char* bad : {"Zg==", "Z", "Zm9vY", "Zm+v", "Zm/v", "Zh", "Zm9", "Zm 9v"}) {
    EXPECT_EQ(base64UrlDecode(bad), std::nullopt) << bad;
  }
}

TEST(Encoding, base64_is_that_of_rfc_4648_section_10_with_or_without_its_padding) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},      {"f", "Zg=="},   {"f", "Zg"},          {"fo", "Zm8="},
      {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xfb\xff", "+/8="}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(base64Decode(text), bytes) << text;
  for (const char* bad :
       {"Zg=", "Zg===", "Zm8==", "Zm9v=", "Zm9v====", "-_8=", "Z", "=", "==", "====", "Zh==", "Zm 8="}) {
    EXPECT_EQ(base64Decode(bad), std::nullopt) << bad;
  }
}

TEST(Encoding, times_are_written_in_utc_with_milliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1'709'210'096'007), "2024-02-29T12:34:56.007Z");
}

TEST(Encoding, room_names_are_path_segments) {
  for (const char* good : {"a", "A-Z_0.9", "..."}) EXPECT_TRUE(isRoomName(good)) << good;
  EXPECT_TRUE(isRoomName(std::string(64, 'x')));
  for (const char* bad : {"", ".", "..", "a b", "a/b", "\xc3\xa9", "a%", "a\n"}) EXPECT_FALSE(isRoomName(bad)) << bad;
  EXPECT_FALSE(isRoomName(std::string(65, 'x')));
}

TEST(Encoding, display_names_are_utf8_without_control_characters) {
  std::string accents;
  for (int i = 0; i < 64; ++i) accents += "\xc3\xa9";
  for (const std::string& good : {std::string(), std::string("Room host"), accents, std::string("\xf0\x9f\x90\xa7")}) {
    EXPECT_TRUE(isDisplayName(good)) << good;
  }
  for (const std::string& bad :
       {accents + "x", std::string("a\nb"), std::string("a\x7f"), std::string("\xc2\x85"), std::string("\xff"),
        std::string("\xc3"), std::string("\xe0\x80\x80"), std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80"),
        std::string("\xc0\xaf"), std::string(1, '\0')}) {
    EXPECT_FALSE(isDisplayName(bad)) << bad;
  }
}

TEST(Encoding, media_types_lose_their_parameters) {
  EXPECT_EQ(mediaType("Application/JSON; charset=utf-8"), "application/json");
  EXPECT_EQ(mediaType(" application/sdp "), "application/sdp");
  EXPECT_EQ(mediaType(""), "");
}

TEST(RequestTarget, table_of_targets) {
  struct {
    const char* target;
    bool good;
    std::vector<std::string> segments;
  } const cases[] = {
      {"/", true, {}},
      {"/v1/rooms", true, {"v1", "rooms"}},
      {"/v1/rooms/", true, {"v1", "rooms"}},
      {"/a%20b/c%2Fd", true, {"a b", "c/d"}},
      {"/a?x=1", true, {"a"}},
      {"/?", true, {}},
      {"", false, {}},
      {"*", false, {}},
      {"http://elsewhere/", false, {}},
      {"/a//b", false, {}},
      {"//", false, {}},
      {"/..", false, {}},
      {"/a/../b", false, {}},
      {"/a/%2e%2E/b", false, {}},
      {"/./a", false, {}},
      {"/a%00b", false, {}},
      {"/a%", false, {}},
      {"/a?x=%", false, {}},
  };
  for (const auto& c : cases) {
    Request request;
    request.target = c.target;
    EXPECT_EQ(request.splitTarget(), c.good) << c.target;
    if (!c.good) continue;
    EXPECT_EQ(request.segments, c.segments) << c.target;
  }
}

TEST(RequestTarget, the_query_is_decoded_and_its_first_value_counts) {
  Request request;
  request.target = "/a?name=Ada+L%C3%B3ve&x&y=&name=other&&z=1=2";
  ASSERT_TRUE(request.splitTarget());
  EXPECT_EQ(request.parameter("name"), "Ada L\xc3\xb3ve");
  EXPECT_EQ(request.parameter("x"), "");
  EXPECT_EQ(request.parameter("z"), "1=2");
  EXPECT_EQ(request.parameter("absent"), "");
}

TEST(WebhookUrl, only_http_with_a_host) {
  const auto plain = parseWebhookUrl("http://hooks.internal/rooms?x=1");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "hooks.internal");
  EXPECT_EQ(plain->port, "80");
  EXPECT_EQ(plain->path, "/rooms?x=1");
  const auto v6 = parseWebhookUrl("http://[2001:db8::1]:8081");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "2001:db8::1");
  EXPECT_EQ(v6->port, "8081");
  EXPECT_EQ(v6->authority, "[2001:db8::1]:8081");
  EXPECT_EQ(v6->path, "/");
  for (const char* bad :
       {"", "hooks", "https://a/", "ftp://a/", "http://", "http:///x", "http://u:p@a/", "http://a b/"}) {
    EXPECT_FALSE(parseWebhookUrl(bad)) << bad;
  }
}

}  // namespace
}  // namespace penstock
