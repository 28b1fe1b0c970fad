#include "dataplane/port/eal_log.h"

#include <rte_log.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace penstock {
namespace {

// Complaints of drivers that are true and do not matter: traffic control for rte_flow, and processes we do not have.
constexpr std::string_view kHarmless[] = {"qdisc", "rte flow support", "secondary", "mp action callback",
                                          "bpffs", "dispatcher"};

bool isComplaint(int level, std::string_view line) {
  // Drivers merely warn of a missing right, and then complain of what follows from it.
  const bool rights = line.find("not permitted") != std::string_view::npos;
  if (level > static_cast<int>(rights ? RTE_LOG_WARNING : RTE_LOG_ERR)) return false;
  for (std::string_view word : kHarmless) {
    if (line.find(word) != std::string_view::npos) return false;
  }
  // "Bus (vdev) probe failed." follows the line that says why.
  return line.find("probe failed") == std::string_view::npos &&
         line.find("failed to initialize") == std::string_view::npos;
}

}  // namespace

EalLog::EalLog() {
  stream_ = fopencookie(this, "w", {.read = nullptr, .write = &EalLog::write, .seek = nullptr, .close = nullptr});
  if (stream_ == nullptr) return;
  setvbuf(stream_, nullptr, _IOLBF, 1024);
  rte_openlog_stream(stream_);
}

EalLog::~EalLog() {
  rte_openlog_stream(nullptr);
  if (stream_ != nullptr) fclose(stream_);
}

std::string EalLog::complaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

void EalLog::forget() {
  const std::lock_guard lock(mutex_);
  complaint_.clear();
}

ssize_t EalLog::write(void* self, const char* bytes, size_t size) {
  auto* log = static_cast<EalLog*>(self);
  const std::lock_guard lock(log->mutex_);
  log->partial_.append(bytes, size);
  for (size_t end; (end = log->partial_.find('\n')) != std::string::npos;) {
    log->take(log->partial_.substr(0, end));
    log->partial_.erase(0, end + 1);
  }
  return static_cast<ssize_t>(size);
}

void EalLog::take(std::string line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.empty()) return;
  if (complaint_.empty() && isComplaint(rte_log_cur_msg_loglevel(), line)) complaint_ = line;
  spdlog::debug("dpdk: {}", line);
}

}  // namespace penstock
