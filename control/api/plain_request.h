// What a caller says of a plain transport, from JSON to the service's values. Pure.
#pragma once

#include <expected>

#include <boost/json/object.hpp>

#include "control/room/refusal.h"
#include "control/signalling/service.h"

namespace penstock {

/// Without the room and the identity. openapi.json describes the members.
Result<PlainRequest> readPlainRequest(const boost::json::object& body);

}  // namespace penstock
