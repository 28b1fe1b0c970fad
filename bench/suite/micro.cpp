// The Google Benchmarks, run and put into our form.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "bench/suite/command.h"
#include "bench/suite/micro_result.h"
#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;
namespace po = boost::program_options;

namespace {

std::filesystem::path ownFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

/// Runs it with its output to stderr, so that stdout stays ours.
void runProgram(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error(words[0] + " failed");
}

}  // namespace

int microCommand(int argc, char** argv) {
  std::string program = (ownFolder() / "penstock_micro").string(), filter = ".";
  uint32_t repeats = 3;
  po::options_description options("Micro", 110);
  auto add = options.add_options();
  add("filter", po::value(&filter)->default_value(filter), "regular expression: which benchmarks");
  add("repeats", po::value(&repeats)->default_value(repeats), "of each; the median counts");
  add("program", po::value(&program)->default_value(program), "the Google Benchmarks");
  CommandLine line(
      "micro",
      "Cycles per packet (CPU time of the thread times the nominal frequency) of parsing, crypto, and the whole\n"
      "path over plain buffers. No port, no second core: what it costs, not what it forwards.",
      options);
  if (!line.parse(argc, argv)) return line.exitCode();
  json::object file = beginResult("micro", {{"filter", filter}, {"repeats", repeats}});
  const std::string out =
      (std::filesystem::temp_directory_path() / ("penstock-micro-" + std::to_string(getpid()))).string();
  runProgram({program, "--benchmark_filter=" + filter, "--benchmark_repetitions=" + std::to_string(repeats),
              "--benchmark_out=" + out, "--benchmark_out_format=json"});
  std::stringstream text;
  text << std::ifstream(out).rdbuf();
  std::filesystem::remove(out);
  file["results"] = microResults(json::parse(text.str()).as_object());
  std::printf("\n%-64s %14s %16s\n", "", "cycles/packet", "packets/s");
  for (const json::value& value : arrayAt(file, "results")) {
    const json::object& result = value.as_object();
    std::printf("%-64s %14s %16s\n", textAt(result, "name").c_str(),
                grouped(numberAt(result, "cycles_per_packet")).c_str(),
                grouped(numberAt(result, "packets_per_second")).c_str());
  }
  finishResult(file, line.json());
  return kExitOk;
}

}  // namespace penstock::bench
