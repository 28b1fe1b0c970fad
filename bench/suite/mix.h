// A mix of rooms from a file, for those who know what their rooms are like.
#pragma once

#include <string>
#include <vector>

#include "bench/load/scenario.h"

namespace penstock::bench {

/// A JSON array of {"rooms", "participants", "publishers", "one_way", "video": {"bytes", "per_second"}, "audio":
/// {...}}. Throws std::invalid_argument.
std::vector<RoomShape> readMix(const std::string& text);

}  // namespace penstock::bench
