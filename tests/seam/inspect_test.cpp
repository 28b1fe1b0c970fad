// What penstockctl shows: everything programmed, every counter, no secret.
#include "control/seam/inspect.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include "control/seam/table_writer.h"
#include "tests/seam/fake_dataplane.h"

namespace penstock {
namespace {

using contract::Counter;
using test::FakeDataplane;
using test::TemporaryDirectory;

struct World {
  World() : tables(directory.path(), ""), reports(directory.path()), writer(context.get_executor(), tables, reports) {
    Transport transport{.id = "a", .ice_ufrag = "visible", .ice_pwd = "secretpasswordsecretpass"};
    transport.keys = SrtpKeys{.profile = 7,
                              .receive_key = std::string(32, 'a'),
                              .receive_salt = std::string(24, 'b'),
                              .send_key = std::string(32, 'c'),
                              .send_salt = std::string(24, 'd')};
    transport.extension_id[0] = 4;
    writer.putTransport(transport);
    const Codec opus{.name = "opus", .clock_rate_hz = 48'000, .channels = 2, .payload_type = 111};
    const Track track{.id = "t", .mid = "0", .codecs = {opus}, .encodings = {{.ssrc = 1000}}, .muted_by_self = true};
    writer.putTrack("a", track);
    writer.putSubscription("a", {.track = "t", .mid = "7", .ssrc = 5, .codecs = {opus}, .active = true}, track);
  }
  TemporaryDirectory directory;
  boost::asio::io_context context;
  TablesFile tables;
  ReportsFile reports;
  TableWriter writer;
};

TEST(Inspect, tables_shows_rows_and_addresses_but_no_key_or_password) {
  World world;
  FakeDataplane dataplane(world.directory.path(), 1);
  auto& stats = dataplane.region().transport[0];
  stats.generation = 1;
  stats.nominated = 1;
  stats.remote = {.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 9}, .port_be = htons(5000)};
  const auto out = inspectTables(world.tables.region(), &dataplane.region());
  ASSERT_EQ(out.at("transports").as_array().size(), 1u);
  const auto& transport = out.at("transports").at(0);
  EXPECT_EQ(transport.at("row"), "0.1");
  EXPECT_EQ(transport.at("ufrag"), "visible");
  EXPECT_EQ(transport.at("srtp"), "AES-128-GCM");
  EXPECT_EQ(transport.at("remote"), "198.18.0.9:5000");
  EXPECT_EQ(transport.at("extensions"), "mid=4");
  EXPECT_EQ(out.at("tracks").at(0).at("muted"), true);
  EXPECT_EQ(out.at("tracks").at(0).at("ssrc/rtx"), "1000/0");
  EXPECT_EQ(out.at("subscriptions").at(0).at("payload_types"), "111>111");
  const std::string text = boost::json::serialize(out);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_EQ(text.find("aaaa"), std::string::npos);
  EXPECT_EQ(text.find("cccc"), std::string::npos);
}

TEST(Inspect, tables_tells_plain_transports_from_those_with_ICE) {
  World world;
  Transport plain{.id = "p", .ice_ufrag = "just-a-name", .keys = SrtpKeys{.profile = 0xff00}, .plain = true};
  plain.remote_ip = "2001:db8::9";
  plain.remote_port = 4000;
  world.writer.putTransport(plain);
  Transport latching{.id = "l", .ice_ufrag = "another-name", .plain = true};
  latching.keys = SrtpKeys{7, std::string(32, 'a'), std::string(24, 'b'), std::string(32, 'c'), std::string(24, 'd')};
  world.writer.putTransport(latching);
  const auto out = inspectTables(world.tables.region(), nullptr);
  const auto& transports = out.at("transports").as_array();
  ASSERT_EQ(transports.size(), 3u);
  EXPECT_EQ(transports.at(0).at("kind"), "ICE");
  EXPECT_EQ(transports.at(0).at("given"), "");
  EXPECT_EQ(transports.at(1).at("kind"), "plain");
  EXPECT_EQ(transports.at(1).at("given"), "[2001:db8::9]:4000");
  EXPECT_EQ(transports.at(1).at("srtp"), "unprotected");
  EXPECT_EQ(transports.at(2).at("kind"), "plain, latching");
  EXPECT_EQ(transports.at(2).at("given"), "");
}

TEST(Inspect, tables_shows_torn_rows_and_leaves_free_ones_out) {
  World world;
  world.writer.removeSubscription("a", "t");
  world.tables.region().track[0].commit_mark.fetch_or(1);
  const auto out = inspectTables(world.tables.region(), nullptr);
  EXPECT_EQ(out.at("subscriptions").as_array().size(), 0u);
  EXPECT_EQ(out.at("tracks").at(0).at("row"), "0.? (torn)");
}

TEST(Inspect, drops_lists_every_counter_and_notices_a_packet_unaccounted_for) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1, 2);
  auto& reports = dataplane.region();
  reports.worker[0].counters.add(Counter::received, 10);
  reports.worker[0].counters.add(Counter::forwarded, 6);
  reports.worker[1].counters.add(Counter::received, 3);
  reports.worker[1].counters.add(Counter::srtp_replayed, 3);
  reports.worker[0].counters.add(Counter::punted, 1);
  reports.housekeeping.add(Counter::answered, 2);
  reports.housekeeping.add(Counter::made, 4);
  reports.worker[0].counters.add(Counter::sent, 3);
  reports.worker[0].counters.add(Counter::send_queue_full, 1);
  reports.worker[5].counters.add(Counter::received, 1000);  // no such worker
  const auto out = inspectDrops(reports);
  EXPECT_EQ(out.at("counters").as_array().size(), contract::kCounterCount);
  EXPECT_EQ(out.at("receive").at("received"), 13u);
  EXPECT_EQ(out.at("receive").at("dropped"), 3u);
  EXPECT_EQ(out.at("receive").at("difference"), 1);
  EXPECT_EQ(out.at("send").at("difference"), 0);
}

TEST(Inspect, cycles_are_per_packet_and_parts_of_all) {
  TemporaryDirectory directory;
  FakeDataplane dataplane(directory.path(), 1, 2);
  auto& reports = dataplane.region();
  reports.status.cycles_hz = 2'600'000'000;
  reports.worker[1].stages.add(contract::Stage::classify, 1000, 10);
  reports.worker[1].stages.add(contract::Stage::protect, 2000, 4);
  reports.worker[1].stages.add(contract::Stage::protect, 1000, 2);
  const auto out = inspectCycles(reports);
  EXPECT_EQ(out.at("cycles_hz"), 2'600'000'000u);
  ASSERT_EQ(out.at("workers").as_array().size(), 2u);
  const auto& stages = out.at("workers").at(1).at("stages").as_array();
  ASSERT_EQ(stages.size(), contract::kStageCount);
  const auto& protect = stages[static_cast<size_t>(contract::Stage::protect)];
  EXPECT_EQ(protect.at("stage"), "protect");
  EXPECT_EQ(protect.at("packets"), 6u);
  EXPECT_EQ(protect.at("cycles_per_packet"), 500u);
  EXPECT_EQ(protect.at("percent"), 75u);
  EXPECT_EQ(stages[static_cast<size_t>(contract::Stage::send)].at("cycles_per_packet"), 0u);
  EXPECT_EQ(out.at("workers").at(0).at("stages").at(0).at("percent"), 0u);
}

TEST(Inspect, status_tells_who_lives) {
  World world;
  const uint64_t now = world.tables.region().header.heartbeat_ns;
  FakeDataplane dataplane(world.directory.path(), 1);
  dataplane.region().header.heartbeat_ns = now - 2'000'000'000;
  dataplane.region().doorbell_tail.count = 1;
  const auto out = inspectStatus(&world.tables.region(), &dataplane.region(), now);
  EXPECT_EQ(out.at("control").at("alive"), true);
  EXPECT_EQ(out.at("control").at("transports"), 1u);
  EXPECT_EQ(out.at("dataplane").at("alive"), false);
  EXPECT_EQ(out.at("dataplane").at("reads_these_tables"), false);
  EXPECT_EQ(out.at("dataplane").at("heartbeat_age_ms"), 2000u);
  EXPECT_EQ(out.at("rings").at("doorbells"), 2u);
  EXPECT_EQ(inspectStatus(nullptr, nullptr, now).at("control").at("present"), false);
}

}  // namespace
}  // namespace penstock
