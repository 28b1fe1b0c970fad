// Reports taken, in order and bounded; lies about them survived.
#include "control/seam/report_reader.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/seam/fake_dataplane.h"
#include "tests/support/eventually.h"

namespace penstock {
namespace {

using contract::Event;
using contract::EventKind;
using test::FakeDataplane;
using test::TemporaryDirectory;

struct Reader {
  explicit Reader(const std::string& path)
      : tables(path, ""),
        reports(path),
        reader(context.get_executor(), tables, reports,
               {.on_event = [this](const Event& event) { events.push_back(event); },
                .on_punt = [this](const contract::Datagram& punt) { punts.push_back(punt); },
                .on_attached = [this] { ++attached; },
                .on_missed = [this] { events_at_review.push_back(events.size()); }}) {}
  void turn() {
    while (reader.poll()) {
    }
  }
  /// Its own timers run until so many events have come.
  bool takes(size_t count) {
    return test::runUntil(context, [&] { return events.size() >= count; });
  }
  boost::asio::io_context context;
  TablesFile tables;
  ReportsFile reports;
  std::vector<Event> events;
  std::vector<contract::Datagram> punts;
  int attached = 0;
  std::vector<size_t> events_at_review;
  ReportReader reader;
};

Event nominated(uint32_t index) {
  return {.kind = EventKind::kTransportNominated, .subject = {index, 1}, .time_ns = index};
}

TEST(ReportReader, does_not_take_reports_about_earlier_tables_for_its_own) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1);
  dataplane.report(nominated(0));
  dataplane.punt({0, 1}, 10, 0);
  {
    Reader control(directory.path());
    control.turn();
    EXPECT_TRUE(control.events.empty());
    EXPECT_TRUE(control.punts.empty());
    dataplane.report(nominated(1));
    control.turn();
    ASSERT_EQ(control.events.size(), 1u);
    EXPECT_EQ(control.events[0].subject.index, 1u);
  }
  dataplane.report(nominated(2));
  Reader restarted(directory.path());
  restarted.turn();
  ASSERT_EQ(restarted.events.size(), 1u) << "what was reported while penstockd was away";
  EXPECT_EQ(restarted.events[0].subject.index, 2u);
}

TEST(ReportReader, waits_for_a_dataplane_and_then_takes_what_it_reports) {
  TemporaryDirectory directory;
  Reader control(directory.path());
  EXPECT_FALSE(control.reader.poll());
  EXPECT_FALSE(control.reader.figures(0).attached);

  FakeDataplane dataplane(directory.path(), 1, 2);
  dataplane.report(nominated(3), 1);
  dataplane.punt({3, 1}, 100, 22, 0);
  control.reader.start();
  EXPECT_TRUE(control.takes(1));
  control.reader.stop();
  EXPECT_EQ(control.attached, 1);
  ASSERT_EQ(control.events.size(), 1u);
  EXPECT_EQ(control.events[0].subject.index, 3u);
  ASSERT_EQ(control.punts.size(), 1u);
  EXPECT_EQ(control.punts[0].length_bytes, 100u);
  EXPECT_EQ(control.punts[0].bytes[0], 22);
  EXPECT_EQ(control.tables.region().event_tail[1].count, 1u);
  EXPECT_EQ(control.tables.region().punt_tail[0].count, 1u);
}

TEST(ReportReader, takes_a_full_ring_in_order_and_in_bounded_turns) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1);
  Reader control(directory.path());
  control.turn();
  for (uint32_t i = 0; i < contract::kEventMax; ++i) dataplane.report(nominated(i));
  for (uint32_t i = 0; i < contract::kPuntMax; ++i) dataplane.punt({i, 1}, 1 + i, 0);
  EXPECT_TRUE(control.reader.poll()) << "more than one turn's worth";
  EXPECT_LT(control.events.size(), contract::kEventMax);
  control.turn();
  ASSERT_EQ(control.events.size(), contract::kEventMax);
  ASSERT_EQ(control.punts.size(), contract::kPuntMax);
  for (uint32_t i = 0; i < contract::kEventMax; ++i) ASSERT_EQ(control.events[i].time_ns, i);
}

TEST(ReportReader, survives_absurd_cursors_counts_lengths_and_kinds) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1, 1'000'000);
  Reader control(directory.path());
  control.turn();

  dataplane.punt({0, 1}, 0, 0);
  dataplane.punt({0, 1}, contract::kDatagramMax + 1, 0);
  dataplane.punt({0, 1}, UINT32_MAX, 0);
  dataplane.punt({contract::kTransportMax, 1}, 10, 0);
  dataplane.punt({0, 1}, contract::kDatagramMax, 0);
  Event event = nominated(contract::kTransportMax);
  dataplane.report(event);
  event = nominated(1);
  event.kind = static_cast<EventKind>(99);
  dataplane.report(event);
  event = {.kind = EventKind::kTrackStarted, .subject = {contract::kTrackMax, 1}};
  dataplane.report(event);
  control.turn();
  EXPECT_EQ(control.punts.size(), 1u);
  EXPECT_EQ(control.reader.ownFigures().punts_invalid, 4u);
  EXPECT_EQ(control.events.size(), 0u);
  EXPECT_EQ(control.reader.ownFigures().events_invalid, 3u);

  dataplane.region().worker[0].event_head.count = UINT64_MAX / 2;
  dataplane.region().worker[0].punt_head.count = 2;  // behind what was taken
  control.turn();
  EXPECT_EQ(control.reader.ownFigures().cursors_absurd, 2u);
  dataplane.report(nominated(4));
  dataplane.punt({4, 1}, 10, 0);
  control.turn();
  EXPECT_EQ(control.events.size(), 1u) << "it goes on from the head";
  EXPECT_EQ(control.punts.size(), 2u);
  EXPECT_EQ(control.reader.figures(0).workers.size(), contract::kWorkerMax);
}

TEST(ReportReader, goes_on_with_a_dataplane_that_was_made_afresh) {
  TemporaryDirectory directory;
  auto first = std::make_unique<FakeDataplane>(directory.path(), 1);
  Reader control(directory.path());
  control.turn();
  for (uint32_t i = 0; i < 100; ++i) first->report(nominated(i));
  control.turn();
  FakeDataplane second(directory.path(), 2);
  control.reader.start();
  EXPECT_TRUE(test::runUntil(control.context, [&] { return control.attached == 2; }));
  second.report(nominated(7));
  EXPECT_TRUE(control.takes(101));
  control.reader.stop();
  EXPECT_EQ(control.events.size(), 101u);
}

TEST(ReportReader, says_when_events_were_missed_and_only_after_those_that_are_there) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1, 2);
  { Reader earlier(directory.path()); }
  for (uint32_t i = 0; i < contract::kEventMax; ++i) dataplane.report(nominated(i));
  Reader control(directory.path());
  control.turn();
  EXPECT_EQ(control.events_at_review, std::vector<size_t>{contract::kEventMax}) << "once it was attached";
  dataplane.report(nominated(1));
  control.reader.start();
  EXPECT_TRUE(control.takes(contract::kEventMax + 1));
  control.context.run_for(std::chrono::milliseconds(150));
  EXPECT_EQ(control.events_at_review.size(), 1u) << "nothing was missed";
  dataplane.report(nominated(2), 1);
  dataplane.region().worker[1].counters.add(contract::Counter::events_lost);
  EXPECT_TRUE(test::runUntil(control.context, [&] { return control.events_at_review.size() == 2; }));
  EXPECT_EQ(control.events_at_review, (std::vector<size_t>{contract::kEventMax, contract::kEventMax + 2}));
  control.reader.stop();
}

TEST(ReportReader, injects_until_the_ring_is_full_and_then_drops) {
  TemporaryDirectory directory;
  Reader control(directory.path());
  std::vector<uint8_t> bytes(50, 7);
  EXPECT_FALSE(control.reader.inject({1, 1}, bytes)) << "no dataplane";
  FakeDataplane dataplane(directory.path(), 1);
  control.turn();
  control.reports.refresh();
  EXPECT_TRUE(control.reader.inject({1, 2}, bytes));
  EXPECT_EQ(control.tables.region().inject[0].length_bytes, 50u);
  EXPECT_EQ(control.tables.region().inject[0].transport, (contract::RowReference{1, 2}));
  EXPECT_FALSE(control.reader.inject({1, 2}, std::vector<uint8_t>(contract::kDatagramMax + 1)));
  EXPECT_FALSE(control.reader.inject({1, 2}, {}));
  for (uint32_t i = 1; i < contract::kInjectMax; ++i) ASSERT_TRUE(control.reader.inject({1, 2}, bytes));
  EXPECT_FALSE(control.reader.inject({1, 2}, bytes)) << "full";
  dataplane.region().inject_tail.count = 1;
  EXPECT_TRUE(control.reader.inject({1, 2}, bytes));
}

TEST(ReportReader, reads_statistics_of_the_use_of_a_row_that_is_meant) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1);
  Reader control(directory.path());
  dataplane.region().track[5].generation = 2;
  dataplane.region().track[5].packets = 123;
  control.turn();
  EXPECT_EQ(control.reader.track({5, 2})->packets, 123u);
  EXPECT_FALSE(control.reader.track({5, 1}));
  EXPECT_FALSE(control.reader.track({contract::kTrackMax, 2}));
  EXPECT_FALSE(control.reader.subscription({5, 1}));
  EXPECT_FALSE(control.reader.transport({5, 1}));
}

TEST(ReportReader, calls_a_dataplane_attached_when_it_reads_our_tables) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1);
  Reader control(directory.path());
  control.turn();
  EXPECT_FALSE(control.reader.figures(1000).attached);
  dataplane.region().status.tables_epoch = control.tables.region().header.epoch;
  dataplane.region().header.heartbeat_ns = 400;
  dataplane.region().worker[0].counters.add(contract::Counter::received, 9);
  const auto figures = control.reader.figures(1000);
  EXPECT_TRUE(figures.attached);
  EXPECT_EQ(figures.heartbeat_age_ns, 600u);
  ASSERT_EQ(figures.workers.size(), 1u);
  EXPECT_EQ(figures.workers[0][static_cast<size_t>(contract::Counter::received)], 9u);
}

}  // namespace
}  // namespace penstock
