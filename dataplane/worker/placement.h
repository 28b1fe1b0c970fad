// How many workers there are and which core each is pinned to: the settings' choice, or what suits the machine. Pure.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// `workers` is the option's value, `allowed` the cores that this process may use, in order. nullopt: do not pin.
/// "auto" leaves one core of each four to everything else; with fewer than four there is one worker, which is not
/// pinned.
std::expected<std::vector<std::optional<int>>, std::string> placeWorkers(std::string_view workers,
                                                                         const std::vector<int>& allowed);

}  // namespace penstock
