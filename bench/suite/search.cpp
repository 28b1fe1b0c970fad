#include "bench/suite/search.h"

#include <algorithm>

namespace penstock::bench {

namespace {

bool passes(const Outcome& outcome, double loss_max) {
  return outcome.sound && outcome.kept_up && !outcome.limited && outcome.loss_ratio <= loss_max;
}

constexpr double kRateMin = 1;

}  // namespace

RateSearch::Verdict RateSearch::verdict(double rate, double loss_max) const {
  int passed = 0, failed = 0;
  for (const Outcome& outcome : outcomes_) {
    if (outcome.rate == rate) ++(passes(outcome, loss_max) ? passed : failed);
  }
  if (failed >= 2) return Verdict::kFailed;
  if (failed == 1) return passed >= 2 ? Verdict::kPassed : Verdict::kUndecided;
  return passed > 0 ? Verdict::kPassed : Verdict::kUntried;
}

RateSearch::Bounds RateSearch::bounds(double loss_max) const {
  Bounds bounds;
  for (const Outcome& outcome : outcomes_) {
    const Verdict found = verdict(outcome.rate, loss_max);
    if (found == Verdict::kFailed && outcome.rate < bounds.failed.value_or(outcome.rate + 1)) {
      bounds.failed = outcome.rate;
    }
  }
  for (const Outcome& outcome : outcomes_) {
    if (bounds.failed && outcome.rate >= *bounds.failed) continue;
    const Verdict found = verdict(outcome.rate, loss_max);
    if (found == Verdict::kPassed) bounds.passed = std::max(bounds.passed, outcome.rate);
    if (found == Verdict::kUndecided) bounds.undecided = outcome.rate;
  }
  // Below what passed there is nothing left to decide.
  if (bounds.undecided && *bounds.undecided < bounds.passed) bounds.undecided.reset();
  return bounds;
}

std::optional<double> RateSearch::next(double loss_max) const {
  const Bounds known = bounds(loss_max);
  if (known.undecided) return known.undecided;
  if (!known.failed) {
    if (known.passed == 0) return std::min(settings_.first, settings_.max);
    if (known.passed >= settings_.max) return std::nullopt;
    return std::min(known.passed * settings_.growth, settings_.max);
  }
  if (known.passed == 0) {
    if (*known.failed <= kRateMin) return std::nullopt;
    return std::max(*known.failed / settings_.growth, kRateMin);
  }
  if (*known.failed - known.passed <= settings_.precision * *known.failed) return std::nullopt;
  return (known.passed + *known.failed) / 2;
}

double RateSearch::found(double loss_max) const {
  return bounds(loss_max).passed;
}

bool RateSearch::limited(double loss_max) const {
  const Bounds known = bounds(loss_max);
  if (!known.failed) return known.passed > 0;
  return std::ranges::any_of(outcomes_, [&](const Outcome& outcome) {
    return outcome.rate == *known.failed && outcome.limited && outcome.loss_ratio <= loss_max;
  });
}

}  // namespace penstock::bench
