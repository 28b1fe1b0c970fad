// See jwt.h.
#include "control/api/jwt.h"

#include <algorithm>
#include <optional>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "control/api/digest.h"
#include "control/api/encoding.h"
#include "control/signalling/secret.h"

namespace penstock {
namespace {

namespace json = boost::json;
using Failure = std::unexpected<std::string>;

std::optional<json::object> decodeObject(std::string_view part) {
  const auto bytes = base64UrlDecode(part);
  if (!bytes) return std::nullopt;
  boost::system::error_code error;
  json::value value = json::parse(*bytes, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

/// nullopt: present, but not a string. Absent reads as empty.
std::optional<std::string> text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

/// RFC 7519 section 2: NumericDate is a number of seconds, possibly with a fraction.
std::optional<double> number(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double()) return value.get_double();
  return std::nullopt;
}

std::expected<RoomGrant, std::string> readGrant(const json::object& claims) {
  const json::value* room = claims.if_contains("room");
  if (room == nullptr || !room->is_object()) return Failure("the claim \"room\" is missing or not an object");
  RoomGrant grant;
  const json::object& object = room->get_object();
  const auto name = text(object, "name");
  if (!name || (*name != "*" && !isRoomName(*name))) return Failure("room.name is neither a room name nor \"*\"");
  grant.name = *name;
  const std::pair<const char*, bool*> flags[] = {{"join", &grant.join},
                                                 {"publish", &grant.publish},
                                                 {"subscribe", &grant.subscribe},
                                                 {"moderate", &grant.moderate},
                                                 {"admin", &grant.admin}};
  for (const auto& [flag, to] : flags) {
    const json::value* value = object.if_contains(flag);
    if (value == nullptr) continue;
    if (!value->is_bool()) return Failure(std::string("room.") + flag + " is not true or false");
    *to = value->get_bool();
  }
  return grant;
}

/// Which key is meant: by the header's kid, else by the issuer, else the only one there is.
std::expected<std::string, std::string> keyName(const json::object& header, const json::object& claims,
                                                const TokenKeys& keys) {
  const auto kid = text(header, "kid"), issuer = text(claims, "iss");
  if (!kid || !issuer) return Failure("kid or iss is not a string");
  if (!kid->empty()) return *kid;
  if (!issuer->empty() && keys.contains(*issuer)) return *issuer;
  if (keys.size() == 1) return keys.begin()->first;
  return Failure("neither kid nor iss names a key");
}

/// Of a token that is good now: until when, in milliseconds.
std::expected<uint64_t, std::string> readTimes(const json::object& claims, int64_t now_unix_s) {
  const json::value* expires = claims.if_contains("exp");
  if (expires == nullptr) return Failure("exp is required");
  const auto expires_s = number(*expires);
  if (!expires_s) return Failure("exp is not a number");
  // RFC 7519 section 4.1.4: "on or after which the JWT MUST NOT be accepted for processing"
  if (static_cast<double>(now_unix_s - kTokenLeewayS) >= *expires_s) return Failure("the token has expired");
  if (const json::value* not_before = claims.if_contains("nbf")) {
    const auto not_before_s = number(*not_before);
    if (!not_before_s) return Failure("nbf is not a number");
    if (static_cast<double>(now_unix_s + kTokenLeewayS) < *not_before_s) return Failure("the token is not valid yet");
  }
  constexpr double kLatestS = 1e12;  // tens of thousands of years
  return static_cast<uint64_t>((std::min(*expires_s, kLatestS) + kTokenLeewayS) * 1000);
}

}  // namespace

RoomGrant unlimitedGrant() {
  return {"*", true, true, true, true, true};
}

std::expected<Token, std::string> verifyToken(std::string_view encoded, const TokenKeys& keys, int64_t now_unix_s) {
  if (encoded.size() > kTokenMaxBytes) return Failure("the token is too long");
  const size_t first = encoded.find('.');
  const size_t second = first == std::string_view::npos ? first : encoded.find('.', first + 1);
  if (second == std::string_view::npos || encoded.find('.', second + 1) != std::string_view::npos) {
    return Failure("not a signed JSON Web Token");
  }
  const auto header = decodeObject(encoded.substr(0, first));
  const auto claims = decodeObject(encoded.substr(first + 1, second - first - 1));
  const auto signature = base64UrlDecode(encoded.substr(second + 1));
  if (!header || !claims || !signature) return Failure("not a signed JSON Web Token");

  // RFC 8725 section 3.1: the caller names the algorithms; "none" and everything else is refused.
  const json::value* algorithm = header->if_contains("alg");
  if (algorithm == nullptr || !algorithm->is_string() || algorithm->get_string() != "HS256") {
    return Failure("only HS256 is accepted");
  }
  // RFC 7515 section 4.1.11: an extension that is critical and not understood makes the token invalid.
  if (header->contains("crit")) return Failure("critical extensions are not understood");
  const auto key = keyName(*header, *claims, keys);
  if (!key) return Failure(key.error());
  const auto secret = keys.find(*key);
  if (secret == keys.end()) return Failure("the key is not known");
  if (!equalInConstantTime(hmacSha256(secret->second, encoded.substr(0, second)), *signature)) {
    return Failure("the signature is wrong");
  }

  const auto expires_unix_ms = readTimes(*claims, now_unix_s);
  if (!expires_unix_ms) return Failure(expires_unix_ms.error());
  const auto subject = text(*claims, "sub"), name = text(*claims, "name");
  if (!subject || !name) return Failure("sub or name is not a string");
  if (!isDisplayName(*name)) return Failure("name is longer than 64 characters or has control characters");
  if (subject->size() > 256) return Failure("sub is longer than 256 bytes");
  const auto grant = readGrant(*claims);
  if (!grant) return Failure(grant.error());
  return Token{*key, *subject, *name, *grant, *expires_unix_ms};
}

std::string signToken(const json::object& header, const json::object& claims, std::string_view secret) {
  const std::string signed_part =
      base64UrlEncode(json::serialize(header)) + "." + base64UrlEncode(json::serialize(claims));
  return signed_part + "." + base64UrlEncode(hmacSha256(secret, signed_part));
}

}  // namespace penstock
