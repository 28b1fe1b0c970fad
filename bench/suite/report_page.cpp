#include "bench/suite/report_page.h"

#include <cstdio>
#include <set>
#include <sstream>

#include <boost/json/array.hpp>

#include "bench/suite/machine.h"
#include "bench/suite/result.h"
#include "bench/suite/svg.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

constexpr const char* kStyle =
    "body{font:15px/1.45 sans-serif;color:#222;max-width:860px;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.7em;margin-bottom:0}h2{font-size:1.3em;margin-top:2em;border-bottom:2px solid #222}"
    "h3{font-size:1.05em;margin:1.4em 0 .3em}p.small,footer{color:#555;font-size:.85em}"
    "table{border-collapse:collapse;margin:.6em 0;font-size:.87em;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.2em .5em;text-align:right;vertical-align:top}"
    "th:first-child,td:first-child,.words th,.words td{text-align:left}th{border-bottom:2px solid #222}"
    "svg{width:100%;height:auto;display:block;margin:.4em 0}figure{margin:0;break-inside:avoid}tr{break-inside:avoid}"
    "@media print{body{font-size:10.5pt;margin:0;max-width:none}h2{break-after:avoid}}";

std::string quietOf(const json::object& file) {
  const json::object& quiet = objectAt(file, "quiet");
  char text[160];
  std::snprintf(text, sizeof(text),
                "measured %s; the hypervisor took %.2f %% of the time; load average at the end %.2f",
                textAt(file, "began").c_str(), numberAt(quiet, "stolen_percent"), numberAt(quiet, "load_average"));
  return text;
}

bool isBusy(const json::object& file) {
  for (const json::value& result : arrayAt(file, "results")) {
    const json::value* busy = result.is_object() ? result.get_object().if_contains("busy_allowed") : nullptr;
    if (busy != nullptr && busy->is_bool() && busy->get_bool()) return true;
  }
  return false;
}

std::string machineTable(const json::object& machine) {
  std::string flags;
  for (const json::value& flag : arrayAt(machine, "flags")) {
    if (!flags.empty()) flags += " ";
    flags += std::string(flag.as_string());
  }
  std::vector<std::vector<std::string>> rows = {{"machine", machineLine(machine)}, {"of its instructions", flags}};
  for (const char* key :
       {"hypervisor", "distribution", "penstock", "build", "compiler", "dpdk", "libsrtp", "openssl"}) {
    rows.push_back({key, textAt(machine, key)});
  }
  return htmlTable({"", ""}, rows);
}

}  // namespace

std::string htmlTable(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
  std::ostringstream html;
  html << "<table>";
  bool any_head = false;
  for (const std::string& cell : head) any_head = any_head || !cell.empty();
  if (any_head) {
    html << "<tr>";
    for (const std::string& cell : head) html << "<th>" << escaped(cell) << "</th>";
    html << "</tr>";
  }
  for (const auto& row : rows) {
    html << "<tr>";
    for (const std::string& cell : row) html << "<td>" << escaped(cell) << "</td>";
    html << "</tr>";
  }
  html << "</table>";
  return html.str();
}

std::string reportPage(const std::vector<json::object>& files, const std::string& first) {
  std::ostringstream html;
  html << "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Penstock, measured</title>"
       << "<meta name='viewport' content='width=device-width'><style>" << kStyle << "</style></head><body>"
       << "<h1>Penstock, measured</h1>";
  std::set<std::string> machines;
  for (const json::object& file : files) {
    const json::object& machine = objectAt(file, "machine");
    if (machine.empty() || !machines.insert(machineTable(machine)).second) continue;
    html << machineTable(machine);
  }
  if (machines.size() > 1) html << "<p><b>These results are of different machines or versions.</b></p>";
  html << "<p class='small'>A packet out is one packet sent to one receiver. NDR: the highest rate without any loss; "
          "PDR: "
          "with 0.5 % (RFC 2544, RFC 8219). Cycles are of the time stamp counter. Whiskers: lowest and highest of "
          "repeats; the value is their median.</p>"
       << first;
  for (const json::object& file : files) {
    html << reportSection(file) << (isBusy(file) ? "<p><b>Tried out on a busy machine: no figure counts.</b></p>" : "")
         << "<p class='small'>" << escaped(quietOf(file)) << "</p>";
  }
  html << "</body></html>\n";
  return html.str();
}

}  // namespace penstock::bench
