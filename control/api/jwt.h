// Bearer tokens: JSON Web Tokens (RFC 7519) signed with HS256 by a key of `auth.key`, carrying a grant for one room or
// all.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "control/room/model.h"

namespace penstock {

/// The claim "room". What is absent is not granted.
struct RoomGrant {
  std::string name;  // a room, or "*" for all
  bool join = false;
  bool publish = false;
  bool subscribe = false;
  bool moderate = false;  // mute and kick others
  bool admin = false;     // open, change and close the room; with "*" also what concerns the whole relay

  bool covers(std::string_view room) const { return name == "*" || name == room; }
  Permissions permissions() const { return {publish, subscribe, moderate || admin}; }
};

/// Everything, everywhere: what everybody has when no keys are configured (then only loopback is listened on).
RoomGrant unlimitedGrant();

struct Token {
  std::string key;      // id of the key that signed it
  std::string subject;  // claim "sub"
  std::string name;     // claim "name"
  RoomGrant room;
  std::optional<uint64_t> expires_unix_ms;  // claim "exp", and the leeway; none: no keys, hence no token
};

using TokenKeys = std::map<std::string, std::string>;  // id -> secret

/// Clocks of integrators may be this far from ours (RFC 7519 section 4.1.4 allows "some small leeway").
inline constexpr int64_t kTokenLeewayS = 5;
inline constexpr size_t kTokenMaxBytes = 4096;

/// The reason is for the developer of the client: which check failed, never what would have passed.
std::expected<Token, std::string> verifyToken(std::string_view text, const TokenKeys& keys, int64_t now_unix_s);

/// For tests and tools.
std::string signToken(const boost::json::object& header, const boost::json::object& claims, std::string_view secret);

}  // namespace penstock
