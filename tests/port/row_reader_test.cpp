// Rows read from a region that may hold anything: what is told to the worker, in which order, and what is counted.
#include "dataplane/worker/row_reader.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/port/sound_rows.h"

namespace penstock {
namespace {

using namespace contract;
using test::keyed;
using test::soundSubscription;
using test::soundTrack;
using test::soundTransport;

/// Writes down what it is told: "+T0" opened, "=T0" changed, "*T0" changed keys, "-T0" closed.
class Recorder final : public RowSink {
 public:
  void putTransport(uint32_t index, const TransportRow&, const TransportRow* before) override {
    note(before ? '=' : '+', 'T', index);
  }
  void putTrack(uint32_t index, const TrackRow&, const TrackRow* before, bool keys_changed) override {
    note(keys_changed ? '*' : before ? '=' : '+', 'K', index);
  }
  void putSubscription(uint32_t index, const SubscriptionRow&, const SubscriptionRow* before,
                       bool keys_changed) override {
    note(keys_changed ? '*' : before ? '=' : '+', 'S', index);
  }
  void close(RowKind kind, uint32_t index) override {
    note('-', kind == RowKind::kTransport ? 'T' : kind == RowKind::kTrack ? 'K' : 'S', index);
  }
  std::string take() { return std::exchange(notes_, {}); }

 private:
  void note(char what, char kind, uint32_t index) {
    if (!notes_.empty()) notes_ += ' ';
    notes_ += what;
    notes_ += kind;
    notes_ += std::to_string(index);
  }
  std::string notes_;
};

struct Unmap {
  void operator()(TablesRegion* region) const { munmap(region, sizeof(TablesRegion)); }
};
std::unique_ptr<TablesRegion, Unmap> makeTables() {
  void* memory = mmap(nullptr, sizeof(TablesRegion), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return std::unique_ptr<TablesRegion, Unmap>(static_cast<TablesRegion*>(memory));
}

class RowReaderTest : public testing::Test {
 protected:
  void ring(RowKind kind, uint32_t index) { reader.look({.index = index, .kind = kind, .reserved = {}}); }
  void write(uint32_t index, const TransportRow& row) {
    tables->transport[index].publish(row);
    ring(RowKind::kTransport, index);
  }
  void write(uint32_t index, const TrackRow& row) {
    tables->track[index].publish(row);
    ring(RowKind::kTrack, index);
  }
  void write(uint32_t index, const SubscriptionRow& row) {
    tables->subscription[index].publish(row);
    ring(RowKind::kSubscription, index);
  }
  void retryUntilGivenUp() {
    for (int i = 0; i < 10; ++i) reader.retry();
  }
  uint64_t count(Counter counter) const { return counters->read(counter); }
  /// Transport 0 publishes track 0, which transport 1 receives as subscription 0.
  void fill() {
    write(0, soundTransport(1, "ufragA"));
    write(1, soundTransport(1, "ufragB"));
    write(0, soundTrack({0, 1}));
    write(0, soundSubscription({0, 1}, {1, 1}));
    recorder.take();
  }

  std::unique_ptr<TablesRegion, Unmap> tables = makeTables();
  std::unique_ptr<CounterBlock> counters = std::make_unique<CounterBlock>();
  Recorder recorder;
  RowReader reader{recorder, *counters};
  void SetUp() override { reader.attach(*tables); }
};

TEST_F(RowReaderTest, rows_are_told_once_and_again_only_when_they_change) {
  write(0, soundTransport());
  EXPECT_EQ(recorder.take(), "+T0");
  ring(RowKind::kTransport, 0);
  EXPECT_EQ(recorder.take(), "");
  TransportRow row = soundTransport();
  row.receive_bitrate_max_bps = 1;
  write(0, row);
  EXPECT_EQ(recorder.take(), "=T0");
  EXPECT_EQ(count(Counter::doorbells), 3u);
}

TEST_F(RowReaderTest, attaching_reads_what_was_committed_before_in_an_order_that_can_be_applied) {
  tables->subscription[7].publish(soundSubscription({3, 1}, {2, 1}));
  tables->track[3].publish(soundTrack({9, 1}));
  tables->transport[9].publish(soundTransport(1, "ufragA"));
  tables->transport[2].publish(soundTransport(1, "ufragB"));
  reader.attach(*tables);
  EXPECT_EQ(recorder.take(), "+T2 +T9 +K3 +S7");
}

TEST_F(RowReaderTest, a_row_used_anew_closes_what_it_was_and_all_that_refers_to_it) {
  fill();
  write(0, soundTransport(2, "ufragC"));
  EXPECT_EQ(recorder.take(), "=S0 -K0 -T0 +T0");
}

TEST_F(RowReaderTest, freeing_closes_dependents_first_and_their_own_doorbells_do_nothing_more) {
  fill();
  write(1, TransportRow{.generation = 1, .state = RowState::kFree});
  EXPECT_EQ(recorder.take(), "-S0 -T1");
  write(0, SubscriptionRow{.generation = 1, .state = RowState::kFree});
  EXPECT_EQ(recorder.take(), "");
}

TEST_F(RowReaderTest, subscriptions_outlive_their_track_and_go_on_with_another) {
  fill();
  write(0, TransportRow{.generation = 1, .state = RowState::kFree});
  EXPECT_EQ(recorder.take(), "=S0 -K0 -T0") << "its index must not be forgotten";
  write(0, soundSubscription({0, 0}, {1, 1}));
  EXPECT_EQ(recorder.take(), "") << "it is known";
  write(2, soundTransport(1, "ufragC"));
  write(4, soundTrack({2, 1}));
  write(0, soundSubscription({4, 1}, {1, 1}));
  EXPECT_EQ(recorder.take(), "+T2 +K4 =S0");
  write(5, soundTrack({2, 1}, 1, 2000));
  write(0, soundSubscription({5, 1}, {1, 1}));
  EXPECT_EQ(recorder.take(), "+K5 =S0") << "without having had none in between";
  write(4, TrackRow{.generation = 1, .state = RowState::kFree});
  EXPECT_EQ(recorder.take(), "-K4") << "it is not that one's any more";
  write(1, TransportRow{.generation = 1, .state = RowState::kFree});
  EXPECT_EQ(recorder.take(), "-S0 -T1");
}

TEST_F(RowReaderTest, keys_that_arrive_later_reach_every_stream_of_the_transport) {
  fill();
  write(1, keyed(soundTransport(1, "ufragB")));
  EXPECT_EQ(recorder.take(), "=T1 *S0");
  write(0, keyed(soundTransport(1, "ufragA")));
  EXPECT_EQ(recorder.take(), "=T0 *K0");
  write(1, soundTransport(1, "ufragB"));  // keys gone: another association
  EXPECT_EQ(recorder.take(), "-S0 -T1 +T1");
}

TEST_F(RowReaderTest, a_session_that_ended_keeps_its_place_and_loses_its_streams) {
  fill();
  write(0, keyed(soundTransport(1, "ufragA")));
  write(1, keyed(soundTransport(1, "ufragB")));
  recorder.take();
  auto ended = soundTransport(1, "ufragB");
  ended.flags = kTransportEnded;
  write(1, ended);
  EXPECT_EQ(recorder.take(), "-S0 =T1");
  ended = soundTransport(1, "ufragA");
  ended.flags = kTransportEnded;
  write(0, ended);
  EXPECT_EQ(recorder.take(), "-K0 =T0");
}

TEST_F(RowReaderTest, a_torn_row_is_tried_again_then_counted_once_and_skipped) {
  write(0, soundTransport());
  tables->transport[0].commit_mark |= 1;
  recorder.take();
  ring(RowKind::kTransport, 0);
  EXPECT_EQ(count(Counter::row_torn), 0u);
  EXPECT_TRUE(reader.retryPending());
  retryUntilGivenUp();
  EXPECT_EQ(count(Counter::row_torn), 1u);
  EXPECT_FALSE(reader.retryPending());
  EXPECT_EQ(recorder.take(), "") << "what was believed before goes on";
  EXPECT_NE(reader.takeComplaint().find("row 0 of transports skipped"), std::string::npos);
}

TEST_F(RowReaderTest, a_row_that_refers_to_one_not_there_yet_is_taken_when_that_comes) {
  write(0, soundTrack({0, 1}));
  EXPECT_EQ(recorder.take(), "");
  write(0, soundTransport());
  reader.retry();
  EXPECT_EQ(recorder.take(), "+T0 +K0");
  EXPECT_EQ(count(Counter::row_generation_wrong), 0u);
}

TEST_F(RowReaderTest, wrong_generations_are_counted_and_skipped) {
  fill();
  write(1, soundTrack({0, 2}, 1, 2000));
  write(1, soundSubscription({0, 9}, {1, 1}, 1, 6000));
  write(2, soundSubscription({0, 1}, {1, 9}, 1, 7000));
  retryUntilGivenUp();
  EXPECT_EQ(count(Counter::row_generation_wrong), 3u);
  EXPECT_EQ(recorder.take(), "");
}

TEST_F(RowReaderTest, doorbells_that_cannot_be_are_counted_and_followed_nowhere) {
  ring(RowKind::kTransport, kTransportMax);
  ring(RowKind::kTrack, kTrackMax);
  ring(RowKind::kSubscription, kSubscriptionMax);
  ring(RowKind::kSubscription, UINT32_MAX);
  EXPECT_EQ(count(Counter::row_index_out_of_range), 4u);
  ring(static_cast<RowKind>(0), 0);
  ring(static_cast<RowKind>(200), UINT32_MAX);
  EXPECT_EQ(count(Counter::row_invalid), 2u);
  EXPECT_EQ(recorder.take(), "");
}

TEST_F(RowReaderTest, an_unsound_row_leaves_the_one_in_use_alone) {
  fill();
  TransportRow bad = soundTransport(5, "ufragA");
  bad.ufrag_length_bytes = 200;
  write(0, bad);
  TrackRow beyond = soundTrack({kTransportMax, 1});
  write(0, beyond);
  EXPECT_EQ(count(Counter::row_invalid), 1u);
  EXPECT_EQ(count(Counter::row_index_out_of_range), 1u);
  EXPECT_EQ(recorder.take(), "");
}

TEST_F(RowReaderTest, a_ufrag_or_ssrc_that_is_taken_is_refused_until_it_is_free) {
  fill();
  write(2, soundTransport(1, "ufragA"));
  write(1, soundTrack({0, 1}, 1, 999));                  // its RTX would be 1000, track 0's SSRC
  write(1, soundSubscription({0, 1}, {1, 1}, 1, 5001));  // subscription 0's RTX
  retryUntilGivenUp();
  EXPECT_EQ(count(Counter::row_ufrag_taken), 1u);
  EXPECT_EQ(count(Counter::row_ssrc_taken), 2u);
  EXPECT_EQ(recorder.take(), "");
  write(0, TrackRow{.generation = 1, .state = RowState::kFree});
  write(1, soundTrack({0, 1}, 1, 999));
  EXPECT_EQ(recorder.take(), "=S0 -K0 +K1");
}

TEST_F(RowReaderTest, the_same_ssrc_on_two_transports_is_two_streams) {
  fill();
  write(1, soundTrack({1, 1}, 1, 1000));
  EXPECT_EQ(recorder.take(), "+K1");
}

TEST_F(RowReaderTest, a_subscription_that_changes_its_stream_is_another_one) {
  fill();
  SubscriptionRow row = soundSubscription({0, 1}, {1, 1});
  row.flags = kSubscriptionPaused;
  write(0, row);
  EXPECT_EQ(recorder.take(), "=S0");
  write(0, soundSubscription({0, 1}, {1, 1}, 1, 8000));
  EXPECT_EQ(recorder.take(), "-S0 +S0");
}

TEST_F(RowReaderTest, in_another_region_only_rows_that_are_the_same_to_the_last_byte_stay) {
  fill();
  const auto other = makeTables();
  other->transport[0].publish(soundTransport(1, "ufragA"));
  other->transport[1].publish(soundTransport(1, "ufragX"));
  reader.closeAllBut(*other);
  EXPECT_EQ(recorder.take(), "-S0 -T1 -K0");
  reader.attach(*other);
  EXPECT_EQ(recorder.take(), "+T1");
}

}  // namespace
}  // namespace penstock
