// A response's status line and headers, as bytes.
#pragma once

#include <string>

#include "control/api/http_message.h"

namespace penstock {

/// How the client knows where the body ends.
enum class BodyEnd { kLength, kLastChunk, kConnection };

std::string headText(const Response& response, bool keep_alive, BodyEnd end);

}  // namespace penstock
