// See print.h. All three are written from the table, so none can disagree with it.
#include "config/print.h"

#include <fmt/format.h>

#include <sstream>

#include "config/option.h"

namespace penstock {

namespace {

constexpr size_t kColumns = 100;

/// Breaks a text into lines that begin with `indent`.
std::string wrap(const std::string& text, const std::string& indent) {
  std::istringstream in(text);
  std::string result, line = indent;
  for (std::string word; in >> word;) {
    if (line.size() + word.size() > kColumns) {
      result += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
      line = indent;
    }
    line += word + " ";
  }
  return result + line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string assignment(const Option& option, const std::string& value) {
  return option.key + (value.empty() ? " =" : " = " + value) + "\n";
}

std::string allowedText(const Option& option) {
  return option.allowed + (option.unit.empty() ? "" : " (" + option.unit + ")") + ".";
}

/// A list of no values is written as one empty value.
std::vector<std::string> valuesOf(const Option& option, const Config& config) {
  std::vector<std::string> values = option.get(config);
  if (values.empty()) values.emplace_back();
  return values;
}

}  // namespace

std::string printConfig(const Config& config, bool with_secrets) {
  std::string text, section;
  for (const Option& option : optionTable()) {
    if (option.section != section) text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", option.section);
    section = option.section;
    for (const std::string& value : valuesOf(option, config)) {
      const bool hide = option.secret && !with_secrets && !value.empty();
      // Left out rather than replaced: a mask that reads as a secret would be one that everybody knows.
      text += hide ? fmt::format("# {} is set; --with-secrets prints it\n", option.key) : assignment(option, value);
    }
  }
  return text;
}

std::string printReference() {
  const Config defaults;
  std::string text =
      "# The reference of Penstock's settings: every option, commented out at its default.\n"
      "#\n"
      "# Both daemons read this file (--config names another one). What the environment says\n"
      "# (PENSTOCK_SECTION_KEY: PENSTOCK_MEDIA_PORT) goes before the file, and what the command line says\n"
      "# (--section.key: --media.port 10000) before both. Lists take several words, or several lines with the\n"
      "# same key; a list in a stronger place replaces the one in a weaker. A # begins a comment.\n"
      "# `penstockd --check-config` finds every mistake, `penstockd --print-config` shows what is in effect.\n"
      "# Settings are read at start: a change needs the restart that stands beside its section.\n";
  std::string section;
  for (const Option& option : optionTable()) {
    if (option.section != section)
      text += fmt::format("\n[{}]\n# A change needs a restart of {}.\n", option.section, restartOf(option.section));
    section = option.section;
    text += "\n" + wrap(option.reason, "# ") + wrap("Allowed: " + allowedText(option), "# ");
    for (const std::string& value : valuesOf(option, defaults)) text += "#" + assignment(option, value);
  }
  return text;
}

std::string printHelp(const ProgramText& program) {
  const Config defaults;
  std::string text = fmt::format("Usage: {} {}\n{}\n\n", program.name, program.usage, program.purpose);
  text += fmt::format("  --config FILE      settings file (default {}, if it exists)\n", program.default_file);
  text +=
      "  --check-config     check all settings and end\n"
      "  --print-config     print the settings in effect, as a settings file, and end\n"
      "  --with-secrets     with --print-config: secrets too\n"
      "  --print-reference  print a settings file with every option at its default and its reason, and end\n"
      "  --help, -h         this text\n"
      "  --version          the version\n\n"
      "Settings come from the file, then the environment (PENSTOCK_SECTION_KEY), then the command line:\n";
  std::string section;
  for (const Option& option : optionTable()) {
    if (option.section != section) text += "\n";
    section = option.section;
    std::string shown;
    for (const std::string& value : option.get(defaults)) shown += (shown.empty() ? "" : " ") + value;
    text += fmt::format("  --{}{}\n", option.name(), shown.empty() ? "" : " (" + shown + ")");
    text += wrap(option.reason, "      ") + wrap("Allowed: " + allowedText(option), "      ");
  }
  text +=
      "\nExit codes:\n"
      "  0   well\n"
      "  1   something broke\n"
      "  65  shared memory that must not be used\n"
      "  66  a network port that is not there, or does not start\n"
      "  69  something needed that is not there: an address, a peer\n"
      "  71  hugepages or memory that cannot be had\n"
      "  75  already running\n"
      "  77  a missing right\n"
      "  78  a wrong setting\n";
  return text;
}

}  // namespace penstock
