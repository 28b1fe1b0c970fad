// Rows written, rows kept, doorbells rung and coalesced, and the take-over after a restart.
#include "control/seam/table_writer.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "control/seam/monotonic.h"
#include "tests/seam/fake_dataplane.h"
#include "tests/support/eventually.h"

namespace penstock {
namespace {

using contract::Doorbell;
using contract::RowKind;
using contract::RowState;
using contract::SlotState;
using test::FakeDataplane;
using test::TemporaryDirectory;

Transport transport(const std::string& id) {
  Transport t;
  t.id = id;
  t.ice_ufrag = "uf-" + id;
  t.ice_pwd = "0123456789abcdefghijklmn";
  return t;
}

SrtpKeys keys(char digit) {
  return {.profile = 7,
          .receive_key = std::string(32, digit),
          .receive_salt = std::string(24, digit),
          .send_key = std::string(32, digit),
          .send_salt = std::string(24, digit)};
}

Track track(const std::string& id, const std::string& mid) {
  Track t;
  t.id = id;
  t.mid = mid;
  t.codecs = {{.name = "opus", .clock_rate_hz = 48'000, .channels = 2, .payload_type = 111}};
  t.encodings = {{.ssrc = 1000}};
  return t;
}

Subscription subscription(const Track& of, uint32_t ssrc) {
  return {.track = of.id, .mid = "0", .ssrc = ssrc, .codecs = of.codecs, .active = true};
}

/// One life of penstockd on a directory that outlives it.
struct Control {
  explicit Control(const std::string& directory)
      : tables(directory, ""), reports(directory), writer(context.get_executor(), tables, reports) {
    reports.refresh();
  }
  contract::TablesRegion& region() { return tables.region(); }
  uint64_t doorbells() { return region().doorbell_head.count; }

  boost::asio::io_context context;
  TablesFile tables;
  ReportsFile reports;
  TableWriter writer;
};

TEST(TableWriter, writes_rows_and_rings_once_for_each_change) {
  TemporaryDirectory directory;
  Control control(directory.path());
  const Track microphone = track("mic", "0");

  EXPECT_TRUE(control.writer.putTransport(transport("a")));
  EXPECT_TRUE(control.writer.putTransport(transport("b")));
  EXPECT_TRUE(control.writer.putTrack("a", microphone));
  EXPECT_TRUE(control.writer.putSubscription("b", subscription(microphone, 7), microphone));
  EXPECT_EQ(control.doorbells(), 4u);
  EXPECT_EQ(control.region().doorbell[3].kind, RowKind::kSubscription);
  EXPECT_EQ(control.region().doorbell[3].index, 0u);

  contract::SubscriptionRow row;
  ASSERT_EQ(control.region().subscription[0].read(row), SlotState::kCommitted);
  EXPECT_EQ(row.transport, *control.writer.transport("b"));
  EXPECT_EQ(row.track, *control.writer.track("mic"));
  EXPECT_EQ(*control.writer.transportId(row.transport), "b");

  control.writer.putTransport(transport("a"));
  control.writer.putTrack("a", microphone);
  control.writer.putSubscription("b", subscription(microphone, 7), microphone);
  EXPECT_EQ(control.doorbells(), 4u) << "what is so already costs nothing";

  Track muted = microphone;
  muted.muted_by_self = true;
  control.writer.putTrack("a", muted);
  EXPECT_EQ(control.doorbells(), 5u);
  control.writer.removeSubscription("b", "mic");
  const auto figures = control.writer.figures();
  EXPECT_EQ(figures.transport.rows, 2u);
  EXPECT_EQ(figures.transport.written, 2u);
  EXPECT_EQ(figures.track.written, 2u);
  EXPECT_EQ(figures.subscription.rows, 0u);
  EXPECT_EQ(figures.subscription.written, 2u) << "the free row too";
}

TEST(TableWriter, ends_a_transport_wipes_its_keys_and_frees_it_later) {
  TemporaryDirectory directory;
  Control control(directory.path());
  Transport secured = transport("a");
  secured.keys = keys('a');
  control.writer.putTransport(secured, {.room = 4});
  EXPECT_EQ(control.region().transport[0].row.send_key.key[0], 0xaa);
  control.writer.removeTransport("a");
  contract::TransportRow row;
  ASSERT_EQ(control.region().transport[0].read(row), SlotState::kCommitted);
  EXPECT_EQ(row.state, RowState::kUsed) << "its client's checks are still answered";
  EXPECT_EQ(row.flags, contract::kTransportEnded);
  EXPECT_EQ(row.generation, 1u);
  EXPECT_EQ(row.srtp_profile, contract::SrtpProfile::kNone);
  EXPECT_EQ(row.send_key.key[0], 0);
  EXPECT_EQ(row.room, 0u);
  EXPECT_EQ(row.pwd_length_bytes, 24);
  EXPECT_EQ(*control.writer.transport("a"), (contract::RowReference{0, 1})) << "a goodbye may be under way to it";
  EXPECT_EQ(control.writer.figures().transport.rows, 0u);
  EXPECT_EQ(control.writer.figures().transports_ended, 1u);
  const uint64_t rung = control.doorbells();
  control.writer.removeTransport("a");  // twice is nothing
  EXPECT_EQ(control.doorbells(), rung);

  control.writer.freeEnded(monotonicNs() + 15'000'000'000);
  EXPECT_EQ(control.doorbells(), rung) << "some check each 15 s only";
  control.writer.freeEnded(monotonicNs() + 31'000'000'000);
  ASSERT_EQ(control.region().transport[0].read(row), SlotState::kCommitted);
  EXPECT_EQ(row.state, RowState::kFree);
  EXPECT_EQ(row.generation, 1u);
  EXPECT_EQ(row.pwd_length_bytes, 0);
  EXPECT_EQ(row.ice_pwd[0], 0);
  EXPECT_FALSE(control.writer.transport("a"));
}

TEST(TableWriter, frees_a_plain_transport_at_once) {
  TemporaryDirectory directory;
  Control control(directory.path());
  Transport plain = transport("a");
  plain.plain = true;
  plain.ice_pwd.clear();
  plain.keys = keys('a');
  ASSERT_TRUE(control.writer.putTransport(plain));
  control.writer.removeTransport("a");
  EXPECT_EQ(control.region().transport[0].row.state, RowState::kFree) << "it checks nothing";
  EXPECT_FALSE(control.writer.transport("a"));
}

TEST(TableWriter, keeps_few_of_those_that_ended_and_none_that_somebody_needs) {
  TemporaryDirectory directory;
  Control control(directory.path());
  constexpr uint32_t kAll = contract::kTransportMax;
  for (uint32_t i = 0; i < kAll; ++i) ASSERT_TRUE(control.writer.putTransport(transport(std::to_string(i))));
  for (uint32_t i = 0; i < kAll / 2; ++i) control.writer.removeTransport(std::to_string(i));
  EXPECT_EQ(control.writer.figures().transports_ended, kAll / 8);
  EXPECT_FALSE(control.writer.transport("0")) << "the oldest went";
  EXPECT_TRUE(control.writer.transport(std::to_string(kAll / 2 - 1)));
  for (uint32_t i = 0; i < kAll / 2; ++i)
    ASSERT_TRUE(control.writer.putTransport(transport("new" + std::to_string(i)))) << "as many as were removed";
  EXPECT_FALSE(control.writer.putTransport(transport("more")));
  EXPECT_EQ(control.writer.figures().transports_ended, 0u);
}

TEST(TableWriter, takes_up_what_had_ended_before_a_restart) {
  TemporaryDirectory directory;
  {
    Control control(directory.path());
    control.writer.putTransport(transport("a"));
    control.writer.removeTransport("a");
  }
  Control control(directory.path());
  control.writer.sweep();
  EXPECT_EQ(control.writer.figures().transports_ended, 1u);
  control.writer.freeEnded(monotonicNs() + 31'000'000'000);
  EXPECT_EQ(control.region().transport[0].row.state, RowState::kFree);
}

TEST(TableWriter, refuses_what_refers_to_nothing_or_does_not_fit) {
  TemporaryDirectory directory;
  Control control(directory.path());
  const Track microphone = track("mic", "0");
  EXPECT_FALSE(control.writer.putTrack("nobody", microphone));
  control.writer.putTransport(transport("a"));
  EXPECT_FALSE(control.writer.putSubscription("a", subscription(microphone, 7), microphone));
  Transport broken = transport("b");
  broken.ice_pwd = "";
  EXPECT_FALSE(control.writer.putTransport(broken));
  EXPECT_FALSE(control.writer.transport("b"));
  EXPECT_EQ(control.doorbells(), 1u);
  EXPECT_EQ(control.writer.figures().rows_refused, 3u);
}

TEST(TableWriter, gives_a_stream_with_another_ssrc_another_row) {
  TemporaryDirectory directory;
  Control control(directory.path());
  const Track microphone = track("mic", "0");
  control.writer.putTransport(transport("a"));
  control.writer.putTrack("a", microphone);
  control.writer.putSubscription("a", subscription(microphone, 7), microphone);
  const auto before = control.writer.subscription("a", "mic");
  control.writer.putSubscription("a", subscription(microphone, 9), microphone);
  EXPECT_NE(control.writer.subscription("a", "mic"), before);
  EXPECT_EQ(control.region().subscription[before->index].row.state, RowState::kFree);
}

TEST(TableWriter, keeps_the_row_of_a_stream_while_it_has_no_track_and_over_a_restart) {
  TemporaryDirectory directory;
  const Track first = track("mic", "0"), second = track("mic again", "0");
  contract::RowReference row;
  const auto at = [&](Control& control) { return control.region().subscription[row.index].row; };
  {
    Control control(directory.path());
    control.writer.putTransport(transport("a"));
    control.writer.putTransport(transport("b"));
    control.writer.putTrack("a", first);
    control.writer.putSubscription("b", subscription(first, 7), first);
    row = *control.writer.subscription("b", "mic");
    control.writer.parkSubscription("b", "mic", 7);
    control.writer.removeTrack("mic");
    EXPECT_EQ(at(control).state, RowState::kUsed);
    EXPECT_EQ(at(control).track, contract::RowReference{});
    EXPECT_FALSE(control.writer.subscription("b", "mic"));
    control.writer.removeTransport("a");
  }
  Control control(directory.path());
  control.writer.putTransport(transport("b"));
  control.writer.parkSubscription("b", "", 7);
  control.writer.parkSubscription("b", "", 8);  // of which there is none
  control.writer.sweep();
  EXPECT_EQ(at(control).state, RowState::kUsed);
  control.writer.putTransport(transport("c"));
  control.writer.putTrack("c", second);
  control.writer.putSubscription("b", subscription(second, 7), second);
  EXPECT_EQ(*control.writer.subscription("b", "mic again"), row) << "the same use of the same row";
  EXPECT_EQ(at(control).track, *control.writer.track("mic again"));
  control.writer.parkSubscription("b", "mic again", 7);
  control.writer.removeTransport("b");
  EXPECT_EQ(at(control).state, RowState::kFree);
  EXPECT_EQ(control.writer.figures().subscription.rows, 0u);
}

TEST(TableWriter, waits_for_a_full_ring_and_coalesces_by_row) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1);
  Control control(directory.path());
  control.writer.putTransport(transport("a"));
  dataplane.region().doorbell_tail.count = 1;
  control.region().doorbell_head.count = 1 + contract::kDoorbellMax;  // as if the dataplane slept

  Transport changed = transport("a");
  for (uint32_t i = 1; i <= 10; ++i) {
    changed.rtcp_ssrc = i;
    control.writer.putTransport(changed);
  }
  control.writer.putTransport(transport("b"));
  EXPECT_EQ(control.writer.figures().doorbells_waiting, 2u);
  EXPECT_EQ(control.doorbells(), 1 + contract::kDoorbellMax) << "nothing is overwritten";
  EXPECT_EQ(control.region().transport[0].row.rtcp_ssrc, 10u) << "rows are written all the same";

  dataplane.region().doorbell_tail.count += 1;  // room for one
  const auto waiting = [&control](size_t count) {
    return test::runUntil(control.context, [&] { return control.writer.figures().doorbells_waiting == count; });
  };
  EXPECT_TRUE(waiting(1));
  dataplane.region().doorbell_tail.count += 100;
  EXPECT_TRUE(waiting(0));
  EXPECT_EQ(control.doorbells(), 3 + contract::kDoorbellMax);
  EXPECT_EQ(control.region().doorbell[1].index, 0u);
  EXPECT_EQ(control.region().doorbell[2].index, 1u);
}

TEST(TableWriter, does_not_wait_for_a_dataplane_that_is_absent_or_absurd) {
  TemporaryDirectory directory;
  Control control(directory.path());
  control.region().doorbell_head.count = 10 * contract::kDoorbellMax;
  control.writer.putTransport(transport("a"));
  EXPECT_EQ(control.doorbells(), 10 * contract::kDoorbellMax + 1);

  FakeDataplane dataplane(directory.path(), 1);
  control.reports.refresh();
  control.writer.putTransport(transport("b"));
  EXPECT_EQ(control.doorbells(), 10 * contract::kDoorbellMax + 2);
}

TEST(TableWriter, beats) {
  TemporaryDirectory directory;
  Control control(directory.path());
  const uint64_t before = control.region().header.heartbeat_ns;
  EXPECT_NE(before, 0u);
  EXPECT_TRUE(test::runUntil(control.context, [&] { return control.region().header.heartbeat_ns > before; }));
}

/// What a first life leaves behind: two transports, two tracks, two subscriptions.
void firstLife(const std::string& directory) {
  Control control(directory);
  Transport a = transport("a");
  a.keys = keys('a');
  control.writer.putTransport(a);
  control.writer.putTransport(transport("b"));
  control.writer.putTrack("a", track("mic", "0"));
  control.writer.putTrack("a", track("camera", "1"));
  control.writer.putSubscription("b", subscription(track("mic", "0"), 7), track("mic", "0"));
  control.writer.putSubscription("b", subscription(track("camera", "1"), 9), track("camera", "1"));
}

TEST(TableWriter, takes_rows_over_after_a_restart_without_writing_them) {
  TemporaryDirectory directory;
  firstLife(directory.path());
  Control control(directory.path());
  const uint64_t rung = control.doorbells();

  Transport a = transport("a");
  a.keys = keys('a');
  control.writer.putTransport(transport("b"));  // in any order
  control.writer.putTransport(a);
  control.writer.putTrack("a", track("camera", "1"));
  control.writer.putTrack("a", track("mic", "0"));
  control.writer.putSubscription("b", subscription(track("camera", "1"), 9), track("camera", "1"));
  control.writer.putSubscription("b", subscription(track("mic", "0"), 7), track("mic", "0"));
  control.writer.sweep();
  EXPECT_EQ(control.doorbells(), rung);
  EXPECT_EQ(*control.writer.transport("a"), (contract::RowReference{0, 1}));
  EXPECT_EQ(*control.writer.subscription("b", "camera"), (contract::RowReference{1, 1}));
}

TEST(TableWriter, names_the_transport_that_the_same_client_publishes_on) {
  TemporaryDirectory directory;
  Control control(directory.path());
  const TransportPlace place{.room = 4, .last_n = 2, .partner = "a"};
  const auto rowOf = [&](const std::string& id) {
    return control.tables.region().transport[control.writer.transport(id)->index].row;
  };
  ASSERT_TRUE(control.writer.putTransport(transport("b"), place));
  EXPECT_EQ(rowOf("b").partner, contract::RowReference{}) << "it is not there yet";
  ASSERT_TRUE(control.writer.putTransport(transport("a"), place));
  ASSERT_TRUE(control.writer.putTransport(transport("b"), place));
  EXPECT_EQ(rowOf("b").partner, *control.writer.transport("a"));
  EXPECT_EQ(rowOf("b").room, 4u);
  EXPECT_EQ(rowOf("b").last_n, 2);
}

TEST(TableWriter, sweeps_what_no_room_wants_and_uses_other_rows_first) {
  TemporaryDirectory directory;
  firstLife(directory.path());
  Control control(directory.path());
  control.writer.putTransport(transport("b"));
  control.writer.putTransport(transport("c"));
  EXPECT_EQ(*control.writer.transport("c"), (contract::RowReference{2, 1}));
  control.writer.sweep();
  EXPECT_EQ(control.region().transport[0].row.flags, contract::kTransportEnded);
  EXPECT_EQ(control.region().transport[0].row.send_key.key[0], 0);
  EXPECT_EQ(control.region().transport[1].row.state, RowState::kUsed);
  EXPECT_EQ(control.region().track[0].row.state, RowState::kFree);
  EXPECT_EQ(control.region().subscription[1].row.state, RowState::kFree);
}

TEST(TableWriter, knows_a_transport_by_its_keys_when_its_ice_restart_was_not_stored) {
  TemporaryDirectory directory;
  firstLife(directory.path());
  Control control(directory.path());
  Transport a = transport("a");
  a.ice_ufrag = "another";
  a.keys = keys('a');
  control.writer.putTransport(a);
  EXPECT_EQ(*control.writer.transport("a"), (contract::RowReference{0, 1}));
}

TEST(TableWriter, writes_a_torn_row_again) {
  TemporaryDirectory directory;
  firstLife(directory.path());
  {
    TablesFile tables(directory.path(), "");
    tables.region().transport[1].commit_mark.fetch_or(1);
  }
  Control control(directory.path());
  control.writer.putTransport(transport("b"));
  contract::TransportRow row;
  EXPECT_EQ(control.region().transport[1].read(row), SlotState::kCommitted);
  EXPECT_EQ(*control.writer.transport("b"), (contract::RowReference{1, 1}));
}

TEST(TableWriter, refuses_the_transport_after_the_last_and_takes_one_again_when_one_went) {
  TemporaryDirectory directory;
  Control control(directory.path());
  for (uint32_t i = 0; i < contract::kTransportMax; ++i)
    ASSERT_TRUE(control.writer.putTransport(transport(std::to_string(i))));
  EXPECT_FALSE(control.writer.putTransport(transport("more")));
  control.writer.removeTransport("5");
  EXPECT_TRUE(control.writer.putTransport(transport("more")));
  EXPECT_EQ(*control.writer.transport("more"), (contract::RowReference{5, 2}));
}

}  // namespace
}  // namespace penstock
