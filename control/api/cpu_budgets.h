// How much of the control thread one client may have: of each second so many milliseconds of CPU time, and a second's
// worth at once more than that. Who spent more waits until its debt is paid.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "control/metrics/turns.h"

namespace penstock {

class CpuBudgets {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  static Nanoseconds now() { return std::chrono::steady_clock::now().time_since_epoch(); }

  /// `rate`: of each second; `burst`: what a client may spend at once that spent nothing for long.
  CpuBudgets(Nanoseconds rate, Nanoseconds burst) : rate_(rate), burst_(burst) {}

  /// `client`: any name; empty: one that is not limited. `now`: of a clock that never goes back.
  void spend(const std::string& client, Nanoseconds cpu, Nanoseconds now);
  /// How long until it may spend again; 0: now.
  Nanoseconds wait(const std::string& client, Nanoseconds now) const;
  /// Clients whose budget is not full.
  size_t size() const { return spent_.size(); }

 private:
  struct Spent {
    Nanoseconds debt;  // what is missing from a full budget, at `at`
    Nanoseconds at;
  };
  Nanoseconds debtOf(const Spent& spent, Nanoseconds now) const;
  void forgetPaid(Nanoseconds now);

  Nanoseconds rate_, burst_;
  std::map<std::string, Spent> spent_;
  size_t forget_at_ = 64;  // clients
};

/// Makes a client pay for what is done while this lives.
class Spending {
 public:
  Spending(CpuBudgets& budgets, std::string client)
      : budgets_(budgets), client_(std::move(client)), begin_(threadCpuNs()) {}
  ~Spending() { budgets_.spend(client_, std::chrono::nanoseconds(threadCpuNs() - begin_), CpuBudgets::now()); }
  Spending(const Spending&) = delete;
  Spending& operator=(const Spending&) = delete;
  void by(std::string client) { client_ = std::move(client); }

 private:
  CpuBudgets& budgets_;
  std::string client_;
  const uint64_t begin_;
};

}  // namespace penstock
