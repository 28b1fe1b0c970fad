// Least squares with coefficients that cannot be negative: a packet never gives cycles back.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace penstock::bench {

inline constexpr size_t kTerms = 3;
using Terms = std::array<double, kTerms>;

struct Observation {
  Terms terms;
  double value;  // above 0
};

/// Coefficients that make the sum of squared relative errors smallest. With fewer observations than terms, the terms
/// that explain most. All zero without observations.
Terms fitNonNegative(std::span<const Observation> observations);

inline double predict(const Terms& coefficients, const Terms& terms) {
  double sum = 0;
  for (size_t i = 0; i < kTerms; ++i) sum += coefficients[i] * terms[i];
  return sum;
}

}  // namespace penstock::bench
