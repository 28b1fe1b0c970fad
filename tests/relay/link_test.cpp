// The relay as a host: it says where it is when its link comes up, asks quickly, and answers listener queries; none of
// which is a packet in or a packet forwarded.
#include <gtest/gtest.h>

#include "dataplane/packet/mld.h"
#include "dataplane/packet/nd.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

constexpr uint64_t kMs = 1'000'000;

/// What the relay sent, in words: "arp 198.18.0.1", "na 2001:db8::1", "mld 4 ff02::1:ff00:1", "ask 198.18.0.11".
std::vector<std::string> words(const std::vector<Bytes>& frames) {
  std::vector<std::string> all;
  for (const Bytes& frame : frames) {
    const auto view = parseFrame(frame);
    if (!view) {  // reports are not for us to read
      const size_t records = frame.size() >= 70 && frame[62] == 143 ? load16(frame.data() + 68) : 0;
      for (size_t i = 0; i < records; ++i) {
        const uint8_t* record = frame.data() + 70 + 20 * i;
        all.push_back("mld " + std::to_string(record[0]) + " " + formatIp(addressFromV6(record + 4)));
      }
    } else if (view->kind == FrameKind::kArp) {
      const auto arp = parseArp(*view).value();
      all.push_back((sameIp(arp.sender.ip, arp.target) ? "arp " : "ask ") + formatIp(arp.target));
    } else if (view->kind == FrameKind::kNeighbourDiscovery) {
      const auto nd = parseNeighbourDiscovery(*view).value();
      all.push_back((nd.solicitation ? "ask " : "na ") + formatIp(nd.target));
    }
  }
  return all;
}

RelayConfig fourAddresses() {
  return {.addresses = {*parseCidr("198.18.0.1/15"), *parseCidr("192.0.2.1/24"), *parseCidr("2001:db8::1/64"),
                        *parseCidr("2001:db8:1::1/64")}};
}

TEST(Link, each_address_is_announced_and_each_group_joined_once) {
  World world(fourAddresses());
  const std::vector<std::string> both = {"arp 198.18.0.1", "arp 192.0.2.1", "na 2001:db8::1", "na 2001:db8:1::1",
                                         "mld 4 ff02::1:ff00:1"};
  world.advance(2 * kMs);
  EXPECT_EQ(words(world.take()), both);
  world.advance(998 * kMs);
  EXPECT_TRUE(world.take().empty());
  world.advance(2 * kMs);
  EXPECT_EQ(words(world.take()),
            (std::vector<std::string>{"na 2001:db8::1", "na 2001:db8:1::1", "mld 4 ff02::1:ff00:1"}));
  world.advance(1000 * kMs);
  EXPECT_EQ(words(world.take()),
            (std::vector<std::string>{"arp 198.18.0.1", "arp 192.0.2.1", "na 2001:db8::1", "na 2001:db8:1::1"}));
  for (int second = 0; second < 60; ++second) world.advance(1000 * kMs);
  EXPECT_TRUE(world.take().empty());
  EXPECT_EQ(world.count(Counter::announcements), 12u);

  world.relay->linkCameUp(world.now_ns);
  world.advance(2 * kMs);
  EXPECT_EQ(words(world.take()), both);
  EXPECT_EQ(world.count(Counter::received), 0u);
  EXPECT_EQ(world.count(Counter::made), 17u);
  EXPECT_TRUE(world.conserved());
}

TEST(Link, a_relay_without_ipv6_reports_nothing) {
  World world({.addresses = {*parseCidr("198.18.0.1/15")}});
  world.advance(2 * kMs);
  EXPECT_EQ(words(world.take()), std::vector<std::string>{"arp 198.18.0.1"});
}

TEST(Link, a_listener_query_is_answered_within_its_time) {
  World world(fourAddresses());
  for (int i = 0; i < 50; ++i) world.advance(100 * kMs);
  world.take();
  FrameSpec spec{.source = ip("fe80::2"),
                 .destination = ip("ff02::1"),
                 .destination_mac = *parseMac("33:33:00:00:00:01"),
                 .hop_limit = 1};
  Bytes query = fromHex("8200 0000 03e8 0000 00000000000000000000000000000000 027d 0000");  // 1 s
  Bytes summed = pseudoHeader(spec, 58, query.size());
  append(summed, query);
  const uint16_t checksum = internetChecksum(summed);
  query[2] = static_cast<uint8_t>(checksum >> 8);
  query[3] = static_cast<uint8_t>(checksum);
  Bytes payload = fromHex("3a00 0502 0000 0100");
  append(payload, query);
  const Bytes frame = ipFrame(spec, 0, payload);
  world.receive(frame);
  world.receive(frame);
  EXPECT_EQ(world.count(Counter::answered), 2u) << world.counters();
  for (int i = 0; i < 12; ++i) world.advance(100 * kMs);
  EXPECT_EQ(words(world.take()), std::vector<std::string>{"mld 2 ff02::1:ff00:1"});
  Bytes wrong = frame;
  wrong.back() ^= 1;
  world.receive(wrong);
  EXPECT_EQ(world.count(Counter::mld_malformed), 1u);
  EXPECT_TRUE(world.conserved());
}

TEST(Link, a_next_hop_that_is_slow_to_answer_is_asked_again_soon) {
  World world;
  world.now_ns += 10'000 * kMs;
  for (int i = 0; i < 30; ++i) world.advance(100 * kMs);
  Client& client = world.addClient(1, "198.18.0.11:4001");
  world.check(client);
  world.take();
  std::vector<int> asked_ms;
  for (int ms = 0; ms < 2'000; ms += 10) {
    world.advance(10 * kMs);
    for (const std::string& word : words(world.take())) {
      EXPECT_EQ(word, "ask 198.18.0.11");
      asked_ms.push_back(ms);
    }
  }
  EXPECT_EQ(asked_ms, (std::vector<int>{0, 100, 400, 1400}));
  EXPECT_EQ(world.count(Counter::neighbour_requests), 4u);
  EXPECT_TRUE(world.conserved());
}

}  // namespace
}  // namespace penstock::test
