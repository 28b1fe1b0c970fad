// Just enough of JSON Schema to judge answers by openapi.json: what that file uses, and an error for anything else.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace penstock::test {

/// What is wrong with `value`, each with its place; empty = it is as the schema says. `$ref` is looked up in
/// `document`.
std::vector<std::string> violations(const boost::json::object& document, const boost::json::object& schema,
                                    const boost::json::value& value, const std::string& place = "$");

/// Follows "#/a/b/c".
const boost::json::object& resolve(const boost::json::object& document, const boost::json::object& maybe_reference);

}  // namespace penstock::test
