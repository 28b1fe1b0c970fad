// The planner against relays whose costs are known, and its honesty about those that are not as it thinks.
#include "bench/suite/planner.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "bench/suite/plan_input.h"

namespace penstock::bench {
namespace {

/// One worker's second at 2 GHz with fan-out `n`, when a packet in costs 300, one out 200, a byte 0.5 cycles.
MeasuredPoint pointAt(double n, double frame_bytes, double busy = 1) {
  const double per_out = 300 / n + 200 + 0.5 * frame_bytes * (1 + 1 / n);
  MeasuredPoint point{.name = "1 x " + std::to_string(n), .cycles = 2e9 * busy, .busy_share = busy};
  point.packets_out = point.cycles / per_out;
  point.packets_in = point.packets_out / n;
  point.bytes = (point.packets_in + point.packets_out) * frame_bytes;
  point.participants = n + 1;
  point.subscriptions = n;
  point.tracks = 1;
  point.memory_bytes = 1000 * point.participants + 3000 * point.subscriptions + 5000;
  return point;
}

std::vector<MeasuredPoint> knownPoints() {
  return {pointAt(1, 1250), pointAt(10, 1250), pointAt(50, 1250), pointAt(1, 200), pointAt(50, 200), pointAt(9, 600)};
}

TEST(LeastSquares, finds_coefficients_that_fit_exactly) {
  const Observation observations[] = {{{1, 0, 2}, 8}, {{0, 1, 1}, 5}, {{3, 2, 0}, 10}, {{1, 1, 1}, 7}};
  const Terms found = fitNonNegative(observations);  // 2, 2, 3
  EXPECT_NEAR(found[0], 2, 1e-6);
  EXPECT_NEAR(found[1], 2, 1e-6);
  EXPECT_NEAR(found[2], 3, 1e-6);
}

TEST(LeastSquares, no_coefficient_is_negative) {
  // The best without the rule would be 3, -1, 0.
  const Observation observations[] = {{{1, 1, 0}, 2}, {{1, 2, 0}, 1}, {{2, 1, 0}, 5}, {{3, 1, 0}, 8}};
  const Terms found = fitNonNegative(observations);
  EXPECT_GT(found[0], 0);
  EXPECT_EQ(found[1], 0);
}

TEST(LeastSquares, few_observations_give_few_coefficients) {
  EXPECT_EQ(fitNonNegative({}), Terms{});
  const Observation one[] = {{{1, 50, 60'000}, 100'000}};
  const Terms found = fitNonNegative(one);
  EXPECT_NEAR(predict(found, one[0].terms), 100'000, 1e-3);
  EXPECT_EQ((found[0] > 0) + (found[1] > 0) + (found[2] > 0), 1);
}

TEST(CostModel, finds_what_a_packet_costs) {
  const CostModel model = fitCosts(knownPoints(), 2e9);
  EXPECT_NEAR(model.perPacketIn(), 300, 1);
  EXPECT_NEAR(model.perPacketOut(), 200, 1);
  EXPECT_NEAR(model.perByte(), 0.5, 0.001);
  ASSERT_EQ(model.errors.size(), 6u);
  EXPECT_LT(model.error_max, 0.001) << "the relay is as simple as the model";
}

TEST(CostModel, tells_its_error_on_points_it_was_not_fitted_to) {
  std::vector<MeasuredPoint> points = knownPoints();
  points[2].cycles *= 1.3;  // this one is not as the others say
  const CostModel model = fitCosts(points, 2e9);
  EXPECT_LT(model.errors[2], -0.15);
  EXPECT_GT(model.error_max, 0.15);
  EXPECT_TRUE(fitCosts({points[0], points[1]}, 2e9).errors.empty()) << "two points say nothing of errors";
}

TEST(Plan, workers_follow_from_cycles_headroom_and_surge) {
  const CostModel model = fitCosts(knownPoints(), 2e9);
  Demand demand{.headroom = 0, .workers_per_machine = 4};
  // 100 rooms of 1 x 50, 2 Mbit/s in packets of 1000 bytes: 250 packets a second each.
  demand.rooms = {
      {.rooms = 100, .size = 51, .publishers = 1, .video_kbps = 2000, .audio_kbps = 0, .video_payload_bytes = 1000}};
  const Plan plan = planFor(model, demand);
  EXPECT_DOUBLE_EQ(plan.packets_in, 25'000);
  EXPECT_DOUBLE_EQ(plan.packets_out, 1'250'000);
  EXPECT_DOUBLE_EQ(plan.participants, 5100);
  EXPECT_DOUBLE_EQ(plan.subscriptions, 5000);
  const double frame = 1000 + 86;
  const double cycles = 25'000 * (300 + 0.5 * frame) + 1'250'000 * (200 + 0.5 * frame);
  EXPECT_NEAR(plan.cycles_per_packet_out, cycles / 1'250'000, 1);
  EXPECT_DOUBLE_EQ(plan.workers, 1);
  EXPECT_NEAR(plan.gbit_out, 1'250'000 * (frame + 24) * 8 / 1e9, 0.01);
  demand.surge = 5;
  EXPECT_DOUBLE_EQ(planFor(model, demand).workers, std::ceil(5 * cycles / 2e9));
  demand.headroom = 0.5;
  EXPECT_DOUBLE_EQ(planFor(model, demand).workers, std::ceil(10 * cycles / 2e9));
}

TEST(Plan, says_what_limits_first) {
  const CostModel model = fitCosts(knownPoints(), 2e9);
  Demand demand{.headroom = 0.2, .workers_per_machine = 1, .nic_gbit = 100, .memory_gib = 64};
  demand.rooms = {{.rooms = 100, .size = 51, .publishers = 1, .video_kbps = 2000}};
  EXPECT_EQ(planFor(model, demand).needs.front().resource, "workers");
  demand.nic_gbit = 1;
  const Plan narrow = planFor(model, demand);
  EXPECT_EQ(narrow.needs.front().resource, "network, sending");
  EXPECT_DOUBLE_EQ(narrow.machines, std::ceil(narrow.gbit_out / 0.8));
  demand = {.nic_gbit = 100};
  demand.rooms = {{.rooms = 30'000, .size = 2, .publishers = 2, .audio_kbps = 1, .audio_per_second = 1}};
  EXPECT_EQ(planFor(model, demand).needs.front().resource, "participants");
  demand.joins_per_second = 1e6;
  demand.joins_per_second_and_core = 1000;
  EXPECT_EQ(planFor(model, demand).needs.front().resource, "joins");
}

TEST(Plan, workers_that_scale_badly_need_more_machines) {
  const CostModel model = fitCosts(knownPoints(), 2e9);
  Demand demand{.workers_per_machine = 8, .nic_gbit = 1000};
  demand.rooms = {{.rooms = 200, .size = 51, .publishers = 1, .video_kbps = 20'000}};
  const double good = planFor(model, demand).needs.front().machines;
  demand.scaling = 0.5;
  EXPECT_GT(planFor(model, demand).needs.front().machines, good * 1.5);
}

TEST(PlanInput, takes_the_points_of_one_profile_and_one_machine) {
  const auto file = boost::json::parse(R"({"kind": "forward", "machine": {"cpu": "A", "tsc_ghz": 2.5}, "results": [
    {"name": "x", "profile": "gcm", "backend": "libsrtp", "participants": 51, "subscriptions": 50, "tracks": 1,
     "memory": {"scenario_bytes": 1000},
     "ndr": {"trial": {"seconds": 2, "received": 200, "sent": 10000, "bytes_in": 20, "bytes_out": 980,
                       "cycles_per_packet_out": 3, "busy_share": 0.9}}},
    {"name": "y", "profile": "cm", "ndr": {"trial": {"sent": 1, "cycles_per_packet_out": 1}}},
    {"name": "z", "profile": "gcm", "backend": "libsrtp", "ndr": {"out_per_second": 0}}]})")
                        .as_object();
  const PlanInput input = collectPlanInput({file}, "gcm", "");
  ASSERT_EQ(input.points.size(), 1u);
  EXPECT_DOUBLE_EQ(input.clock_hz, 2.5e9);
  EXPECT_DOUBLE_EQ(input.points[0].packets_out, 5000);
  EXPECT_DOUBLE_EQ(input.points[0].bytes, 500);
  EXPECT_DOUBLE_EQ(input.points[0].cycles, 15'000);
  EXPECT_TRUE(collectPlanInput({file}, "gcm", "other").points.empty());
  auto other = file;
  other["machine"].as_object()["cpu"] = "B";
  EXPECT_THROW(collectPlanInput({file, other}, "gcm", ""), std::invalid_argument);
}

TEST(PlanInput, reads_a_demand) {
  const RoomDemand demand = parseRoomDemand("rooms=100,size=10,video-kbps=1500");
  EXPECT_DOUBLE_EQ(demand.rooms, 100);
  EXPECT_DOUBLE_EQ(demand.publishers, 10) << "everybody, unless it is said";
  EXPECT_DOUBLE_EQ(demand.video_kbps, 1500);
  for (const char* wrong : {"", "rooms=1", "rooms=1,size=1", "rooms=x,size=2", "rooms=1,size=2,colour=3",
                            "rooms=1,size=2,publishers=3", "rooms=1,size=2,video-bytes=0", "rooms,size=2"}) {
    EXPECT_THROW(parseRoomDemand(wrong), std::invalid_argument) << wrong;
  }
}

}  // namespace
}  // namespace penstock::bench
