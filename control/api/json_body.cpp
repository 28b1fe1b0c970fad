// See json_body.h.
#include "control/api/json_body.h"

#include <boost/json/parse.hpp>

#include "control/api/handlers.h"

namespace penstock {

namespace json = boost::json;

std::expected<json::object, Response> readBody(const Request& request, const std::set<std::string_view>& members) {
  using handlers::badRequest;
  boost::system::error_code error;
  json::value value = json::parse(request.body, error);
  if (error) return std::unexpected(badRequest("json_invalid", "The body is not JSON: " + error.message() + "."));
  if (!value.is_object()) return std::unexpected(badRequest("json_invalid", "The body must be a JSON object."));
  for (const auto& member : value.get_object()) {
    if (members.contains(member.key())) continue;
    return std::unexpected(badRequest("field_unknown", "There is no field \"" + std::string(member.key()) + "\"."));
  }
  return std::move(value.get_object());
}

void JsonReader::refuse(const std::string& member, const std::string& what, const char* code) {
  if (!refusal_) refusal_ = Refusal{400, code, pathOf(member) + " " + what};
}

void JsonReader::take(const JsonReader& other) {
  if (!refusal_) refusal_ = other.refusal_;
}

void JsonReader::only(const json::object& object, const std::set<std::string_view>& members) {
  for (const auto& member : object)
    if (!members.contains(member.key())) refuse(std::string(member.key()), "is not a field.", "field_unknown");
}

void JsonReader::text(const json::object& object, const char* member, std::string& to) {
  const json::value* value = object.if_contains(member);
  if (value == nullptr) return;
  if (!value->is_string()) return refuse(member, "must be a text.");
  to = std::string(value->get_string());
}

bool JsonReader::number(const json::object& object, const char* member, uint64_t min, uint64_t max, uint64_t& to) {
  const json::value* value = object.if_contains(member);
  if (value == nullptr) return false;
  const bool whole = value->is_int64() && value->get_int64() >= 0;
  if (!whole || static_cast<uint64_t>(value->get_int64()) < min || static_cast<uint64_t>(value->get_int64()) > max) {
    refuse(member, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) + ".");
    return false;
  }
  to = static_cast<uint64_t>(value->get_int64());
  return true;
}

const json::object* JsonReader::object(const json::object& object, const char* member) {
  const json::value* value = object.if_contains(member);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) refuse(member, "must be an object.");
  return value->if_object();
}

const json::array* JsonReader::array(const json::object& object, const char* member, size_t size_max) {
  const json::value* value = object.if_contains(member);
  if (value == nullptr) return nullptr;
  if (!value->is_array() || value->get_array().size() > size_max) {
    refuse(member, "must be a list of at most " + std::to_string(size_max) + ".");
    return nullptr;
  }
  return value->if_array();
}

}  // namespace penstock
