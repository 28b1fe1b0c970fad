#include "bench/suite/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <sstream>

namespace penstock::bench {

namespace {

constexpr double kWidth = 760;
// Okabe and Ito's colours, told apart by all eyes; dark enough for grey paper.
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#444444", "#56b4e9", "#e69f00"};
constexpr std::array kDashes = {"", "7 3", "2 3", "9 3 2 3", "4 2", "1 2", "12 4"};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  return text;
}

void addText(std::ostringstream& svg, double x, double y, const char* anchor, const std::string& words) {
  svg << "<text x='" << number(x) << "' y='" << number(y) << "' text-anchor='" << anchor << "'>" << escaped(words)
      << "</text>";
}

void addLine(std::ostringstream& svg, double x1, double y1, double x2, double y2, const char* style) {
  svg << "<line x1='" << number(x1) << "' y1='" << number(y1) << "' x2='" << number(x2) << "' y2='" << number(y2)
      << "' " << style << "/>";
}

constexpr const char* kGrid = "stroke='#ddd'";
constexpr const char* kInk = "stroke='#222'";

/// A value's place between two ends, on a linear or logarithmic scale.
struct Scale {
  double low, high, from, to;
  bool logarithmic;
  double operator()(double value) const {
    const auto at = [&](double v) { return logarithmic ? std::log10(std::max(v, 1e-12)) : v; };
    const double span = at(high) - at(low);
    return from + (to - from) * (span > 0 ? (at(std::clamp(value, low, high)) - at(low)) / span : 0.5);
  }
};

Scale scaleFor(const std::vector<Line>& lines, bool of_x, const Axis& axis, double from, double to) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Line& line : lines) {
    for (const auto& point : line.points) {
      const double value = of_x ? point.first : point.second;
      if (axis.logarithmic && value <= 0) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  for (const auto& tick : axis.ticks) low = std::min(low, tick.first), high = std::max(high, tick.first);
  if (!(low <= high)) low = axis.logarithmic ? 1 : 0, high = low + 1;
  if (axis.logarithmic) {
    low = std::pow(10, std::floor(std::log10(low)));
    high = std::pow(10, std::ceil(std::log10(high)));
    if (high <= low) high = low * 10;
  } else if (axis.ticks.empty()) {
    low = std::min(low, 0.0);
    high = linearTicks(high).back();
  }
  return {low, high, from, to, axis.logarithmic};
}

std::vector<std::pair<double, std::string>> ticksOf(const Axis& axis, const Scale& scale) {
  if (!axis.ticks.empty()) return axis.ticks;
  std::vector<std::pair<double, std::string>> ticks;
  if (axis.logarithmic) {
    for (double value = scale.low; value <= scale.high * 1.001; value *= 10)
      ticks.emplace_back(value, shortNumber(value));
  } else {
    for (const double value : linearTicks(scale.high)) ticks.emplace_back(value, shortNumber(value));
  }
  return ticks;
}

std::string opened(double height) {
  return "<svg viewBox='0 0 " + number(kWidth) + " " + number(height) +
         "' role='img' font-family='sans-serif' font-size='11' fill='#222'>";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe.push_back(c);
    }
  }
  return safe;
}

std::string shortNumber(double value) {
  const double size = std::abs(value);
  const char* unit = size >= 1e9 ? " G" : size >= 1e6 ? " M" : size >= 1e3 ? " k" : "";
  const double scaled = value / (size >= 1e9 ? 1e9 : size >= 1e6 ? 1e6 : size >= 1e3 ? 1e3 : 1);
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g%s", scaled, unit);
  return text;
}

std::vector<double> linearTicks(double max) {
  if (!(max > 0)) max = 1;
  const double rough = max / 6;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double nice : {1.0, 2.0, 2.5, 5.0}) {
    if (nice * power >= rough) {
      step = nice * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (int i = 0; i == 0 || ticks.back() < max * (1 - 1e-9); ++i) ticks.push_back(step * i);
  return ticks;
}

std::string barChart(const std::vector<Bar>& bars, const std::string& unit, const std::string& mark_means) {
  constexpr double kRight = 110, kRow = 24, kTop = 8, kLetter = 5.6;
  double max = 0;
  size_t longest = 0;
  for (const Bar& bar : bars) {
    max = std::max({max, bar.value, bar.high, bar.mark.value_or(0)});
    longest = std::max(longest, bar.label.size());
  }
  const double left = std::clamp(20 + kLetter * static_cast<double>(longest), 120.0, kWidth / 2);
  const std::vector<double> ticks = linearTicks(max);
  const Scale scale{0, ticks.back(), left, kWidth - kRight, false};
  const double bottom = kTop + kRow * static_cast<double>(bars.size());
  std::ostringstream svg;
  svg << opened(bottom + 34);
  for (const double tick : ticks) {
    addLine(svg, scale(tick), kTop, scale(tick), bottom, kGrid);
    addText(svg, scale(tick), bottom + 13, "middle", shortNumber(tick));
  }
  for (size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double y = kTop + kRow * static_cast<double>(i), middle = y + kRow / 2;
    addText(svg, left - 6, middle + 4, "end", bar.label);
    svg << "<rect x='" << number(left) << "' y='" << number(y + 5) << "' width='" << number(scale(bar.value) - left)
        << "' height='" << number(kRow - 10) << "' fill='#7fb2d3' stroke='#0072b2'/>";
    if (bar.high > bar.low) {
      addLine(svg, scale(bar.low), middle, scale(bar.high), middle, kInk);
      for (const double end : {bar.low, bar.high}) addLine(svg, scale(end), middle - 4, scale(end), middle + 4, kInk);
    }
    if (bar.mark) {
      addLine(svg, scale(*bar.mark), y + 2, scale(*bar.mark), y + kRow - 2, "stroke='#d55e00' stroke-width='2.5'");
    }
    const double end = std::max({bar.value, bar.high, bar.mark.value_or(0)});
    addText(svg, scale(end) + 6, middle + 4, "start", bar.note.empty() ? shortNumber(bar.value) : bar.note);
  }
  std::string words = unit;
  if (!mark_means.empty()) words += "; orange line: " + mark_means;
  addText(svg, (left + kWidth - kRight) / 2, bottom + 29, "middle", words);
  svg << "</svg>";
  return svg.str();
}

std::string lineChart(const std::vector<Line>& lines, const Axis& x, const Axis& y) {
  constexpr double kLeft = 64, kRight = 16, kTop = 10, kHeight = 240;
  const double bottom = kTop + kHeight;
  const Scale across = scaleFor(lines, true, x, kLeft, kWidth - kRight);
  const Scale up = scaleFor(lines, false, y, bottom, kTop);
  std::ostringstream svg;
  svg << opened(bottom + 40 + 16 * static_cast<double>(lines.size()));
  for (const auto& [value, words] : ticksOf(x, across)) {
    addLine(svg, across(value), kTop, across(value), bottom, kGrid);
    addText(svg, across(value), bottom + 13, "middle", words);
  }
  for (const auto& [value, words] : ticksOf(y, up)) {
    addLine(svg, kLeft, up(value), kWidth - kRight, up(value), kGrid);
    addText(svg, kLeft - 5, up(value) + 4, "end", words);
  }
  addText(svg, (kLeft + kWidth - kRight) / 2, bottom + 28, "middle", x.name);
  svg << "<text transform='translate(12 " << number(kTop + kHeight / 2) << ") rotate(-90)' text-anchor='middle'>"
      << escaped(y.name) << "</text>";
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string style = std::string("fill='none' stroke-width='1.8' stroke='") + kColours[i % kColours.size()] +
                              "' stroke-dasharray='" + kDashes[i % kDashes.size()] + "'";
    svg << "<polyline " << style << " points='";
    for (const auto& point : lines[i].points) {
      if (y.logarithmic && point.second <= 0) continue;
      svg << number(across(point.first)) << "," << number(up(point.second)) << " ";
    }
    svg << "'/>";
    const double at = bottom + 44 + 16 * static_cast<double>(i);
    svg << "<line " << style << " x1='" << number(kLeft) << "' x2='" << number(kLeft + 40) << "' y1='" << number(at)
        << "' y2='" << number(at) << "'/>";
    addText(svg, kLeft + 46, at + 4, "start", lines[i].label);
  }
  svg << "</svg>";
  return svg.str();
}

}  // namespace penstock::bench
