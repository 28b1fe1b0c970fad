// One option as the table describes it, and the kinds of value an option can have.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace penstock {

struct Option {
  std::string section, key;
  std::string unit;     // "s", "KiB"; empty = none
  std::string allowed;  // in words, for errors and help
  std::string reason;
  bool list = false;    // several values: words of one line, or several lines
  bool secret = false;  // never in an error, masked when printed
  /// One value, or those of a list. False: the value is not allowed; `wrong` names which.
  std::function<bool(Config&, const std::vector<std::string>&, std::string& wrong)> set;
  std::function<std::vector<std::string>(const Config&)> get;

  std::string name() const { return section + "." + key; }
  std::string environment() const;  // PENSTOCK_SECTION_KEY
};

/// Every option of every program, section by section, in the order of the reference `penstock.conf`.
std::vector<Option> optionTable();

/// What must be restarted for a change in this section.
std::string_view restartOf(std::string_view section);

namespace kind {

/// Decimal digits only: no sign, no space, no hexadecimal.
std::optional<uint64_t> parseNumber(std::string_view text);

/// The table's accessors are lambdas that name a member: `[](auto& c) -> auto& { return c.media.port; }`.
template <class Member>
void number(Option& option, Member member, uint64_t min, uint64_t max) {
  option.allowed = std::to_string(min) + " to " + std::to_string(max);
  option.set = [=](Config& c, const std::vector<std::string>& values, std::string& wrong) {
    const auto n = parseNumber(wrong = values.front());
    if (!n || *n < min || *n > max) return false;
    member(c) = static_cast<std::decay_t<decltype(member(c))>>(*n);
    return true;
  };
  option.get = [=](const Config& c) { return std::vector{std::to_string(member(c))}; };
}

/// A number that may be absent: an empty value.
template <class Member>
void optionalNumber(Option& option, Member member, uint64_t min, uint64_t max) {
  option.allowed = std::to_string(min) + " to " + std::to_string(max) + ", or empty for none";
  option.set = [=](Config& c, const std::vector<std::string>& values, std::string& wrong) {
    member(c).reset();
    if ((wrong = values.front()).empty()) return true;
    const auto n = parseNumber(wrong);
    if (!n || *n < min || *n > max) return false;
    member(c) = static_cast<typename std::decay_t<decltype(member(c))>::value_type>(*n);
    return true;
  };
  option.get = [=](const Config& c) { return std::vector{member(c) ? std::to_string(*member(c)) : std::string()}; };
}

/// One of a few words, each standing for a value.
template <class Member, class Value>
void choice(Option& option, Member member, std::vector<std::pair<std::string, Value>> words) {
  for (size_t i = 0; i < words.size(); ++i)
    option.allowed += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i].first;
  option.set = [=](Config& c, const std::vector<std::string>& values, std::string& wrong) {
    wrong = values.front();
    for (const auto& [word, value] : words) {
      if (word != wrong) continue;
      member(c) = value;
      return true;
    }
    return false;
  };
  option.get = [=](const Config& c) {
    for (const auto& [word, value] : words)
      if (value == member(c)) return std::vector{word};
    return std::vector{std::string()};
  };
}

/// A text that `allows` accepts.
template <class Member>
void text(Option& option, Member member, std::string allowed, bool (*allows)(const std::string&)) {
  option.allowed = std::move(allowed);
  option.set = [=](Config& c, const std::vector<std::string>& values, std::string& wrong) {
    if (!allows(wrong = values.front())) return false;
    member(c) = wrong;
    return true;
  };
  option.get = [=](const Config& c) { return std::vector{member(c)}; };
}

/// Any number of texts up to `count_max`, each of which `allows` accepts.
template <class Member>
void list(Option& option, Member member, size_t count_max, std::string allowed, bool (*allows)(const std::string&)) {
  option.list = true;
  option.allowed = std::move(allowed) + "; at most " + std::to_string(count_max);
  option.set = [=](Config& c, const std::vector<std::string>& values, std::string& wrong) {
    if (values.size() > count_max) {
      wrong = std::to_string(values.size()) + " values";
      return false;
    }
    for (const std::string& value : values)
      if (!allows(wrong = value)) return false;
    member(c) = values;
    return true;
  };
  option.get = [=](const Config& c) { return member(c); };
}

}  // namespace kind
}  // namespace penstock
