// Plots as inline SVG: bars with whiskers, and lines. No script, no colour that carries meaning alone: lines differ by
// dashes and are labelled, so that a page on grey paper still tells them apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::bench {

/// For HTML text and attributes.
std::string escaped(std::string_view text);

/// "1.25 M", "630 k", "12.5".
std::string shortNumber(double number);

struct Bar {
  std::string label;
  double value = 0;
  double low = 0, high = 0;    // of repeats; both 0: no whisker
  std::optional<double> mark;  // a line across: what it is compared with
  std::string note;            // at the end of the bar
};
/// Horizontal; the scale begins at 0.
std::string barChart(const std::vector<Bar>& bars, const std::string& unit, const std::string& mark_means = "");

struct Line {
  std::string label;
  std::vector<std::pair<double, double>> points;
};
struct Axis {
  std::string name;
  bool logarithmic = false;
  /// Where to draw grid lines, with their words; empty: chosen by itself.
  std::vector<std::pair<double, std::string>> ticks;
};
std::string lineChart(const std::vector<Line>& lines, const Axis& x, const Axis& y);

/// Round steps that cover 0 to `max`: at most eight.
std::vector<double> linearTicks(double max);

}  // namespace penstock::bench
