// Reports by the ids of the model: of the right row, of the right use of it, of our tables.
#include "control/seam/seam_reports.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/seam/fake_dataplane.h"

namespace penstock {
namespace {

TEST(SeamReports, tell_of_consent_what_the_dataplane_says_of_this_use_of_the_row) {
  test::TemporaryDirectory directory;
  boost::asio::io_context context;
  TablesFile tables(directory.path(), "");
  ReportsFile reports_file(directory.path());
  TableWriter writer(context.get_executor(), tables, reports_file);
  ReportReader reader(context.get_executor(), tables, reports_file, {});
  const SeamReports reports(reader, writer);
  Transport transport;
  transport.id = "a";
  transport.ice_ufrag = "ufrag";
  transport.ice_pwd = "0123456789abcdefghijklmn";
  ASSERT_TRUE(writer.putTransport(transport));
  EXPECT_EQ(reports.consent("a"), Consent::kUnknown) << "no dataplane";

  test::FakeDataplane dataplane(directory.path(), 1);
  contract::TransportStats& stats = dataplane.region().transport[writer.transport("a")->index];
  stats.generation = writer.transport("a")->generation;
  reader.poll();
  EXPECT_EQ(reports.consent("a"), Consent::kUnknown) << "it reads other tables";
  dataplane.region().status.tables_epoch = tables.region().header.epoch;
  EXPECT_EQ(reports.consent("a"), Consent::kNever);
  stats.nominated = 1;
  stats.remote.port_be = 0x1027;
  EXPECT_EQ(reports.consent("a"), Consent::kGiven);
  stats.nominated = 0;
  EXPECT_EQ(reports.consent("a"), Consent::kLost);
  ++stats.generation;
  EXPECT_EQ(reports.consent("a"), Consent::kUnknown) << "of another use of the row";
  EXPECT_EQ(reports.consent("b"), Consent::kUnknown);
}

TEST(SeamReports, tell_who_speaks_and_what_is_held) {
  test::TemporaryDirectory directory;
  boost::asio::io_context context;
  TablesFile tables(directory.path(), "");
  ReportsFile reports_file(directory.path());
  TableWriter writer(context.get_executor(), tables, reports_file);
  ReportReader reader(context.get_executor(), tables, reports_file, {});
  const SeamReports reports(reader, writer);
  Transport transport{.id = "a", .ice_ufrag = "ufrag", .ice_pwd = "0123456789abcdefghijklmn"};
  Track track{.id = "t", .codecs = {{.name = "VP8", .clock_rate_hz = 90'000, .payload_type = 96}}, .encodings = {{1}}};
  ASSERT_TRUE(writer.putTransport(transport));
  ASSERT_TRUE(writer.putTrack("a", track));
  ASSERT_TRUE(writer.putSubscription("a", {.track = "t", .mid = "0", .ssrc = 5, .active = true}, track));
  EXPECT_FALSE(reports.speaker("a")) << "no dataplane";
  EXPECT_FALSE(reports.held("a", "t"));
  test::FakeDataplane dataplane(directory.path(), 1);
  reader.poll();
  EXPECT_FALSE(reports.speaker("a")) << "it says nothing yet";

  const contract::RowReference row = *writer.transport("a"), subscription = *writer.subscription("a", "t");
  dataplane.region().speaker[row.index] = {.generation = row.generation, .order = 3, .dominant = 1};
  dataplane.region().subscription[subscription.index].generation = subscription.generation;
  EXPECT_EQ(reports.speaker("a").value().order, 3);
  EXPECT_FALSE(reports.held("a", "t"));
  dataplane.region().subscription[subscription.index].held = 1;
  EXPECT_TRUE(reports.held("a", "t"));
  EXPECT_EQ(writer.subscriptionIds(subscription), std::pair(std::string("a"), std::string("t")));
  ++dataplane.region().speaker[row.index].generation;
  ++dataplane.region().subscription[subscription.index].generation;
  EXPECT_FALSE(reports.speaker("a"));
  EXPECT_FALSE(reports.held("a", "t"));
  writer.removeSubscription("a", "t");
  EXPECT_FALSE(writer.subscriptionIds(subscription));
}

}  // namespace
}  // namespace penstock
