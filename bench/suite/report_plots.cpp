// The sections of the page, one function a kind of result.
#include <cstdio>
#include <sstream>

#include <boost/json/array.hpp>

#include "bench/suite/report_page.h"
#include "bench/suite/result.h"
#include "bench/suite/svg.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string fixed(double number, int digits = 1) {
  char text[48];
  std::snprintf(text, sizeof(text), "%.*f", digits, number);
  return text;
}

std::string figure(const std::string& svg) {
  return "<figure>" + svg + "</figure>";
}

bool flagAt(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string dropsText(const json::object& drops) {
  std::string text;
  for (const auto& [name, count] : drops) {
    if (!text.empty()) text += ", ";
    text += std::string(name) + " " + grouped(count.to_number<double>());
  }
  return text.empty() ? "none" : text;
}

std::string forwardSection(const json::object& file) {
  std::vector<Bar> bars;
  Rows rows, costs;
  std::vector<Line> curves;
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    const json::object& ndr = objectAt(result, "ndr");
    const json::object& trial = objectAt(ndr, "trial");
    const std::string name = textAt(result, "name"), at_least = flagAt(ndr, "generator_limited") ? " or more" : "";
    bars.push_back({.label = name,
                    .value = numberAt(ndr, "out_per_second"),
                    .low = numberAt(ndr, "min"),
                    .high = numberAt(ndr, "max"),
                    .mark = numberAt(result, "alone_out_per_second"),
                    .note = shortNumber(numberAt(ndr, "out_per_second")) + at_least});
    rows.push_back({name, grouped(numberAt(ndr, "out_per_second")) + at_least,
                    grouped(numberAt(ndr, "min")) + " to " + grouped(numberAt(ndr, "max")),
                    grouped(numberAt(objectAt(result, "pdr"), "out_per_second")), fixed(numberAt(trial, "gbit_out"), 2),
                    fixed(100 * numberAt(result, "ratio_to_alone"), 0) + " %"});
    costs.push_back({name, grouped(numberAt(trial, "cycles_per_packet_out")),
                     fixed(100 * numberAt(trial, "busy_share"), 0) + " %", grouped(numberAt(result, "receivers")),
                     fixed(numberAt(objectAt(result, "memory"), "scenario_bytes") / 1048576, 1) + " MiB",
                     dropsText(objectAt(result, "drops_of_all_trials"))});
  }
  std::ostringstream html;
  const json::object& other = objectAt(file, "mac_swap");
  std::string compared;
  if (!other.empty()) {
    bars.push_back({.label = textAt(other, "program"), .value = numberAt(other, "per_second")});
    compared = "<p class='small'>" + escaped(textAt(other, "program")) +
               ": frames that came back a second over the same net_memif, one core each side, for comparison.</p>";
  }
  html << "<h2>Forwarding</h2>"
       << figure(barChart(bars, "packets per second out of one worker, no loss (NDR)",
                          "crypto alone, as many keys, same run"))
       << compared
       << htmlTable({"", "NDR, packets/s out", "repeats", "PDR (0.5 %)", "Gbit/s out", "of crypto alone"}, rows)
       << "<h3>What it costs at that rate</h3>"
       << htmlTable({"", "cycles per packet out", "worker busy", "keys", "memory of rows", "dropped in all trials"},
                    costs);
  return html.str();
}

const std::vector<std::pair<double, std::string>> kPercentTicks = {{1, "0"},    {2, "50"},      {10, "90"},
                                                                   {100, "99"}, {1000, "99.9"}, {10000, "99.99"}};

/// Percentiles by how rare: 99.9 % is 1 in 1000.
Line delayLine(const std::string& label, const json::object& delay) {
  Line line{label, {}};
  for (const json::value& point : arrayAt(delay, "curve")) {
    const double percent = point.as_array()[0].to_number<double>(), us = point.as_array()[1].to_number<double>();
    if (percent <= 99.99) line.points.emplace_back(100 / (100 - percent), us);
  }
  return line;
}

std::vector<std::string> delayRow(const std::string& name, const json::object& delay) {
  std::vector<std::string> row{name};
  for (const char* key : {"p50_us", "p90_us", "p99_us", "p999_us", "p9999_us", "max_us"}) {
    row.push_back(fixed(numberAt(delay, key)));
  }
  return row;
}

std::string latencySection(const json::object& file) {
  std::ostringstream html;
  html << "<h2>Delay</h2><p>One way, every packet, from the generator's port to the sink's. The machine's own "
          "lateness, an "
          "empty loop on each core, is drawn with it.</p>";
  std::vector<Line> machine;
  Rows rows;
  for (const json::value& core : arrayAt(file, "machine_jitter")) {
    const std::string name = "empty loop, core " + grouped(numberAt(core.as_object(), "core"));
    machine.push_back(delayLine(name, core.as_object()));
    rows.push_back(delayRow(name, core.as_object()));
  }
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    std::vector<Line> lines;
    for (const json::value& entry : arrayAt(result, "loads")) {
      const json::object& load = entry.as_object();
      const std::string share = fixed(100 * numberAt(load, "share_of_ndr"), 0) + " % of NDR";
      lines.push_back(delayLine(share + ", " + shortNumber(numberAt(load, "out_per_second")) + " packets/s out",
                                objectAt(load, "delay")));
      rows.push_back(delayRow(textAt(result, "name") + ", " + share, objectAt(load, "delay")));
    }
    lines.insert(lines.end(), machine.begin(), machine.end());
    html << "<h3>" << escaped(textAt(result, "name")) << "</h3>"
         << figure(lineChart(lines, {"percentile", true, kPercentTicks}, {"microseconds", true, {}}));
  }
  html << htmlTable({"microseconds", "p50", "p90", "p99", "p99.9", "p99.99", "max"}, rows);
  return html.str();
}

std::string surgeSection(const json::object& file) {
  std::ostringstream html;
  html << "<h2>Surge</h2>";
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    Line offered{"offered", {}}, delivered{"delivered", {}}, audio{"audio lost, %", {}}, video{"video lost, %", {}};
    const double per_second = 1000 / numberAt(result, "slice_ms", 10);
    for (const json::value& entry : arrayAt(result, "timeline")) {
      const json::array& slice = entry.as_array();
      const auto at = [&](size_t i) { return slice[i].to_number<double>(); };
      const auto lost = [&](double expected, double received) {
        return expected > 0 ? 100 * std::max(0.0, 1 - received / expected) : 0;
      };
      offered.points.emplace_back(at(0), (at(1) + at(3)) * per_second);
      delivered.points.emplace_back(at(0), (at(2) + at(4)) * per_second);
      audio.points.emplace_back(at(0), lost(at(1), at(2)));
      video.points.emplace_back(at(0), lost(at(3), at(4)));
    }
    html << "<h3>" << escaped(textAt(result, "name")) << "</h3>"
         << figure(lineChart({offered, delivered}, {"seconds", false, {}}, {"packets/s out", false, {}}))
         << figure(lineChart({audio, video}, {"seconds", false, {}}, {"per cent lost", false, {}}));
    Rows rows;
    for (const json::value& entry : arrayAt(result, "steps")) {
      const json::object& step = entry.as_object();
      rows.push_back(
          {fixed(numberAt(step, "factor")) + "x", grouped(numberAt(step, "offered_out_per_second")),
           grouped(numberAt(step, "delivered_out_per_second")),
           fixed(100 * numberAt(step, "audio_loss_ratio"), 2) + " %",
           fixed(100 * numberAt(step, "video_loss_ratio"), 2) + " %",
           fixed(numberAt(step, "delay_max_us") / 1000) + " ms",
           step.contains("steady_after_ms") ? fixed(numberAt(step, "steady_after_ms"), 0) + " ms" : "never"});
    }
    html << htmlTable({"load", "offered/s", "delivered/s", "audio lost", "video lost", "longest delay", "steady after"},
                      rows);
  }
  return html.str();
}

std::vector<std::string> joinRow(const std::string& name, const json::object& counts) {
  const json::object& delay = objectAt(counts, "time_to_keys");
  return {name,
          grouped(numberAt(counts, "joins_per_second")),
          grouped(numberAt(counts, "begun")),
          grouped(numberAt(counts, "failed")),
          grouped(numberAt(counts, "datagrams_refused")),
          fixed(numberAt(delay, "p50_us") / 1000) + " ms",
          fixed(numberAt(delay, "p99_us") / 1000) + " ms"};
}

/// Through both daemons: to the SDP answer, to the keys, to the first packet.
std::string sessionsTable(const json::array& sessions) {
  Rows rows;
  for (const json::value& value : sessions) {
    const json::object& result = value.as_object();
    const double offered = numberAt(result, "offered_per_second");
    std::vector<std::string> row = {offered > 0 ? grouped(offered) + " a second" : "all at once",
                                    grouped(numberAt(result, "playing")), grouped(numberAt(result, "failed")),
                                    grouped(numberAt(result, "joins_per_second"))};
    for (const char* key : {"to_answer", "to_keys", "to_packet"}) {
      const json::object& delay = objectAt(result, key);
      row.push_back(fixed(numberAt(delay, "p50_us") / 1000) + " / " + fixed(numberAt(delay, "p95_us") / 1000));
    }
    rows.push_back(row);
  }
  if (rows.empty()) return "";
  return "<h3>Players through the whole relay: WHEP, ICE, DTLS, SRTP</h3>" +
         htmlTable({"joining", "playing", "failed", "joins/s", "to the answer, p50 / p95 ms", "to the keys",
                    "to the first packet"},
                   rows);
}

std::string joinsSection(const json::object& file) {
  std::ostringstream html;
  html << "<h2>Joins</h2>";
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    Rows rows = {joinRow("capacity, clients included", objectAt(result, "capacity"))};
    for (const json::value& step : arrayAt(result, "storm")) {
      rows.push_back(joinRow("storm " + fixed(numberAt(step.as_object(), "factor"), 0) + "x", step.as_object()));
    }
    html << "<p>" << grouped(numberAt(result, "joins_per_second_and_core"))
         << " DTLS joins per second and core of the pool, by its CPU time.</p>"
         << htmlTable({"", "joins/s", "begun", "failed", "datagrams refused", "to keys p50", "p99"}, rows)
         << sessionsTable(arrayAt(result, "sessions"));
  }
  return html.str();
}

std::string microSection(const json::object& file) {
  Rows rows;
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    rows.push_back({textAt(result, "name"), grouped(numberAt(result, "cycles_per_packet")),
                    grouped(numberAt(result, "cycles_min")) + " to " + grouped(numberAt(result, "cycles_max")),
                    grouped(numberAt(result, "packets_per_second"))});
  }
  return "<h2>Cycles per packet, without a port</h2>" + htmlTable({"", "cycles", "repeats", "packets/s"}, rows);
}

std::string planSection(const json::object& file) {
  std::ostringstream html;
  html << "<h2>Plan</h2>";
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    const json::object& plan = objectAt(result, "plan");
    const json::object& model = objectAt(result, "model");
    html << "<p>Demand:";
    for (const json::value& words : arrayAt(result, "demand")) html << " <b>" << escaped(words.as_string()) << "</b>";
    html << ", times " << fixed(numberAt(objectAt(file, "settings"), "surge")) << ", headroom "
         << fixed(100 * numberAt(objectAt(file, "settings"), "headroom"), 0) << " %. "
         << grouped(numberAt(plan, "workers")) << " workers, " << grouped(numberAt(plan, "machines")) << " machines; "
         << escaped(textAt(plan, "limits_first")) << " limits first.</p>";
    Rows rows;
    for (const json::value& entry : arrayAt(plan, "needs")) {
      const json::object& need = entry.as_object();
      rows.push_back({textAt(need, "resource"), fixed(numberAt(need, "amount"), 2),
                      fixed(numberAt(need, "per_machine"), 2), fixed(numberAt(need, "machines"), 2),
                      textAt(need, "unit")});
    }
    html << htmlTable({"", "needed", "a machine has", "machines", "unit"}, rows);
    html << "<p>Cost model of " << grouped(numberAt(model, "points"))
         << " points: " << grouped(numberAt(model, "cycles_per_packet_in")) << " cycles per packet in, "
         << grouped(numberAt(model, "cycles_per_packet_out")) << " per packet out, "
         << fixed(numberAt(model, "cycles_per_byte"), 2) << " per byte. Error on points held out: median "
         << fixed(100 * numberAt(model, "error_median")) << " %, worst " << fixed(100 * numberAt(model, "error_max"))
         << " %.</p>";
  }
  return html.str();
}

}  // namespace

std::string reportSection(const json::object& file) {
  const std::string kind = textAt(file, "kind");
  if (kind == "forward") return forwardSection(file);
  if (kind == "latency") return latencySection(file);
  if (kind == "cores") return coresSection(file);
  if (kind == "surge") return surgeSection(file);
  if (kind == "idle") return idleSection(file);
  if (kind == "joins") return joinsSection(file);
  if (kind == "micro") return microSection(file);
  if (kind == "plan") return planSection(file);
  return "";
}

}  // namespace penstock::bench
