// The three places settings come from. Boost.Program_options parses them; each value keeps the place where it stood.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/option.h"

namespace penstock {

/// One value as a source gave it.
struct Given {
  const Option* option;
  std::string origin;  // "lab.conf:12", "environment", "command line"
  std::string key;     // as the source writes it
  std::string value;
};

/// What a source said, and what of it names no option or cannot be read.
struct Source {
  std::vector<Given> given;
  std::vector<std::string> errors;
};

struct CommandLine : Source {
  std::set<std::string> flags;  // "help", "check-config", ...
  std::string file;             // of --config
};

// The table outlives what these return.
Source parseFile(const std::string& path, const std::vector<Option>& table);
Source parseEnvironment(const std::vector<Option>& table, std::vector<std::string>& warnings);
CommandLine parseCommandLine(int argc, const char* const* argv, const std::vector<Option>& table);

/// Values come from strangers' files: what an error repeats of them stays within a line.
std::string shorten(const std::string& text);

}  // namespace penstock
