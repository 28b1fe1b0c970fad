// Which row of a table belongs to which entity, and which row is given out next.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/contract/rows.h"

namespace penstock {

/// Allocates (index, generation) by entity id. A freed index is given out again as late as possible, and with the next
/// generation, so that a late event or report about its former use is recognised as such. Allocated once.
class RowIndex {
 public:
  explicit RowIndex(uint32_t rows_max) : rows_(rows_max) {}

  std::optional<contract::RowReference> find(const std::string& id) const {
    const auto it = by_id_.find(id);
    if (it == by_id_.end()) return std::nullopt;
    return contract::RowReference{it->second, rows_[it->second].generation};
  }

  /// The row of `id`, or a new one; nullopt when the table is full.
  std::optional<contract::RowReference> acquire(const std::string& id) {
    if (const auto found = find(id)) return found;
    // Rows seen after a restart are in the queue of freed ones, or adopted.
    while (never_used_ < rows_.size() && rows_[never_used_].seen) ++never_used_;
    uint32_t index;
    if (never_used_ < rows_.size()) {
      index = never_used_++;
    } else if (!freed_.empty()) {
      index = freed_.front();
      freed_.pop_front();
    } else {
      return std::nullopt;
    }
    rows_[index].generation = next(rows_[index].generation);
    bind(id, index);
    return contract::RowReference{index, rows_[index].generation};
  }

  /// The row of `from` becomes that of `to`, in the same use of it. False: there is none.
  bool rename(const std::string& from, const std::string& to) {
    const auto it = by_id_.find(from);
    if (it == by_id_.end()) return false;
    const uint32_t index = it->second;
    by_id_.erase(it);
    bind(to, index);
    return true;
  }

  /// What the row was; the caller publishes it as free.
  std::optional<contract::RowReference> release(const std::string& id) {
    const auto found = find(id);
    if (!found) return std::nullopt;
    by_id_.erase(id);
    rows_[found->index].id.clear();
    rows_[found->index].used = false;
    freed_.push_back(found->index);
    return found;
  }

  /// nullptr when that use of the row is over, or the index is none.
  const std::string* idOf(contract::RowReference row) const {
    if (row.index >= rows_.size()) return nullptr;
    const Entry& entry = rows_[row.index];
    return entry.used && entry.generation == row.generation ? &entry.id : nullptr;
  }

  bool isUsed(uint32_t index) const { return rows_[index].used; }
  uint32_t generationOf(uint32_t index) const { return rows_[index].generation; }
  size_t size() const { return by_id_.size(); }
  size_t capacity() const { return rows_.size(); }

  // After a restart of penstockd: first every row that was ever used is seen, then those still wanted are adopted,
  // and the rest is let go.

  void see(uint32_t index, uint32_t generation) {
    rows_[index].generation = generation;
    rows_[index].seen = true;
  }
  void letGo(uint32_t index) { freed_.push_back(index); }
  void adopt(const std::string& id, uint32_t index) { bind(id, index); }

 private:
  struct Entry {
    std::string id;
    uint32_t generation = 0;  // of the current use, or of the last one
    bool used = false;
    bool seen = false;
  };

  /// Generation 0 names nothing.
  static uint32_t next(uint32_t generation) { return generation == UINT32_MAX ? 1 : generation + 1; }

  void bind(const std::string& id, uint32_t index) {
    rows_[index].id = id;
    rows_[index].used = true;
    by_id_[id] = index;
  }

  std::vector<Entry> rows_;
  std::unordered_map<std::string, uint32_t> by_id_;
  std::deque<uint32_t> freed_;
  uint32_t never_used_ = 0;
};

}  // namespace penstock
