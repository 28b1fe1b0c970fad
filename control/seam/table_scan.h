// Walks the rows that were ever used, without touching (and so allocating) the pages of the others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/contract/slot.h"

namespace penstock {

/// Rows are given out from the lowest index up. A refused row may leave a gap, never one this long.
inline constexpr uint32_t kScanGapMax = 4096;

template <class Row, size_t N, class Visit>
void scanTable(const contract::Slot<Row> (&table)[N], Visit visit) {
  uint32_t gap = 0;
  for (uint32_t i = 0; i < N && gap < kScanGapMax; ++i) {
    if (table[i].commit_mark.load(std::memory_order_relaxed) == 0) {
      ++gap;
    } else {
      gap = 0;
      visit(i, table[i]);
    }
  }
}

}  // namespace penstock
