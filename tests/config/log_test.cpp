// What packets cause never floods the log, and a line of JSON is one whatever it says.
#include "config/log.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>

namespace penstock {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(LogLimiter, lets_a_burst_through_and_then_its_rate) {
  const struct {
    int number;
    uint64_t now_s;
    bool allowed;
    uint64_t suppressed;
  } cases[] = {
      {1, 100, true, 0},  {2, 100, true, 0},  {3, 100, true, 0},   {4, 100, false, 0}, {5, 105, false, 0},
      {6, 106, true, 2},  {7, 106, false, 0}, {8, 112, true, 1},   {9, 112, false, 0}, {10, 200, true, 1},
      {11, 200, true, 0}, {12, 200, true, 0}, {13, 200, false, 0},
  };
  LogLimiter limiter(3, 10);
  for (const auto& c : cases) {
    uint64_t suppressed = 0;
    EXPECT_EQ(limiter.allow(c.now_s * kSecond, suppressed), c.allowed) << "case " << c.number;
    EXPECT_EQ(suppressed, c.suppressed) << "case " << c.number;
  }
}

TEST(LogLimiter, takes_no_harm_from_a_clock_that_steps_back) {
  LogLimiter limiter(1, 1);
  uint64_t suppressed = 0;
  EXPECT_TRUE(limiter.allow(1000 * kSecond, suppressed));
  EXPECT_FALSE(limiter.allow(1 * kSecond, suppressed));
  EXPECT_FALSE(limiter.allow(1059 * kSecond, suppressed));
  EXPECT_TRUE(limiter.allow(1060 * kSecond, suppressed));
}

TEST(JsonLog, escapes_what_json_wants_escaped) {
  setUpLog({.level = "info", .format = LogFormat::kJson}, "test");
  testing::internal::CaptureStderr();
  spdlog::debug("below the level");
  spdlog::warn("a \"quoted\" \\ name\nwith a second line\x01");
  const std::string text = testing::internal::GetCapturedStderr();
  ASSERT_EQ(text.find('\n'), text.size() - 1) << text;
  const boost::json::object line = boost::json::parse(text).as_object();
  EXPECT_EQ(line.at("message"), "a \"quoted\" \\ name\nwith a second line\x01");
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("program"), "test");
}

}  // namespace
}  // namespace penstock
