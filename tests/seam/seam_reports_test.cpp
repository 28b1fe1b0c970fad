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

}  // namespace
}  // namespace penstock
