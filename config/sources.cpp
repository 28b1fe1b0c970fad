// See sources.h.
#include "config/sources.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace po = boost::program_options;

namespace penstock {

namespace {

constexpr size_t kShownMax = 80;

std::string trim(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

const Option* find(const std::vector<Option>& table, const std::string& name) {
  for (const Option& option : table)
    if (option.name() == name) return &option;
  return nullptr;
}

bool hasSection(const std::vector<Option>& table, const std::string& section) {
  for (const Option& option : table)
    if (option.section == section) return true;
  return false;
}

/// What could have been meant: the options of a section, or the sections.
std::string known(const std::vector<Option>& table, const std::string& section) {
  std::string keys, sections, last;
  for (const Option& option : table) {
    if (option.section == section) keys += (keys.empty() ? "" : ", ") + option.key;
    if (option.section != last) sections += (sections.empty() ? "" : ", ") + option.section;
    last = option.section;
  }
  return keys.empty() ? "the sections are: " + sections : "[" + section + "] has: " + keys;
}

std::string unknownOption(const std::vector<Option>& table, const std::string& origin, const std::string& shown,
                          const std::string& name) {
  const size_t dot = name.find('.');
  const std::string section = dot == std::string::npos ? "" : name.substr(0, dot);
  return fmt::format("{}: {}: there is no such option; {}", origin, shorten(shown), known(table, section));
}

po::options_description describe(const std::vector<Option>& table) {
  po::options_description description;
  for (const Option& option : table)
    description.add_options()(option.name().c_str(), po::value<std::vector<std::string>>()->composing());
  return description;
}

/// Reads a file line by line, so that each error knows its line; the grammar is Boost's.
class FileParser {
 public:
  FileParser(const std::string& path, const std::vector<Option>& table, Source& source)
      : path_(path), table_(table), description_(describe(table)), source_(source) {}

  void line(const std::string& text) {
    ++number_;
    const size_t hash = text.find('#');
    const std::string content = trim(text.substr(0, hash));
    if (content.empty()) return;
    // Boost would cut the value at a # without a word: half a secret, half a URL.
    if (hash != std::string::npos && text[hash - 1] != ' ' && text[hash - 1] != '\t')
      return error("a # begins a comment and cannot be part of a value");
    if (content.starts_with('[') && content.ends_with(']')) return header(trim(content.substr(1, content.size() - 2)));
    if (!section_known_) return;  // one error for the section is enough
    assignment(content);
  }

 private:
  std::string origin() const { return fmt::format("{}:{}", path_, number_); }
  void error(const std::string& text) { source_.errors.push_back(origin() + ": " + text); }

  void header(const std::string& section) {
    section_ = section;
    section_known_ = hasSection(table_, section);
    if (!section_known_) error(fmt::format("[{}]: there is no such section; {}", shorten(section), known(table_, "")));
  }

  void assignment(const std::string& content) {
    try {
      std::istringstream in((section_.empty() ? "" : "[" + section_ + "]\n") + content);
      for (const po::option& parsed : po::parse_config_file(in, description_, true).options) {
        const std::string& name = parsed.string_key;
        if (const Option* option = find(table_, name))
          source_.given.push_back({option, origin(), name, parsed.value.empty() ? "" : parsed.value.front()});
        else
          source_.errors.push_back(unknownOption(table_, origin(), name, name));
      }
    } catch (const po::error&) {
      error(shorten(content) + ": neither \"key = value\" nor \"[section]\" nor \"# comment\"");
    }
  }

  const std::string& path_;
  const std::vector<Option>& table_;
  const po::options_description description_;
  Source& source_;
  size_t number_ = 0;
  std::string section_;
  bool section_known_ = true;
};

CommandLine sortCommandLine(const std::vector<po::option>& parsed, const std::vector<Option>& table) {
  CommandLine line;
  bool after_unknown = false;
  for (const po::option& option : parsed) {
    const std::string& token = option.original_tokens.front();
    const Option* found = find(table, option.string_key);
    if (found != nullptr)
      line.given.push_back({found, "command line", "--" + option.string_key, option.value.front()});
    else if (option.string_key == "config")
      line.file = option.value.front();
    else if (option.string_key.empty() && !after_unknown)
      line.errors.push_back(fmt::format("command line: {}: only options are expected here", shorten(token)));
    else if (option.unregistered)
      line.errors.push_back(unknownOption(table, "command line", token.substr(0, token.find('=')), option.string_key));
    else if (!option.string_key.empty())
      line.flags.insert(option.string_key);
    after_unknown = option.unregistered;
  }
  return line;
}

}  // namespace

std::string shorten(const std::string& text) {
  std::string shown = text.size() <= kShownMax ? text : text.substr(0, kShownMax) + "...";
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return shown;
}

Source parseFile(const std::string& path, const std::vector<Option>& table) {
  Source source;
  std::error_code ignored;
  errno = 0;
  std::ifstream in(path);
  if (!in || std::filesystem::is_directory(path, ignored)) {
    source.errors.push_back(fmt::format("{}: cannot be read: {}", path, in ? "it is a directory" : strerror(errno)));
    return source;
  }
  FileParser parser(path, table, source);
  for (std::string line; std::getline(in, line);) parser.line(line);
  return source;
}

Source parseEnvironment(const std::vector<Option>& table, std::vector<std::string>& warnings) {
  Source source;
  const auto name_of = [&](const std::string& variable) -> std::string {
    if (!variable.starts_with("PENSTOCK_")) return "";
    for (const Option& option : table)
      if (option.environment() == variable) return option.name();
    for (const Option& option : table) {
      const std::string one = option.environment();
      if (!variable.starts_with(one.substr(0, one.find('_', strlen("PENSTOCK_")) + 1))) continue;
      source.errors.push_back(
          fmt::format("environment: {}: there is no such option; {}", shorten(variable), known(table, option.section)));
      return "";
    }
    // Container platforms set such names for their own purposes (PENSTOCK_SERVICE_HOST): no error.
    warnings.push_back(fmt::format("environment: {}: not an option, ignored", shorten(variable)));
    return "";
  };
  for (const po::option& parsed : po::parse_environment(describe(table), name_of).options)
    if (const Option* option = find(table, parsed.string_key))
      source.given.push_back({option, "environment", option->environment(), parsed.value.front()});
  return source;
}

CommandLine parseCommandLine(int argc, const char* const* argv, const std::vector<Option>& table) {
  po::options_description all = describe(table);
  all.add_options()("config", po::value<std::vector<std::string>>()->composing());
  for (const char* flag : {"check-config", "print-config", "print-reference", "with-secrets", "help,h", "version"})
    all.add_options()(flag, "");
  // Without abbreviations: an option added later must not change what a script means.
  const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  std::string broken;
  // Boost gives up at an option without its value: then what stands before it is read.
  for (int count = argc; count > 0; --count) {
    try {
      const auto parsed = po::command_line_parser(count, argv).options(all).style(style).allow_unregistered().run();
      CommandLine line = sortCommandLine(parsed.options, table);
      if (!broken.empty()) line.errors.push_back("command line: " + broken);
      return line;
    } catch (const po::error& error) {
      if (broken.empty()) broken = error.what();
    }
  }
  return {};
}

}  // namespace penstock
