// Lays the sources over each other, value by value, and collects everything that is wrong.
#include "config/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "config/print.h"
#include "config/sources.h"
#include "daemon/exit_codes.h"

namespace penstock {

namespace {

std::vector<std::string> splitWords(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> result;
  for (std::string word; in >> word;) result.push_back(word);
  return result;
}

std::string lines(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) result += text + "\n";
  return result;
}

class Layers {
 public:
  /// A later source replaces what an earlier one said; its mistakes count even where it is replaced itself.
  void lay(const Source& source) {
    errors_.insert(errors_.end(), source.errors.begin(), source.errors.end());
    std::map<const Option*, std::vector<Given>> by_option;
    std::vector<const Option*> order;
    for (const Given& given : source.given) {
      if (by_option[given.option].empty()) order.push_back(given.option);
      by_option[given.option].push_back(given);
    }
    for (const Option* option : order) {
      const size_t errors_before = errors_.size();
      option->list ? setList(by_option[option]) : setOne(by_option[option]);
      if (errors_.size() != errors_before) failed_.insert(option->name());
      origin_[option->name()] = by_option[option].back().origin;
    }
  }

  /// `complaints` begin with the name of an option. One that speaks of an option which is wrong in itself is left out:
  /// it would mislead.
  void complain(const std::vector<std::string>& complaints, const std::string& fallback_origin) {
    for (const std::string& complaint : complaints) {
      if (std::any_of(failed_.begin(), failed_.end(), [&](const auto& name) { return complaint.contains(name); }))
        continue;
      const auto origin = origin_.find(complaint.substr(0, complaint.find(':')));
      errors_.push_back((origin == origin_.end() ? fallback_origin : origin->second) + ": " + complaint);
    }
  }

  Config config;
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  void setOne(const std::vector<Given>& given) {
    std::string wrong;
    for (size_t i = 1; i < given.size(); ++i)
      errors_.push_back(
          fmt::format("{}: {}: set twice; it was set before ({})", given[i].origin, given[i].key, given[i - 1].origin));
    for (const Given& one : given)
      if (!one.option->set(config, {one.value}, wrong)) notAllowed(one, wrong);
  }

  void setList(const std::vector<Given>& given) {
    std::string wrong;
    std::vector<std::string> all;
    bool sound = true;
    for (const Given& one : given) {
      Config scratch;
      const std::vector<std::string> values = splitWords(one.value);
      all.insert(all.end(), values.begin(), values.end());
      if (one.option->set(scratch, values, wrong)) continue;
      notAllowed(one, wrong);
      sound = false;
    }
    if (sound && !given.back().option->set(config, all, wrong)) notAllowed(given.back(), wrong);
  }

  void notAllowed(const Given& given, const std::string& value) {
    const Option& option = *given.option;
    errors_.push_back(fmt::format("{}: {} = {}: not allowed; allowed: {}{}", given.origin, given.key,
                                  option.secret ? "(hidden)" : shorten(value), option.allowed,
                                  option.unit.empty() ? "" : " (" + option.unit + ")"));
  }

  std::map<std::string, std::string> origin_;  // option name -> where its value came from
  std::set<std::string> failed_;               // names of options with an error of their own
  std::vector<std::string> errors_;
};

/// --config, or the usual file if it is there; empty = none.
std::string fileToRead(const CommandLine& line, const ProgramText& program) {
  std::error_code ignored;
  if (!line.file.empty()) return line.file;
  return std::filesystem::exists(program.default_file, ignored) ? program.default_file : "";
}

std::vector<std::string> checkNeeds(const Config& config, const std::vector<Option>& table,
                                    const ProgramText& program) {
  std::vector<std::string> errors;
  for (const Option& option : table)
    if (std::find(program.needs.begin(), program.needs.end(), option.name()) != program.needs.end() &&
        option.get(config).empty())
      errors.push_back(
          fmt::format("{}: not set, and {} needs it; allowed: {}", option.name(), program.name, option.allowed));
  return errors;
}

/// Texts that need no settings.
std::optional<EarlyExit> answerWithoutSettings(const CommandLine& line, const ProgramText& program) {
  if (line.flags.contains("help")) return EarlyExit{kExitOk, printHelp(program)};
  if (line.flags.contains("version")) return EarlyExit{kExitOk, program.name + " " PENSTOCK_VERSION "\n"};
  if (line.flags.contains("print-reference")) return EarlyExit{kExitOk, printReference()};
  return std::nullopt;
}

}  // namespace

std::expected<Settings, EarlyExit> readSettings(int argc, const char* const* argv, const ProgramText& program) {
  const std::vector<Option> table = optionTable();
  const CommandLine line = parseCommandLine(argc, argv, table);
  if (auto answer = answerWithoutSettings(line, program)) return std::unexpected(*answer);

  Settings settings;
  settings.file = fileToRead(line, program);
  Layers layers;
  if (!settings.file.empty()) layers.lay(parseFile(settings.file, table));
  layers.lay(parseEnvironment(table, settings.warnings));
  layers.lay(line);

  const std::string origin = settings.file.empty() ? program.name : settings.file;
  const bool print = line.flags.contains("print-config");
  layers.complain(checkConfig(layers.config), origin);
  if (!print) layers.complain(checkNeeds(layers.config, table, program), origin);
  if (!layers.errors().empty()) return std::unexpected(EarlyExit{kExitConfig, lines(layers.errors())});

  settings.config = layers.config;
  for (const std::string& warning : warnConfig(settings.config)) settings.warnings.push_back(warning);
  if (print)
    return std::unexpected(EarlyExit{kExitOk, printConfig(settings.config, line.flags.contains("with-secrets"))});
  if (line.flags.contains("check-config"))
    return std::unexpected(EarlyExit{kExitOk, lines(settings.warnings) + origin + ": the settings are sound\n"});
  return settings;
}

int finish(const EarlyExit& exit) {
  std::fputs(exit.text.c_str(), exit.code == kExitOk ? stdout : stderr);
  return exit.code;
}

}  // namespace penstock
