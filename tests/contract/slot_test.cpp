// The commit mark: whole rows are read, half-written and never-written ones are told apart.
#include "dataplane/contract/regions.h"

#include <gtest/gtest.h>

namespace penstock::contract {
namespace {

TEST(Slot, never_written_is_empty) {
  Slot<TrackRow> slot{};
  TrackRow row;
  EXPECT_EQ(slot.read(row), SlotState::kEmpty);
}

TEST(Slot, published_row_is_read_back) {
  Slot<TrackRow> slot{};
  slot.publish({.generation = 7, .state = RowState::kUsed});
  TrackRow row;
  ASSERT_EQ(slot.read(row), SlotState::kCommitted);
  EXPECT_EQ(row.generation, 7u);
  EXPECT_EQ(slot.commit_mark.load() % 2, 0u);
}

TEST(Slot, writer_that_died_in_between_leaves_it_torn_until_the_next_publish) {
  Slot<TrackRow> slot{};
  slot.publish({.generation = 7});
  slot.commit_mark |= 1;
  TrackRow row;
  EXPECT_EQ(slot.read(row), SlotState::kTorn);
  slot.publish({.generation = 8});
  ASSERT_EQ(slot.read(row), SlotState::kCommitted);
  EXPECT_EQ(row.generation, 8u);
}

TEST(Counters, names_are_in_the_order_of_the_enum) {
  EXPECT_EQ(kCounterTexts[static_cast<size_t>(Counter::received)].name, "received");
  EXPECT_EQ(kCounterTexts[kFirstReceiveDrop].name, "frame_truncated");
  EXPECT_EQ(kCounterTexts[kFirstSendDrop].name, "send_no_address");
  EXPECT_TRUE(isReceiveDrop(static_cast<size_t>(Counter::srtcp_replayed)));
  EXPECT_TRUE(isSendDrop(static_cast<size_t>(Counter::send_queue_full)));
}

}  // namespace
}  // namespace penstock::contract
