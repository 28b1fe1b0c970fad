// How far a measurement is, on stderr: a bar where somebody watches, a line a step where a file does.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

namespace penstock::bench {

class Progress {
 public:
  /// `cases` of about `steps` steps each.
  Progress(size_t cases, size_t steps);
  /// The next case begins.
  void begin(const std::string& name);
  void step(const std::string& what);
  /// All done: the bar goes.
  void end();

  /// Pure, for tests: "[#####-----]".
  static std::string bar(double share, size_t width);

 private:
  void show(const std::string& what) const;

  size_t cases_, steps_;
  size_t case_ = 0, step_ = 0;
  bool started_ = false;
  bool terminal_;
  std::string name_;
};

}  // namespace penstock::bench
