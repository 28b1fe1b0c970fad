// Sections of the page that are tables above all: the wanted figures, growth by cores and subscriptions, idleness.
#include <cstdio>
#include <map>
#include <sstream>

#include <boost/json/array.hpp>

#include "bench/suite/report_page.h"
#include "bench/suite/result.h"
#include "bench/suite/svg.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string fixed(double number, int digits) {
  char text[48];
  std::snprintf(text, sizeof(text), "%.*f", digits, number);
  return text;
}

/// Cycles by subscriptions, where one worker was given several numbers of them.
std::string growthPlot(const json::array& results) {
  std::map<std::string, Line> lines;
  for (const json::value& value : results) {
    const json::object& result = value.as_object();
    if (numberAt(result, "workers") != 1) continue;
    const std::string label = "rooms of 1 x " + grouped(numberAt(result, "size")) + ", " + textAt(result, "profile");
    lines[label].label = label;
    lines[label].points.emplace_back(numberAt(result, "subscriptions"), numberAt(result, "cycles_per_packet_out"));
  }
  std::vector<Line> several;
  for (const auto& [label, line] : lines) {
    if (line.points.size() > 1) several.push_back(line);
  }
  if (several.empty()) return "";
  return "<figure>" + lineChart(several, {"subscriptions", true, {}}, {"cycles per packet out", false, {}}) +
         "</figure>";
}

}  // namespace

std::string figuresSection(const json::object& suite) {
  Rows rows;
  for (const json::value& value : arrayAt(suite, "figures")) {
    const json::object& figure = value.as_object();
    const json::value* reached = figure.if_contains("reached");
    rows.push_back({textAt(figure, "name"), textAt(figure, "wanted"), textAt(figure, "measured"),
                    reached == nullptr   ? ""
                    : reached->as_bool() ? "yes"
                                         : "NO",
                    textAt(figure, "beside")});
  }
  if (rows.empty()) return "";
  return "<h2>The figures</h2><div class='words'>" +
         htmlTable({"figure", "wanted", "measured", "reached", "beside it"}, rows) + "</div>";
}

std::string coresSection(const json::object& file) {
  std::vector<Bar> bars;
  Rows rows;
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    const std::string name = textAt(result, "name");
    const double speedup = numberAt(result, "speedup");
    bars.push_back({.label = name,
                    .value = numberAt(result, "out_per_second"),
                    .low = numberAt(result, "min"),
                    .high = numberAt(result, "max"),
                    .note = shortNumber(numberAt(result, "out_per_second")) +
                            (speedup > 0 ? ", " + fixed(speedup, 2) + " times one" : "")});
    const json::object& memory = objectAt(result, "memory");
    rows.push_back({name, grouped(numberAt(result, "out_per_second")),
                    grouped(numberAt(result, "cycles_per_packet_out")),
                    fixed(100 * numberAt(result, "busy_share"), 0) + " %", speedup > 0 ? fixed(speedup, 2) : "",
                    speedup > 0 ? fixed(numberAt(result, "speedup_by_cycles"), 2) : "",
                    fixed(numberAt(memory, "per_transport") / 1024, 1) + " / " +
                        fixed(numberAt(memory, "per_subscription") / 1024, 2) + " KiB"});
  }
  return "<h2>Cores and subscriptions</h2><p>The whole path without a port: every core is a worker's, what is sent is "
         "counted and gone.</p><figure>" +
         barChart(bars, "packets per second out, all workers together") + "</figure>" +
         growthPlot(arrayAt(file, "results")) +
         htmlTable({"", "packets/s out", "cycles per packet", "busy", "speed-up", "by cycles",
                    "memory per transport / subscription"},
                   rows);
}

std::string idleSection(const json::object& file) {
  Rows rows;
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    const json::object& delay = objectAt(result, "first_packet");
    rows.push_back({textAt(result, "name"), fixed(100 * numberAt(result, "cpu_share"), 2) + " %",
                    fixed(numberAt(delay, "p50_us"), 0), fixed(numberAt(delay, "p99_us"), 0),
                    fixed(numberAt(delay, "max_us"), 0)});
  }
  return "<h2>Idle</h2>" +
         htmlTable({"", "CPU, of one core", "first packet after silence: p50 us", "p99", "longest"}, rows);
}

}  // namespace penstock::bench
