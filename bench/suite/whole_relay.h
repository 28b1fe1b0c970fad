// What is asked of both daemons together: joins through the real signalling, and what they take when nobody speaks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

namespace penstock::bench {

/// Where this build puts penstockd and penstock-dataplane, beside this program's folder.
std::string ownPrograms();
/// Whether both are there.
bool hasDaemons(const std::string& programs);

struct SessionRequest {
  uint32_t rooms = 4, players = 50;  // of each room
  double per_second = 0;             // 0: all at once
};
/// In a process of its own. Throws std::runtime_error.
boost::json::object measureSessions(const std::string& programs, const SessionRequest& request);

struct IdleRequest {
  uint32_t participants = 100;
  double seconds = 10;
  uint32_t wakes = 30;
  uint32_t silence_ms = 200;
};
boost::json::object measureIdle(const std::string& programs, const IdleRequest& request);

}  // namespace penstock::bench
