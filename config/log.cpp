// See log.h.
#include "config/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace penstock {

namespace {

/// The message with what JSON wants escaped (RFC 8259 section 7).
class JsonMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    for (const char c : message.payload) {
      if (c == '"' || c == '\\') out.push_back('\\');
      if (static_cast<unsigned char>(c) < 0x20)
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
      else
        out.push_back(c);
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

/// The priority of sd-daemon(3), by which the journal files a line.
class JournalPriority : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    static constexpr char kPriority[] = {'7', '7', '6', '4', '3', '2', '2'};
    out.push_back(kPriority[std::clamp<int>(message.level, 0, 6)]);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JournalPriority>(); }
};

}  // namespace

void setUpLog(const LogConfig& config, const std::string& program) {
  // systemd.exec(5): JOURNAL_STREAM is set when stderr is the journal, which adds time and name itself.
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  auto logger = journal || config.format == LogFormat::kJson ? spdlog::stderr_logger_mt(program)
                                                             : spdlog::stderr_color_mt(program);
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JsonMessage>('*').add_flag<JournalPriority>('Q');
  if (config.format == LogFormat::kJson)
    formatter->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"%n","message":"%*"})");
  else if (journal)
    formatter->set_pattern("<%Q>%v");
  else
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %n: %v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::from_str(config.level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
}

LogLimiter::LogLimiter(uint32_t burst, uint32_t per_minute)
    : token_interval_ns_(60'000'000'000 / std::max(per_minute, 1U)),
      credit_ns_(burst * token_interval_ns_),
      credit_max_ns_(credit_ns_) {}

bool LogLimiter::allow(uint64_t now_ns, uint64_t& suppressed) {
  const std::lock_guard lock(mutex_);
  if (last_ns_ != 0 && now_ns > last_ns_) credit_ns_ = std::min(credit_max_ns_, credit_ns_ + (now_ns - last_ns_));
  last_ns_ = std::max(last_ns_, now_ns);
  if (credit_ns_ < token_interval_ns_) {
    ++suppressed_;
    return false;
  }
  credit_ns_ -= token_interval_ns_;
  suppressed = suppressed_;
  suppressed_ = 0;
  return true;
}

}  // namespace penstock
