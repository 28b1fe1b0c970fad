// A request's body as a JSON object: what is there, of the type that is wanted, or the sentence that refuses it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/api/http_message.h"

namespace penstock {

/// The body as an object with no members but these; or the refusal.
std::expected<boost::json::object, Response> readBody(const Request& request,
                                                      const std::set<std::string_view>& members);

/// Reads the members of one object. The first that is wrong is kept, and named by its path: "publish[0].ssrc".
class JsonReader {
 public:
  explicit JsonReader(std::string path = "") : path_(std::move(path)) {}

  bool good() const { return !refusal_; }
  const std::optional<Refusal>& refusal() const { return refusal_; }
  void refuse(const std::string& member, const std::string& what, const char* code = "field_invalid");
  /// What another reader found wrong, if anything.
  void take(const JsonReader& other);
  std::string pathOf(const std::string& member) const {
    return path_.empty() || member.empty() ? path_ + member : path_ + "." + member;
  }

  /// No members but these.
  void only(const boost::json::object& object, const std::set<std::string_view>& members);
  /// Absent members leave `to` as it is; nullptr or false of what is there and of another type.
  void text(const boost::json::object& object, const char* member, std::string& to);
  bool number(const boost::json::object& object, const char* member, uint64_t min, uint64_t max, uint64_t& to);
  const boost::json::object* object(const boost::json::object& object, const char* member);
  const boost::json::array* array(const boost::json::object& object, const char* member, size_t size_max);

 private:
  std::string path_;
  std::optional<Refusal> refusal_;
};

}  // namespace penstock
