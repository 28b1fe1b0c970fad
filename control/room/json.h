// The room model as JSON: include this where boost::json::value_from or try_value_to is used on it. Boost.Describe does
// the work: members by name, enumerations as strings, std::optional as null.
#pragma once

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "control/room/model.h"
