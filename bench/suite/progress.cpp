#include "bench/suite/progress.h"

#include <unistd.h>

#include <algorithm>

namespace penstock::bench {

namespace {

constexpr size_t kBarWidth = 24;

}  // namespace

Progress::Progress(size_t cases, size_t steps)
    : cases_(std::max<size_t>(cases, 1)), steps_(std::max<size_t>(steps, 1)), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::begin(const std::string& name) {
  if (started_) ++case_;
  started_ = true;
  step_ = 0;
  name_ = name;
  show("starts");
}

void Progress::step(const std::string& what) {
  step_ = std::min(step_ + 1, steps_);  // a search may take longer than was thought; the bar waits for it
  show(what);
}

void Progress::end() {
  if (terminal_) std::fprintf(stderr, "\r\033[K");
}

std::string Progress::bar(double share, size_t width) {
  const auto full = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width) + 0.5);
  std::string text(width + 2, '-');
  text.front() = '[';
  text.back() = ']';
  std::fill_n(text.begin() + 1, full, '#');
  return text;
}

void Progress::show(const std::string& what) const {
  const double share = (static_cast<double>(case_) + static_cast<double>(step_) / static_cast<double>(steps_)) /
                       static_cast<double>(cases_);
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s %3.0f %%  %s: %s", bar(share, kBarWidth).c_str(), share * 100, name_.c_str(),
                 what.c_str());
  } else {
    std::fprintf(stderr, "%3.0f %%  %s: %s\n", share * 100, name_.c_str(), what.c_str());
  }
  std::fflush(stderr);
}

}  // namespace penstock::bench
