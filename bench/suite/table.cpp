// All results of a run in one file, and the figures that are wanted beside what was measured.
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include <boost/json/serialize.hpp>

#include "bench/suite/command.h"
#include "bench/suite/figures.h"
#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

void print(const std::vector<Figure>& figures) {
  for (const Figure& figure : figures) {
    const char* mark = figure.measured.empty() ? "----" : !figure.reached ? "    " : *figure.reached ? "yes " : "NO  ";
    std::printf("%s %s\n       %s; wanted: %s\n", mark, figure.name.c_str(),
                figure.measured.empty() ? "not measured" : figure.measured.c_str(), figure.wanted.c_str());
    if (!figure.beside.empty()) std::printf("       (%s)\n", figure.beside.c_str());
  }
}

}  // namespace

int tableCommand(int argc, char** argv) {
  std::vector<std::string> paths;
  po::options_description options("Table", 110);
  CommandLine line(
      "table",
      "The figures that Penstock wants to show, each beside what was measured, from the result files of one\n"
      "run; --json writes all of them into one file, which report takes.",
      options);
  if (!line.parse(argc, argv, &paths, "RESULT.json...")) return line.exitCode();
  if (paths.empty()) throw std::invalid_argument("table wants result files; --help says more");
  std::vector<json::object> files;
  for (const std::string& path : paths) files.push_back(readResult(path));
  const std::vector<Figure> figures = figuresOf(files);
  print(figures);
  if (line.json().empty()) return kExitOk;
  json::array all(files.begin(), files.end());
  const json::object suite{{"penstock_bench", kResultVersion},
                           {"kind", "suite"},
                           {"began", textAt(files.front(), "began")},
                           {"machine", objectAt(files.front(), "machine")},
                           {"figures", describe(figures)},
                           {"files", std::move(all)}};
  std::ofstream file(line.json());
  file << json::serialize(suite) << "\n";
  if (!file.flush()) throw std::runtime_error("could not write " + line.json());
  return kExitOk;
}

}  // namespace penstock::bench
