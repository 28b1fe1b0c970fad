// One subcommand: its own options, --help, --json, and the exit codes that all share.
#pragma once

#include <string>
#include <vector>

#include <boost/program_options/options_description.hpp>

namespace penstock::bench {

inline constexpr int kExitOk = 0;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitFailed = 70;

class CommandLine {
 public:
  /// `what`: one or two sentences for --help.
  CommandLine(std::string name, std::string what, const boost::program_options::options_description& options);
  /// False: nothing to do but to return exitCode(). `rest` takes words that belong to no option, if there may be any.
  bool parse(int argc, char** argv, std::vector<std::string>* rest = nullptr, const char* rest_name = "FILE...");
  int exitCode() const { return exit_code_; }
  /// --json
  const std::string& json() const { return json_; }

 private:
  std::string name_, what_, json_;
  boost::program_options::options_description options_;
  int exit_code_ = kExitOk;
};

// argv[0] is the subcommand's name.
int microCommand(int argc, char** argv);
int forwardCommand(int argc, char** argv);
int latencyCommand(int argc, char** argv);
int coresCommand(int argc, char** argv);
int surgeCommand(int argc, char** argv);
int idleCommand(int argc, char** argv);
int joinsCommand(int argc, char** argv);
int planCommand(int argc, char** argv);
int tableCommand(int argc, char** argv);
int reportCommand(int argc, char** argv);

}  // namespace penstock::bench
