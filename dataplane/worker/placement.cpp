#include "dataplane/worker/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/value.h"

namespace penstock {
namespace {

constexpr size_t kCoresToOwnOne = 4;

}  // namespace

std::expected<std::optional<int>, std::string> placeWorker(std::string_view workers, const std::vector<int>& allowed) {
  if (workers == "auto") return allowed.size() < kCoresToOwnOne ? std::nullopt : std::optional(allowed.back());
  const auto cores = parseCores(workers);
  if (!cores) return std::unexpected(fmt::format("\"{}\" is no list of cores", workers));
  for (unsigned core : *cores) {
    if (std::ranges::find(allowed, static_cast<int>(core)) == allowed.end()) {
      return std::unexpected(fmt::format("core {} is not one that this process may use", core));
    }
  }
  return static_cast<int>(cores->front());
}

}  // namespace penstock
