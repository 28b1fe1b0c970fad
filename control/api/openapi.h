// The description of the HTTP API, as the file openapi.json has it.
#pragma once

#include <string_view>

namespace penstock {

extern const std::string_view kOpenApi;

}  // namespace penstock
