// The files in config/ and the table of options agree, both ways.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/option.h"
#include "config/print.h"
#include "daemon/exit_codes.h"
#include "tests/config/support.h"

namespace penstock {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(Reference, is_what_the_table_says) {
  EXPECT_EQ(contents(PENSTOCK_SOURCE "/config/penstock.conf"), printReference())
      << "after a change of the table: penstockd --print-reference > config/penstock.conf";
}

TEST(Reference, read_with_its_comment_marks_taken_away_gives_the_defaults) {
  std::istringstream in(contents(PENSTOCK_SOURCE "/config/penstock.conf"));
  std::string uncommented;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("[") || (line.starts_with("#") && !line.starts_with("# ") && line != "#"))
      uncommented += (line.starts_with("#") ? line.substr(1) : line) + "\n";
  const auto settings = test::read({.file = uncommented});
  ASSERT_TRUE(settings.has_value()) << settings.error().text;
  EXPECT_EQ(printConfig(settings->config, true), printConfig(Config{}, true));
  for (const Option& option : optionTable()) EXPECT_NE(uncommented.find("\n" + option.key + " ="), std::string::npos);
}

TEST(Reference, as_it_is_changes_nothing) {
  const auto settings = test::read({.file = contents(PENSTOCK_SOURCE "/config/penstock.conf")});
  ASSERT_TRUE(settings.has_value()) << settings.error().text;
  EXPECT_EQ(printConfig(settings->config, true), printConfig(Config{}, true));
}

TEST(Reference, lab_conf_is_a_whole_relay) {
  const auto settings = test::read({.file = contents(PENSTOCK_SOURCE "/config/lab.conf")}, ProgramText{}.needs);
  ASSERT_TRUE(settings.has_value()) << settings.error().text;
  EXPECT_EQ(settings->config.media.address, (std::vector<std::string>{"198.18.0.1/24", "2001:db8:18::1/64"}));
}

TEST(Reference, every_option_says_why_it_is_there_and_what_is_allowed) {
  for (const Option& option : optionTable()) {
    EXPECT_GT(option.reason.size(), 20U) << option.name();
    EXPECT_TRUE(option.reason.ends_with(".")) << option.name();
    EXPECT_FALSE(option.allowed.empty()) << option.name();
    Config config;
    std::string wrong;
    EXPECT_TRUE(option.set(config, option.get(config), wrong)) << option.name() << " refuses its own default";
  }
}

TEST(Help, names_every_option_and_every_exit_code) {
  const auto help = test::read({.arguments = {"--help"}});
  ASSERT_FALSE(help.has_value());
  EXPECT_EQ(help.error().code, kExitOk);
  for (const Option& option : optionTable())
    EXPECT_NE(help.error().text.find("--" + option.name()), std::string::npos) << option.name();
  for (const int code : {kExitOk, kExitFailure, kExitRegion, kExitPort, kExitUnavailable, kExitMemory, kExitBusy,
                         kExitRights, kExitConfig})
    EXPECT_NE(help.error().text.find(" " + std::to_string(code) + " "), std::string::npos) << code;
}

}  // namespace
}  // namespace penstock
