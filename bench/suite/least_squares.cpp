// Three terms have eight subsets: each is solved, and the best without a negative coefficient wins. That is exact, and
// shorter than an active-set method.
#include "bench/suite/least_squares.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::bench {

namespace {

/// Normal equations of the chosen columns by Gauss's elimination. Nothing if they depend on each other.
std::optional<Terms> solve(std::span<const Observation> rows, unsigned chosen) {
  std::vector<size_t> columns;
  for (size_t i = 0; i < kTerms; ++i) {
    if (chosen >> i & 1) columns.push_back(i);
  }
  const size_t n = columns.size();
  std::array<std::array<double, kTerms + 1>, kTerms> m{};
  for (const Observation& row : rows) {
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) m[i][j] += row.terms[columns[i]] * row.terms[columns[j]];
      m[i][n] += row.terms[columns[i]] * row.value;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < n; ++r) {
      if (std::abs(m[r][i]) > std::abs(m[pivot][i])) pivot = r;
    }
    std::swap(m[i], m[pivot]);
    if (std::abs(m[i][i]) < 1e-12) return std::nullopt;
    for (size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = m[r][i] / m[i][i];
      for (size_t c = i; c <= n; ++c) m[r][c] -= factor * m[i][c];
    }
  }
  Terms coefficients{};
  for (size_t i = 0; i < n; ++i) coefficients[columns[i]] = m[i][n] / m[i][i];
  return coefficients;
}

}  // namespace

Terms fitNonNegative(std::span<const Observation> observations) {
  // Relative errors: each row is divided by its value. Columns are brought to one scale, so that pivots compare.
  Terms scale{};
  std::vector<Observation> rows;
  for (const Observation& observation : observations) {
    Observation row{.terms = {}, .value = 1};
    for (size_t i = 0; i < kTerms; ++i) {
      row.terms[i] = observation.terms[i] / observation.value;
      scale[i] = std::max(scale[i], std::abs(row.terms[i]));
    }
    rows.push_back(row);
  }
  for (Observation& row : rows) {
    for (size_t i = 0; i < kTerms; ++i) row.terms[i] = scale[i] > 0 ? row.terms[i] / scale[i] : 0;
  }
  Terms best{};
  double least = std::numeric_limits<double>::infinity();
  for (unsigned chosen = 1; chosen < 1u << kTerms; ++chosen) {
    if (static_cast<size_t>(std::popcount(chosen)) > rows.size()) continue;
    const auto coefficients = solve(rows, chosen);
    if (!coefficients || std::ranges::any_of(*coefficients, [](double c) { return c < 0; })) continue;
    double error = 0;
    for (const Observation& row : rows) error += std::pow(predict(*coefficients, row.terms) - 1, 2);
    if (error < least - 1e-12) {
      least = error;
      best = *coefficients;
    }
  }
  for (size_t i = 0; i < kTerms; ++i) best[i] = scale[i] > 0 ? best[i] / scale[i] : 0;
  return best;
}

}  // namespace penstock::bench
