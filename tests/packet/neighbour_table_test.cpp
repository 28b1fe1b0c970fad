// Next hops in virtual time: asked, learned, confirmed, forgotten, never invented. And the way to them.
#include "dataplane/packet/neighbour_table.h"

#include <gtest/gtest.h>

#include "dataplane/packet/route.h"
#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using test::endpoint;
using test::ip;
using test::kClientMac;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr MacAddress kOtherMac{{0x02, 0, 0, 0, 0, 0x0d}};
const Address kGateway = test::ip("198.18.0.254");

std::vector<NeighbourRequest> due(NeighbourTable& table, uint64_t now_ns, size_t budget = 100) {
  std::vector<NeighbourRequest> requests;
  table.poll(now_ns, budget, [&](const NeighbourRequest& request) { requests.push_back(request); });
  return requests;
}

TEST(NeighbourTable, asks_until_it_is_answered) {
  NeighbourTable table(4);
  ASSERT_TRUE(table.want(endpoint("198.18.0.254:10000"), 0));
  EXPECT_FALSE(table.find(kGateway));
  auto requests = due(table, 0);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].target, kGateway);
  EXPECT_FALSE(requests[0].known);
  EXPECT_TRUE(due(table, kSecond / 20).empty());
  EXPECT_TRUE(table.learn({kGateway, kClientMac}, true, kSecond / 2));
  EXPECT_EQ(table.find(kGateway), kClientMac);
  EXPECT_TRUE(due(table, 2 * kSecond).empty());
}

TEST(NeighbourTable, asks_thrice_within_half_a_second_then_pauses_double_while_nobody_answers) {
  NeighbourTable table(4);
  table.want(kGateway, 0);
  std::vector<uint64_t> asked_ms;
  for (uint64_t ms = 0; ms <= 130'000; ms += 100) {
    table.want(kGateway, ms * kSecond / 1000);
    if (!due(table, ms * kSecond / 1000).empty()) asked_ms.push_back(ms);
  }
  EXPECT_EQ(asked_ms,
            (std::vector<uint64_t>{0, 100, 400, 1'400, 3'400, 7'400, 15'400, 31'400, 61'400, 91'400, 121'400}));
}

TEST(NeighbourTable, confirms_in_use_then_asks_everybody_then_forgets) {
  NeighbourTable table(4);
  table.want(kGateway, 0);
  due(table, 0);
  table.learn({kGateway, kClientMac}, true, 0);
  std::vector<std::pair<uint64_t, bool>> asked;  // second, unicast
  bool forgotten = false;
  uint64_t t = 0;
  for (; !forgotten && t < 100; ++t) {
    table.want(kGateway, t * kSecond);
    forgotten = table.poll(t * kSecond, 10,
                           [&](const NeighbourRequest& request) { asked.emplace_back(t, request.known.has_value()); });
    EXPECT_EQ(table.find(kGateway).has_value(), !forgotten);
  }
  const std::vector<std::pair<uint64_t, bool>> expected{{30, true},  {31, true},  {32, true}, {33, false},
                                                        {34, false}, {35, false}, {36, false}};
  EXPECT_EQ(asked, expected);
  EXPECT_TRUE(forgotten);
  // It keeps asking, and takes the answer when it comes.
  EXPECT_TRUE(table.learn({kGateway, kOtherMac}, true, t * kSecond));
  EXPECT_EQ(table.find(kGateway), kOtherMac);
}

TEST(NeighbourTable, stays_silent_while_answers_come) {
  NeighbourTable table(4);
  table.want(kGateway, 0);
  size_t asked = 0;
  for (uint64_t t = 0; t < 300; ++t) {
    table.want(kGateway, t * kSecond);
    for (const auto& request : due(table, t * kSecond)) {
      ++asked;
      table.learn({request.target, kClientMac}, true, t * kSecond);
    }
    EXPECT_TRUE(table.find(kGateway));
  }
  EXPECT_EQ(asked, 10u);  // one in 30 s
}

TEST(NeighbourTable, learns_nothing_about_whom_it_did_not_ask) {
  NeighbourTable table(4);
  EXPECT_FALSE(table.learn({kGateway, kClientMac}, true, 0));
  EXPECT_FALSE(table.find(kGateway));
  EXPECT_EQ(table.size(), 0u);
  table.want(kGateway, 0);
  EXPECT_FALSE(table.learn({kGateway, kMacBroadcast}, true, 0));
  EXPECT_FALSE(table.learn({kGateway, MacAddress{}}, true, 0));
  EXPECT_FALSE(table.find(kGateway));
}

TEST(NeighbourTable, a_mac_that_changes_unasked_is_checked_at_once) {
  NeighbourTable table(4);
  table.want(kGateway, 0);
  due(table, 0);
  table.learn({kGateway, kClientMac}, true, 0);
  EXPECT_TRUE(table.learn({kGateway, kOtherMac}, false, kSecond));
  EXPECT_EQ(table.find(kGateway), kOtherMac);
  const auto requests = due(table, kSecond);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].known, kOtherMac);
  // A "reply" while no request is out counts as unasked too.
  table.learn({kGateway, kOtherMac}, true, kSecond);
  EXPECT_TRUE(table.learn({kGateway, kClientMac}, true, 2 * kSecond));
  EXPECT_EQ(due(table, 2 * kSecond).size(), 1u);
}

TEST(NeighbourTable, is_bounded_and_gives_up_the_idle_and_the_silent) {
  NeighbourTable table(2);
  const Address a = ip("198.18.0.10"), b = ip("198.18.0.11"), c = ip("198.18.0.12");
  EXPECT_TRUE(table.want(a, 0));
  EXPECT_TRUE(table.want(b, 0));
  EXPECT_FALSE(table.want(c, 0));
  EXPECT_EQ(table.size(), 2u);
  due(table, 0);
  table.learn({a, kClientMac}, true, 0);
  for (const uint64_t t : {1, 3}) due(table, t * kSecond);
  EXPECT_TRUE(table.want(c, 4 * kSecond));  // b never answered
  EXPECT_TRUE(table.find(a));
  EXPECT_EQ(table.size(), 2u);
  // Nobody wants them any more: the slots come back, and the MAC that is gone is told of.
  EXPECT_TRUE(table.poll(400 * kSecond, 10, [](const NeighbourRequest&) { FAIL(); }));
  EXPECT_EQ(table.size(), 0u);
}

TEST(NeighbourTable, budget_bounds_a_burst_of_requests_and_starves_nobody) {
  NeighbourTable table(64);
  for (uint32_t i = 0; i < 64; ++i) {
    uint8_t four[4];
    store32(four, 0xc612'0000 + i);
    table.want(addressFromV4(four), 0);
  }
  size_t asked = 0;
  for (int round = 0; round < 8; ++round) asked += due(table, 0, 8).size();
  EXPECT_EQ(asked, 64u);
}

Routes routes() {
  return Routes({*parseCidr("198.18.0.1/24"), *parseCidr("198.18.0.129/25"), *parseCidr("2001:db8::1/64")},
                {ip("198.18.0.254"), ip("fe80::1")});
}

TEST(Routes, on_link_goes_straight_the_rest_by_the_gateway) {
  const struct {
    const char* destination;
    const char* next_hop;
    const char* source;
  } cases[] = {
      {"198.18.0.2", "198.18.0.2", "198.18.0.1"},      {"198.18.0.200", "198.18.0.200", "198.18.0.129"},
      {"203.0.113.9", "198.18.0.254", "198.18.0.129"}, {"2001:db8::2", "2001:db8::2", "2001:db8::1"},
      {"2001:db8:1::2", "fe80::1", "2001:db8::1"},
  };
  for (const auto& test_case : cases) {
    const auto route = routes().find(withPort(ip(test_case.destination), 5000));
    ASSERT_TRUE(route) << test_case.destination;
    EXPECT_EQ(route->next_hop, ip(test_case.next_hop));
    EXPECT_EQ(route->source, ip(test_case.source));
  }
}

TEST(Routes, forbidden_and_own_addresses_have_no_route) {
  for (const char* text : {"127.0.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.255", "198.18.0.1", "2001:db8::1",
                           "::1", "fe80::7", "198.18.0.128"}) {
    EXPECT_FALSE(routes().find(ip(text))) << text;
    EXPECT_FALSE(routes().isSourceAllowed(ip(text))) << text;
  }
  EXPECT_TRUE(routes().isSourceAllowed(ip("203.0.113.9")));
  EXPECT_TRUE(routes().isOurs(endpoint("198.18.0.1:10000")));
  EXPECT_FALSE(routes().isOurs(ip("198.18.0.2")));
}

TEST(Routes, without_a_gateway_only_the_link_is_reachable) {
  const Routes link_only({*parseCidr("198.18.0.1/24")}, {});
  EXPECT_TRUE(link_only.find(ip("198.18.0.2")));
  EXPECT_FALSE(link_only.find(ip("203.0.113.9")));
  EXPECT_FALSE(link_only.find(ip("2001:db8::2")));
  EXPECT_TRUE(link_only.isOnLink(ip("198.18.0.2")));
  EXPECT_FALSE(link_only.isOnLink(ip("198.18.0.255")));
  EXPECT_FALSE(link_only.isOnLink(ip("203.0.113.9")));
}

}  // namespace
}  // namespace penstock
