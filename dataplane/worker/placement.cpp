#include "dataplane/worker/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/value.h"
#include "dataplane/contract/limits.h"

namespace penstock {
namespace {

constexpr size_t kCoresToOwnOne = 4;

}  // namespace

std::expected<std::vector<std::optional<int>>, std::string> placeWorkers(std::string_view workers,
                                                                         const std::vector<int>& allowed) {
  std::vector<std::optional<int>> places;
  if (workers == "auto") {
    if (allowed.size() < kCoresToOwnOne) return {{std::nullopt}};
    // The first core of each four is left to the kernel, to control, and to housekeeping.
    const size_t left = (allowed.size() + kCoresToOwnOne - 1) / kCoresToOwnOne;
    for (size_t i = left; i < allowed.size() && places.size() < contract::kWorkerMax; ++i) places.push_back(allowed[i]);
    return places;
  }
  const auto cores = parseCores(workers);
  if (!cores) return std::unexpected(fmt::format("\"{}\" is no list of cores", workers));
  for (unsigned core : *cores) {
    if (std::ranges::find(allowed, static_cast<int>(core)) == allowed.end()) {
      return std::unexpected(fmt::format("core {} is not one that this process may use", core));
    }
  }
  for (unsigned core : *cores) places.push_back(static_cast<int>(core));
  return places;
}

}  // namespace penstock
