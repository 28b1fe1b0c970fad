// See cpu_budgets.h.
#include "control/api/cpu_budgets.h"

#include <algorithm>

namespace penstock {

CpuBudgets::Nanoseconds CpuBudgets::debtOf(const Spent& spent, Nanoseconds now) const {
  const double paid = std::chrono::duration<double>(now - spent.at).count() * static_cast<double>(rate_.count());
  return std::max(Nanoseconds(0), spent.debt - Nanoseconds(static_cast<int64_t>(paid)));
}

void CpuBudgets::spend(const std::string& client, Nanoseconds cpu, Nanoseconds now) {
  if (client.empty()) return;
  Spent& spent = spent_.try_emplace(client, Spent{Nanoseconds(0), now}).first->second;
  spent = {debtOf(spent, now) + cpu, now};
  if (spent_.size() >= forget_at_) forgetPaid(now);
}

CpuBudgets::Nanoseconds CpuBudgets::wait(const std::string& client, Nanoseconds now) const {
  const auto found = spent_.find(client);
  if (found == spent_.end()) return Nanoseconds(0);
  const Nanoseconds over = debtOf(found->second, now) - burst_;
  if (over.count() <= 0) return Nanoseconds(0);
  const double seconds = static_cast<double>(over.count()) / static_cast<double>(rate_.count());
  return std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(seconds));
}

/// Looked for only when there are twice as many as were left the last time: that costs each client a step or two.
void CpuBudgets::forgetPaid(Nanoseconds now) {
  std::erase_if(spent_, [this, now](const auto& each) { return debtOf(each.second, now).count() == 0; });
  forget_at_ = std::max<size_t>(64, 2 * spent_.size());
}

}  // namespace penstock
