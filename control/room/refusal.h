// How a request is refused: one shape for the HTTP API, the WebSocket protocol, WHIP and WHEP.
#pragma once

#include <expected>
#include <string>

namespace penstock {

struct Refusal {
  int status;           // HTTP status
  std::string code;     // machine-readable, snake_case, stable: "room_full", "track_unknown", "sdp_invalid"
  std::string message;  // one sentence for a person
};

template <class T>
using Result = std::expected<T, Refusal>;

}  // namespace penstock
