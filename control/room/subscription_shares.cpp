#include "control/room/subscription_shares.h"

#include <algorithm>

namespace penstock {

Result<void> SubscriptionShares::check(const std::string& room, const std::string& subject, size_t before,
                                       size_t after) const {
  if (after <= before) return {};
  const size_t more = after - before;
  const size_t free = rows_max_ - std::min(rows_max_, used_ + more);
  if (of(by_room_, room) + more > free)
    return std::unexpected(Refusal{503, "share_full", "The room receives as many streams as it may for now."});
  if (!subject.empty() && of(by_subject_, subject) + more > free / 3)
    return std::unexpected(
        Refusal{503, "share_full", "The subject of the token receives as many streams as it may for now."});
  return {};
}

void SubscriptionShares::change(const std::string& room, const std::string& subject, size_t before, size_t after) {
  used_ = used_ - before + after;
  change(by_room_, room, before, after);
  if (!subject.empty()) change(by_subject_, subject, before, after);
}

size_t SubscriptionShares::of(const Counts& counts, const std::string& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

void SubscriptionShares::change(Counts& counts, const std::string& key, size_t before, size_t after) {
  if (before == after) return;
  const auto found = counts.try_emplace(key, 0).first;
  found->second = found->second - before + after;
  if (found->second == 0) counts.erase(found);
}

}  // namespace penstock
