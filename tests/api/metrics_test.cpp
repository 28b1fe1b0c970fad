// The load signal, and the text that Prometheus reads.
#include "control/metrics/metrics.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "control/metrics/turns.h"
#include "tests/api/fake_service.h"

namespace penstock {
namespace {

using contract::Counter;

DataplaneFigures figuresOf(uint64_t busy_ns, uint64_t idle_ns, uint64_t received, uint64_t sent) {
  DataplaneFigures figures;
  figures.attached = true;
  figures.workers.resize(1);
  auto& worker = figures.workers[0];
  worker[static_cast<size_t>(Counter::busy_ns)] = busy_ns;
  worker[static_cast<size_t>(Counter::idle_ns)] = idle_ns;
  worker[static_cast<size_t>(Counter::received)] = received;
  worker[static_cast<size_t>(Counter::received_bytes)] = received * 100;
  worker[static_cast<size_t>(Counter::sent)] = sent;
  worker[static_cast<size_t>(Counter::sent_bytes)] = sent * 200;
  return figures;
}

constexpr uint64_t kSecond = 1'000'000'000;

TEST(Load, is_of_the_interval_and_not_of_all_time) {
  LoadSampler sampler;
  sampler.sample(10 * kSecond, figuresOf(5 * kSecond, 5 * kSecond, 1000, 5000));
  EXPECT_EQ(sampler.load().packets_received_per_s, 0) << "one sample is no rate";
  sampler.sample(12 * kSecond, figuresOf(5 * kSecond + kSecond / 2, 5 * kSecond + 3 * kSecond / 2, 1200, 6000));
  EXPECT_DOUBLE_EQ(sampler.load().worker_busy_ratio.at(0), 0.25);
  EXPECT_DOUBLE_EQ(sampler.load().packets_received_per_s, 100);
  EXPECT_DOUBLE_EQ(sampler.load().packets_sent_per_s, 500);
  EXPECT_DOUBLE_EQ(sampler.load().bits_received_per_s, 100 * 100 * 8);
  EXPECT_DOUBLE_EQ(sampler.load().bits_sent_per_s, 500 * 200 * 8);
}

TEST(Load, a_restarted_dataplane_gives_no_absurd_rates) {
  LoadSampler sampler;
  sampler.sample(10 * kSecond, figuresOf(5 * kSecond, 5 * kSecond, 1000, 5000));
  sampler.sample(11 * kSecond, figuresOf(0, kSecond / 10, 3, 3));
  EXPECT_EQ(sampler.load().packets_received_per_s, 0);
  EXPECT_EQ(sampler.load().worker_busy_ratio.at(0), 0);
  sampler.sample(12 * kSecond, figuresOf(kSecond / 2, kSecond / 10 + kSecond / 2, 13, 3));
  EXPECT_EQ(sampler.load().packets_received_per_s, 10);
  EXPECT_DOUBLE_EQ(sampler.load().worker_busy_ratio.at(0), 0.5);
  sampler.sample(13 * kSecond, DataplaneFigures{});
  EXPECT_TRUE(sampler.load().worker_busy_ratio.empty());
}

TEST(Metrics, every_drop_has_its_name_and_threads_are_added_up) {
  test::FakeReports reports;
  reports.now = figuresOf(kSecond, kSecond, 7, 9);
  reports.now.workers.push_back(reports.now.workers[0]);
  reports.now.workers[0][static_cast<size_t>(Counter::rtp_malformed)] = 2;
  reports.now.workers[1][static_cast<size_t>(Counter::rtp_malformed)] = 3;
  reports.now.housekeeping[static_cast<size_t>(Counter::rtp_malformed)] = 4;
  const std::string text = Metrics(reports).expose({});
  for (size_t i = 0; i < contract::kCounterCount; ++i) {
    if (!contract::isReceiveDrop(i) && !contract::isSendDrop(i)) continue;
    EXPECT_NE(text.find("reason=\"" + std::string(contract::kCounterTexts[i].name) + "\""), std::string::npos);
  }
  EXPECT_NE(text.find("penstock_dataplane_receive_drops_total{reason=\"rtp_malformed\"} 9\n"), std::string::npos);
  EXPECT_NE(text.find("penstock_dataplane_received_total{thread=\"1\"} 7\n"), std::string::npos);
  EXPECT_NE(text.find("penstock_dataplane_busy_seconds_total{thread=\"0\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("penstock_dataplane_alive 1\n"), std::string::npos);
}

TEST(Metrics, without_a_dataplane_rooms_are_still_told) {
  test::FakeReports reports;
  test::FakeService service;
  ASSERT_TRUE(service.join({.room = "x", .protocol = "whip"}, nullptr));
  ASSERT_TRUE(service.publish("x", "p1", "v=0", {}));
  Metrics metrics(reports);
  metrics.httpRequest("/v1/rooms", "GET", 200);
  metrics.httpRequest("/v1/rooms", "GET", 200);
  metrics.dtls("fingerprint_mismatch", 1);
  metrics.rowsWritten("transport", 3);
  const std::string text = metrics.expose(service.rooms());
  EXPECT_NE(text.find("penstock_dataplane_alive 0\n"), std::string::npos);
  EXPECT_EQ(text.find("penstock_dataplane_received_total"), std::string::npos);
  EXPECT_NE(text.find("penstock_rooms 1\n"), std::string::npos);
  EXPECT_NE(text.find("penstock_tracks{kind=\"video\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("penstock_transports{purpose=\"publish\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("penstock_http_requests_total{method=\"GET\",route=\"/v1/rooms\",status=\"200\"} 2\n"),
            std::string::npos);
  EXPECT_NE(text.find("penstock_dtls_handshakes_total{result=\"fingerprint_mismatch\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("penstock_rows_written_total{table=\"transport\"} 3\n"), std::string::npos);
}

TEST(Metrics, turns_of_the_loop_are_told_by_what_they_cost) {
  const test::FakeReports reports;
  Metrics metrics(reports);
  boost::asio::io_context io;
  boost::asio::post(io, [] {});
  boost::asio::post(io, [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); });
  boost::asio::post(io, [] {
    for (const uint64_t begin = threadCpuNs(); threadCpuNs() - begin < 12'000'000;) {
    }
  });
  runTurns(io, metrics);
  const std::string text = metrics.expose({});
  EXPECT_NE(text.find("penstock_control_turn_seconds_count 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("penstock_control_turn_seconds_bucket{le=\"0.01\"} 2\n"), std::string::npos) << "waiting is free";
  const std::string longest = "\npenstock_control_turn_longest_seconds ";
  EXPECT_GE(std::stod(text.substr(text.find(longest) + longest.size())), 0.012);
}

/// Says of one track that it is held.
struct HoldsOne : test::FakeReports {
  std::optional<contract::SubscriptionStats> subscription(const std::string&, const std::string& track) const override {
    contract::SubscriptionStats stats{};
    stats.held = track == "held";
    return stats;
  }
};

TEST(Metrics, subscriptions_are_counted_by_what_becomes_of_them) {
  Participant who;
  who.subscribe_transport.emplace();
  for (const char* track : {"sent", "sent too", "held", "paused"}) who.subscriptions.push_back({.track = track});
  for (Subscription& each : who.subscriptions) each.active = true;
  who.subscriptions.back().wish.paused = true;
  who.subscriptions.push_back({.track = "not negotiated"});
  Room room;
  room.participants["p1"] = who;
  const HoldsOne reports;
  const std::string text = Metrics(reports).expose({{"room", room}});
  EXPECT_NE(text.find("penstock_subscriptions{state=\"active\"} 2\n"), std::string::npos) << text;
  for (const std::string state : {"held", "paused", "waiting"})
    EXPECT_NE(text.find("penstock_subscriptions{state=\"" + state + "\"} 1\n"), std::string::npos) << state;
}

}  // namespace
}  // namespace penstock
