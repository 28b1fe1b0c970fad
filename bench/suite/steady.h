// When a figure that was sampled in equal slices came to rest after a change.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "bench/suite/statistics.h"

namespace penstock::bench {

/// The first of `values` from which `window` slices in a row stay, on average, within `tolerance` of the level at the
/// end (the median of the last third), and no later window leaves it. Nothing if it never comes to rest.
inline std::optional<size_t> steadyFrom(std::span<const double> values, double tolerance, size_t window) {
  if (values.size() < 3 * window || window == 0) return std::nullopt;
  const size_t third = values.size() / 3;
  const double level = spreadOf({values.end() - static_cast<ptrdiff_t>(third), values.end()}).median;
  const double margin = std::max(std::abs(level) * tolerance, 1e-9);
  double sum = 0;
  for (size_t i = values.size() - window; i < values.size(); ++i) sum += values[i];
  std::optional<size_t> steady;
  for (size_t first = values.size() - window;; --first) {
    if (std::abs(sum / static_cast<double>(window) - level) > margin) break;
    steady = first;
    if (first == 0) break;
    sum += values[first - 1] - values[first + window - 1];
  }
  return steady;
}

}  // namespace penstock::bench
