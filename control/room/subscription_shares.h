// Who has how many rows of the subscription table. A room may have as many as are left free for others, a subject of
// tokens a third as many: alone that is a half and a quarter of the table, and however many take all that they may,
// something is left for the next.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "control/room/refusal.h"

namespace penstock {

class SubscriptionShares {
 public:
  explicit SubscriptionShares(size_t rows_max) : rows_max_(rows_max) {}

  /// May a participant have `after` rows, who has `before`? Subject empty: nobody signed for it.
  Result<void> check(const std::string& room, const std::string& subject, size_t before, size_t after) const;
  void change(const std::string& room, const std::string& subject, size_t before, size_t after);
  size_t used() const { return used_; }

 private:
  using Counts = std::unordered_map<std::string, size_t>;
  static size_t of(const Counts& counts, const std::string& key);
  static void change(Counts& counts, const std::string& key, size_t before, size_t after);

  size_t rows_max_;
  size_t used_ = 0;
  Counts by_room_, by_subject_;  // none is zero
};

}  // namespace penstock
