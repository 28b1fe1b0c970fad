// SDP as lines, and lines as words: sizes are checked here, meanings elsewhere.
#pragma once

#include <algorithm>
#include <charconv>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "control/signalling/sdp.h"

namespace penstock::sdp {

/// Why a line is refused: a sentence for a person.
using Refused = std::unexpected<std::string>;
using Done = std::expected<void, std::string>;

/// Cuts text into words at `separator`, one at a time.
class Words {
 public:
  explicit Words(std::string_view text, char separator = ' ') : rest_(text), separator_(separator) {}
  std::string_view next() {
    while (!rest_.empty() && rest_.front() == separator_) rest_.remove_prefix(1);
    const size_t end = std::min(rest_.find(separator_), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  std::string_view rest() {
    while (!rest_.empty() && rest_.front() == separator_) rest_.remove_prefix(1);
    return rest_;
  }

 private:
  std::string_view rest_;
  char separator_;
};

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// An attribute: "name:value" or "name".
struct Attribute {
  std::string_view name, value;
};

inline Attribute attributeOf(std::string_view line) {
  const size_t colon = std::min(line.find(':'), line.size());
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  return {line.substr(0, colon), value};
}

/// Calls `each` with every line; the error of the first that it refuses.
template <class Each>
std::expected<void, Error> forLines(std::string_view text, size_t sections, Each each) {
  if (text.size() > bytesMax(sections))
    return std::unexpected(Error{0, "it is longer than " + std::to_string(bytesMax(sections) / 1024) + " KiB"});
  size_t count = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++count;
    // RFC 8866 section 5: parsers SHOULD be tolerant and accept a newline alone.
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (count > linesMax(sections)) return std::unexpected(Error{count, "there are too many lines"});
    if (line.size() > kLineBytesMax) return std::unexpected(Error{count, "the line is too long"});
    if (line.contains('\0')) return std::unexpected(Error{count, "the line has a NUL in it"});
    if (line.empty()) continue;
    if (line.size() < 2 || line[1] != '=') return std::unexpected(Error{count, "the line is not of the form x=..."});
    if (const Done done = each(count, line[0], line.substr(2)); !done)
      return std::unexpected(Error{count, done.error()});
  }
  return {};
}

}  // namespace penstock::sdp
