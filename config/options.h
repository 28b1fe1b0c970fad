// Settings from the file, then the environment, then the command line; one table says what exists (option_table.cpp).
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "config/config.h"

namespace penstock {

/// Who reads its settings, for --help and --version.
struct ProgramText {
  std::string name;     // "penstockd"
  std::string purpose;  // one line
  std::string usage = "[options]";
  std::vector<std::string> needs = {"media.address", "dataplane.device",
                                    "http.listen"};          // lists that must not be empty
  std::string default_file = "/etc/penstock/penstock.conf";  // read if it exists and --config does not say otherwise
};

struct Settings {
  Config config;
  std::string file;                   // the file that was read; empty = none
  std::vector<std::string> warnings;  // for the log
};

/// The program ends here: asked for help, version, check or print, or something is wrong.
struct EarlyExit {
  int code;          // daemon/exit_codes.h: kExitOk or kExitConfig
  std::string text;  // whole lines; to stdout when the code is kExitOk, else to stderr
};

/// Settings are read once, at start: every change needs a restart of the daemons that `penstock.conf` names beside it.
/// Every error is found before returning, and each line of the text is one error.
std::expected<Settings, EarlyExit> readSettings(int argc, const char* const* argv, const ProgramText& program);

/// Writes the text where it belongs; returns the exit code. `return finish(settings.error());`
int finish(const EarlyExit& exit);

/// Valid as a configuration file. Secrets are masked unless asked for.
std::string printConfig(const Config& config, bool with_secrets);

/// What no single setting can see: pairs that belong together. One line each; empty = sound.
std::vector<std::string> checkConfig(const Config& config);
/// What works, but is seldom meant. One line each.
std::vector<std::string> warnConfig(const Config& config);

}  // namespace penstock
