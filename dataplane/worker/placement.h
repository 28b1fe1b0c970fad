// Which core a worker is pinned to: the settings' choice, or none where cores are few. Pure.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// `workers` is the option's value, `allowed` the cores that this process may use, in order. nullopt: do not pin.
/// "auto" takes the last core of four or more for itself, and shares where there are fewer.
std::expected<std::optional<int>, std::string> placeWorker(std::string_view workers, const std::vector<int>& allowed);

}  // namespace penstock
