// Reads result files, writes the page.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include "bench/suite/command.h"
#include "bench/suite/report_page.h"
#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

size_t placeOf(const json::object& file) {
  constexpr std::array<std::string_view, 8> kOrder = {"forward", "cores", "latency", "idle",
                                                      "surge",   "joins", "plan",    "micro"};
  return static_cast<size_t>(std::ranges::find(kOrder, textAt(file, "kind")) - kOrder.begin());
}

/// Files of one kind from one run make one section: their results one after the other, the busiest of them told.
void join(std::vector<json::object>& files, json::object next) {
  const std::string kind = textAt(next, "kind");
  const auto same = std::ranges::find_if(files, [&](const json::object& file) { return textAt(file, "kind") == kind; });
  if ((kind != "forward" && kind != "cores") || same == files.end()) return files.push_back(std::move(next));
  for (const json::value& result : arrayAt(next, "results")) (*same)["results"].as_array().push_back(result);
  if (next.contains("mac_swap") && !same->contains("mac_swap")) (*same)["mac_swap"] = next["mac_swap"];
  json::object quiet = objectAt(*same, "quiet");
  for (const char* key : {"stolen_percent", "load_average"}) {
    quiet[key] = std::max(numberAt(quiet, key), numberAt(objectAt(next, "quiet"), key));
  }
  (*same)["quiet"] = quiet;
}

}  // namespace

int reportCommand(int argc, char** argv) {
  std::vector<std::string> paths;
  std::string out = "report.html";
  po::options_description options("Report", 110);
  options.add_options()("out", po::value(&out)->default_value(out), "where to write it");
  CommandLine line("report",
                   "One HTML file of all results given (or of a file that table made): plots, tables, the machine and "
                   "the versions.\n"
                   "It loads nothing.",
                   options);
  if (!line.parse(argc, argv, &paths, "RESULT.json...")) return line.exitCode();
  if (paths.empty()) throw std::invalid_argument("report wants result files; --help says more");
  std::vector<json::object> files;
  std::string figures;
  for (const std::string& path : paths) {
    json::object result = readResult(path);
    if (textAt(result, "kind") != "suite") {
      files.push_back(std::move(result));
      continue;
    }
    figures += figuresSection(result);
    for (const json::value& one : arrayAt(result, "files")) join(files, one.as_object());
  }
  std::ranges::stable_sort(files, {}, placeOf);
  std::ofstream file(out);
  file << reportPage(files, figures);
  if (!file.flush()) throw std::runtime_error("could not write " + out);
  std::printf("%s\n", out.c_str());
  return kExitOk;
}

}  // namespace penstock::bench
