// Runs readSettings as a program would, with a settings file and an environment of the test's own.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "config/options.h"

namespace penstock::test {

/// A folder that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "penstock-config-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Sources {
  std::string file;  // contents; empty = no file
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> arguments;
};

/// Paths in the text are cut down to "FILE", so that tables can quote it.
inline std::expected<Settings, EarlyExit> read(const Sources& sources, std::vector<std::string> needs = {}) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = {"penstock-test"};
  const std::string path = folder.path() + "/FILE";
  if (!sources.file.empty()) {
    folder.write("FILE", sources.file);
    arguments.insert(arguments.end(), {"--config", path});
  }
  arguments.insert(arguments.end(), sources.arguments.begin(), sources.arguments.end());
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  for (const auto& [name, value] : sources.environment) setenv(name.c_str(), value.c_str(), 1);
  auto result = readSettings(static_cast<int>(argv.size()), argv.data(),
                             {.name = "penstock-test",
                              .purpose = "A test.",
                              .needs = std::move(needs),
                              .default_file = folder.path() + "/none"});
  for (const auto& [name, value] : sources.environment) unsetenv(name.c_str());
  std::string* text = result ? &result->file : &result.error().text;
  for (size_t at; (at = text->find(path)) != std::string::npos;) text->replace(at, path.size(), "FILE");
  return result;
}

}  // namespace penstock::test
