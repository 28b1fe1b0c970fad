// A response's status line and headers, as bytes.
#pragma once

#include <string>

#include "control/api/http_message.h"

namespace penstock {

/// `has_length`: the body is all there; without it, the body ends with the connection.
std::string headText(const Response& response, bool keep_alive, bool has_length);

}  // namespace penstock
