// Where a setting comes from, and how it looks when it is printed again.
#include <gtest/gtest.h>

#include "daemon/exit_codes.h"
#include "tests/config/support.h"

namespace penstock {
namespace {

constexpr char kFile[] = "[media]\nport = 1\naddress = 198.18.0.1/24\naddress = 198.18.0.2/24\n";
const std::pair<std::string, std::string> kEnvironmentPort = {"PENSTOCK_MEDIA_PORT", "2"};

TEST(Precedence, defaults_then_file_then_environment_then_command_line) {
  EXPECT_EQ(test::read({})->config.media.port, 10'000);
  EXPECT_EQ(test::read({.file = kFile})->config.media.port, 1);
  EXPECT_EQ(test::read({.file = kFile, .environment = {kEnvironmentPort}})->config.media.port, 2);
  EXPECT_EQ(test::read({.file = kFile, .environment = {kEnvironmentPort}, .arguments = {"--media.port", "3"}})
                ->config.media.port,
            3);
  EXPECT_EQ(test::read({.file = kFile, .arguments = {"--media.port=3"}})->config.media.port, 3);
}

TEST(Precedence, a_list_replaces_the_list_of_a_weaker_source) {
  using List = std::vector<std::string>;
  EXPECT_EQ(test::read({.file = kFile})->config.media.address, (List{"198.18.0.1/24", "198.18.0.2/24"}));
  EXPECT_EQ(test::read({.file = kFile, .environment = {{"PENSTOCK_MEDIA_ADDRESS", "198.18.0.3/24 198.18.0.4/24"}}})
                ->config.media.address,
            (List{"198.18.0.3/24", "198.18.0.4/24"}));
  EXPECT_EQ(
      test::read({.file = kFile, .arguments = {"--media.address", "198.18.0.5/24", "--media.address", "198.18.0.6/24"}})
          ->config.media.address,
      (List{"198.18.0.5/24", "198.18.0.6/24"}));
  EXPECT_EQ(test::read({.file = kFile, .environment = {{"PENSTOCK_MEDIA_ADDRESS", ""}}})->config.media.address, List{});
}

TEST(Precedence, a_mistake_counts_even_where_a_stronger_source_replaces_it) {
  const auto settings = test::read({.file = "[media]\nport = x\n", .arguments = {"--media.port", "3"}});
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().text, "FILE:2: media.port = x: not allowed; allowed: 1 to 65535\n");
}

TEST(File, may_have_comments_spaces_and_sections_in_any_order) {
  const auto settings =
      test::read({.file = "  # comment\n[log]\r\nlevel=debug  # why\n\n[ media ]\n\tport =\t7 \n[log]\n"
                          "format = json\n"});
  ASSERT_TRUE(settings.has_value()) << settings.error().text;
  EXPECT_EQ(settings->config.log.level, "debug");
  EXPECT_EQ(settings->config.log.format, LogFormat::kJson);
  EXPECT_EQ(settings->config.media.port, 7);
  EXPECT_EQ(settings->file, "FILE");
}

TEST(Environment, names_that_are_not_ours_are_left_alone_with_a_warning) {
  const auto settings = test::read({.environment = {{"PENSTOCK_SERVICE_HOST", "x"}, {"PENSTOC_MEDIA_PORT", "x"}}});
  ASSERT_TRUE(settings.has_value()) << settings.error().text;
  ASSERT_EQ(settings->warnings.size(), 1U);
  EXPECT_EQ(settings->warnings[0], "environment: PENSTOCK_SERVICE_HOST: not an option, ignored");
}

TEST(PrintConfig, can_be_read_again_and_says_the_same) {
  const std::string secret(40, 's');
  const auto first = test::read({.file = "[media]\naddress = 198.18.0.1/24 2001:db8::1/64\nvlan = 7\n"
                                         "[dataplane]\ndevice = net_tap0,iface=a\nhugepages = off\nidle = poll\n"
                                         "[srtp]\nbackend = libsrtp\n"
                                         "[http]\nlisten = 0.0.0.0:80 [::1]:81\n[auth]\nkey = a:" +
                                         secret + " b:" + secret +
                                         "\n[rooms]\ncreate-on-join = no\n"
                                         "[webhook]\nurl = http://198.18.0.9/x?y=1\nsecret = s3cret\n"
                                         "[log]\nlevel = warning\nformat = json\n"});
  ASSERT_TRUE(first.has_value()) << first.error().text;
  const std::string text = printConfig(first->config, true);
  const auto second = test::read({.file = text});
  ASSERT_TRUE(second.has_value()) << second.error().text;
  EXPECT_EQ(printConfig(second->config, true), text);
  EXPECT_EQ(second->config.auth.key.size(), 2U);
  EXPECT_EQ(second->config.media.vlan, 7);
  EXPECT_EQ(second->config.srtp.backend, SrtpBackend::kLibsrtp);
  EXPECT_FALSE(second->config.rooms.create_on_join);
}

TEST(PrintConfig, hides_secrets_unless_asked) {
  const std::string secret = "0123456789abcdef0123456789abcdef";
  test::Sources sources = {.file = "[auth]\nkey = a:" + secret + "\n[webhook]\nurl = http://x\nsecret = hush\n",
                           .arguments = {"--print-config"}};
  auto print = test::read(sources);
  ASSERT_FALSE(print.has_value());
  EXPECT_EQ(print.error().code, kExitOk);
  EXPECT_EQ(print.error().text.find(secret), std::string::npos);
  EXPECT_EQ(print.error().text.find("hush"), std::string::npos);
  EXPECT_TRUE(test::read({.file = print.error().text}).has_value());
  sources.arguments.push_back("--with-secrets");
  print = test::read(sources);
  EXPECT_NE(print.error().text.find("key = a:" + secret), std::string::npos);
  EXPECT_NE(print.error().text.find("secret = hush"), std::string::npos);
}

TEST(CheckConfig, says_that_all_is_well_and_warns) {
  const std::string key = "a:" + std::string(32, 's');
  const auto check =
      test::read({.file = "[http]\nlisten = 0.0.0.0:80\n[auth]\nkey = " + key + "\n", .arguments = {"--check-config"}});
  ASSERT_FALSE(check.has_value());
  EXPECT_EQ(check.error().code, kExitOk);
  EXPECT_EQ(check.error().text,
            "http.listen: 0.0.0.0:80 is reached without TLS: tokens cross the network in the clear unless a proxy in "
            "front adds TLS\nFILE: the settings are sound\n");
}

TEST(Version, is_the_programs_name_and_number) {
  const auto version = test::read({.file = "nonsense", .arguments = {"--version"}});
  ASSERT_FALSE(version.has_value());
  EXPECT_EQ(version.error().code, kExitOk);
  EXPECT_TRUE(version.error().text.starts_with("penstock-test ")) << version.error().text;
}

}  // namespace
}  // namespace penstock
