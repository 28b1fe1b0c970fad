// Allocation of rows: generations, late reuse, taking over after a restart.
#include "control/seam/row_index.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using contract::RowReference;

TEST(RowIndex, gives_the_same_row_to_the_same_id) {
  RowIndex index(4);
  const auto a = index.acquire("a");
  EXPECT_EQ(index.acquire("a"), a);
  EXPECT_EQ(*a, (RowReference{0, 1}));
  EXPECT_EQ(*index.acquire("b"), (RowReference{1, 1}));
  EXPECT_EQ(*index.idOf(*a), "a");
}

TEST(RowIndex, reuses_a_freed_row_last_and_with_the_next_generation) {
  RowIndex index(3);
  for (const char* id : {"a", "b"}) index.acquire(id);
  index.release("b");
  index.release("a");
  EXPECT_EQ(*index.acquire("c"), (RowReference{2, 1})) << "a row never used comes first";
  EXPECT_EQ(*index.acquire("d"), (RowReference{1, 2})) << "then the one freed longest ago";
  EXPECT_EQ(*index.acquire("e"), (RowReference{0, 2}));
  EXPECT_FALSE(index.acquire("f")) << "full";
  EXPECT_EQ(index.idOf({1, 1}), nullptr) << "the former use is over";
  EXPECT_EQ(*index.idOf({1, 2}), "d");
  EXPECT_EQ(index.idOf({3, 1}), nullptr) << "no such row";
}

TEST(RowIndex, never_gives_out_generation_zero) {
  RowIndex index(1);
  index.see(0, UINT32_MAX);
  index.letGo(0);
  EXPECT_EQ(*index.acquire("a"), (RowReference{0, 1}));
}

TEST(RowIndex, after_a_restart_leaves_seen_rows_alone_until_they_are_adopted_or_let_go) {
  RowIndex index(3);
  index.see(0, 7);
  index.see(1, 9);
  EXPECT_EQ(*index.acquire("new"), (RowReference{2, 1}));
  EXPECT_FALSE(index.acquire("another"));
  index.adopt("old", 1);
  EXPECT_EQ(*index.find("old"), (RowReference{1, 9})) << "an adopted row keeps its generation";
  index.letGo(0);
  EXPECT_EQ(*index.acquire("another"), (RowReference{0, 8}));
}

}  // namespace
}  // namespace penstock
