// See schema.h.
#include "tests/api/schema.h"

#include <regex>
#include <set>

#include <boost/json/serialize.hpp>

namespace penstock::test {

namespace json = boost::json;

const json::object& resolve(const json::object& document, const json::object& maybe_reference) {
  if (!maybe_reference.contains("$ref")) return maybe_reference;
  const std::string reference(maybe_reference.at("$ref").as_string());
  const json::object* at = &document;
  for (size_t start = 2; start < reference.size();) {
    const size_t end = std::min(reference.find('/', start), reference.size());
    at = &at->at(reference.substr(start, end - start)).as_object();
    start = end + 1;
  }
  return *at;
}

namespace {

bool isOfType(const json::value& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  return false;
}

void checkObject(const json::object& document, const json::object& schema, const json::object& value,
                 const std::string& place, std::vector<std::string>& wrong) {
  static const json::object kNone;
  const json::object& properties = schema.contains("properties") ? schema.at("properties").as_object() : kNone;
  if (schema.contains("required")) {
    for (const json::value& name : schema.at("required").as_array()) {
      if (!value.contains(name.as_string())) wrong.push_back(place + ": no " + std::string(name.as_string()));
    }
  }
  for (const auto& member : value) {
    const std::string at = place + "." + std::string(member.key());
    const json::object* member_schema = nullptr;
    if (properties.contains(member.key())) {
      member_schema = &properties.at(member.key()).as_object();
    } else if (schema.contains("additionalProperties")) {
      const json::value& additional = schema.at("additionalProperties");
      if (additional.is_object()) member_schema = &additional.as_object();
      if (additional.is_bool() && !additional.as_bool()) wrong.push_back(at + ": not described");
    }
    if (member_schema == nullptr) continue;
    for (std::string& each : violations(document, *member_schema, member.value(), at)) wrong.push_back(std::move(each));
  }
}

}  // namespace

std::vector<std::string> violations(const json::object& document, const json::object& schema_or_reference,
                                    const json::value& value, const std::string& place) {
  static const std::set<std::string_view> kKnown{"type",    "properties", "required",    "additionalProperties",
                                                 "items",   "enum",       "pattern",     "minimum",
                                                 "maximum", "nullable",   "description", "format"};
  const json::object& schema = resolve(document, schema_or_reference);
  std::vector<std::string> wrong;
  for (const auto& member : schema) {
    if (!kKnown.contains(member.key()))
      wrong.push_back(place + ": the test does not know " + std::string(member.key()));
  }
  if (value.is_null() && schema.contains("nullable") && schema.at("nullable").as_bool()) return wrong;
  const std::string type(schema.at("type").as_string());
  if (!isOfType(value, type)) {
    wrong.push_back(place + ": " + json::serialize(value) + " is not of type " + type);
    return wrong;
  }
  if (value.is_object()) checkObject(document, schema, value.as_object(), place, wrong);
  if (value.is_array()) {
    size_t i = 0;
    for (const json::value& item : value.as_array()) {
      const std::string at = place + "[" + std::to_string(i++) + "]";
      for (std::string& each : violations(document, schema.at("items").as_object(), item, at)) wrong.push_back(each);
    }
  }
  if (schema.contains("enum")) {
    bool found = false;
    for (const json::value& allowed : schema.at("enum").as_array()) found |= allowed == value;
    if (!found) wrong.push_back(place + ": " + json::serialize(value) + " is none of the enum");
  }
  if (value.is_string()) {
    const std::string text(value.as_string());
    if (schema.contains("pattern") &&
        !std::regex_match(text, std::regex(std::string(schema.at("pattern").as_string())))) {
      wrong.push_back(place + ": \"" + text + "\" does not match the pattern");
    }
    static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)");
    if (schema.contains("format") && !std::regex_match(text, kTime)) wrong.push_back(place + ": not a date-time");
  }
  if (value.is_number()) {
    const double number = value.to_number<double>();
    if (schema.contains("minimum") && number < schema.at("minimum").to_number<double>())
      wrong.push_back(place + ": too small");
    if (schema.contains("maximum") && number > schema.at("maximum").to_number<double>())
      wrong.push_back(place + ": too large");
  }
  return wrong;
}

}  // namespace penstock::test
