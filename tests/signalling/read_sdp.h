// SDP files of tests/signalling/sdp, and small changes to them.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace penstock::test {

inline std::string sdpPath(const std::string& name) {
  return std::string(PENSTOCK_TEST_SDP) + "/" + name + ".sdp";
}

inline std::string readSdp(const std::string& name) {
  std::ifstream file(sdpPath(name), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Every occurrence.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Without the lines that begin so.
inline std::string without(const std::string& text, const std::string& prefix) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with(prefix)) out += line + "\n";
  return out;
}

}  // namespace penstock::test
