// Repeats of a measurement as three numbers.
#pragma once

#include <algorithm>
#include <vector>

namespace penstock::bench {

struct Spread {
  double median = 0, min = 0, max = 0;
};

/// Of an even number the mean of the middle two. All zero if there are none.
inline Spread spreadOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

}  // namespace penstock::bench
