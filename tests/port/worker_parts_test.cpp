// Small parts of the worker: how it rests, where it is put, how it talks to housekeeping, how DPDK is started.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/exit_codes.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/relay/spsc_ring.h"
#include "dataplane/worker/idle_backoff.h"
#include "dataplane/worker/placement.h"
#include "dataplane/worker/relay_config.h"

namespace penstock {
namespace {

TEST(IdleBackoff, spins_at_first_then_sleeps_longer_never_past_the_bound) {
  constexpr IdleBackoff backoff{.spin_ns = 20'000, .sleep_max_ns = 500'000};
  struct Case {
    uint64_t idle_ns, sleep_ns;
  };
  for (const Case c : {Case{0, 0},
                       {19'999, 0},
                       {20'000, 20'000},
                       {400'000, 400'000},
                       {2'000'000, 500'000},
                       {3'000'000, 500'000},
                       {UINT64_MAX, 500'000}}) {
    EXPECT_EQ(backoff.sleepNs(c.idle_ns), c.sleep_ns) << c.idle_ns;
  }
}

TEST(IdleBackoff, a_second_of_silence_costs_few_wake_ups) {
  constexpr IdleBackoff backoff;
  uint64_t now_ns = backoff.spin_ns;
  int wake_ups = 0;
  for (; now_ns < 1'000'000'000; ++wake_ups) now_ns += backoff.sleepNs(now_ns);
  EXPECT_LT(wake_ups, 2'100);
}

TEST(Placement, of_the_workers_by_table) {
  struct Case {
    std::string workers;
    std::vector<int> allowed;
    std::vector<int> cores;  // -1: not pinned; empty: refused
  };
  const std::vector<Case> cases = {
      {"auto", {0}, {-1}},
      {"auto", {0, 1}, {-1}},
      {"auto", {0, 1, 2}, {-1}},
      {"auto", {0, 1, 2, 3}, {1, 2, 3}},
      {"auto", {4, 5, 6, 9, 10}, {6, 9, 10}},
      {"auto", {0, 1, 2, 3, 4, 5, 6, 7}, {2, 3, 4, 5, 6, 7}},
      {"1", {0, 1}, {1}},
      {"2-3", {0, 1, 2, 3}, {2, 3}},
      {"3,1", {0, 1, 2, 3}, {3, 1}},
      {"2", {0, 1}, {}},
      {"1,7", {0, 1}, {}},
      {"", {0, 1}, {}},
      {"a", {0, 1}, {}},
      {"1-", {0, 1}, {}},
      {"-1", {0, 1}, {}},
  };
  for (const Case& c : cases) {
    const auto places = placeWorkers(c.workers, c.allowed);
    std::vector<int> cores;
    for (const auto& core : places.value_or(std::vector<std::optional<int>>{})) cores.push_back(core.value_or(-1));
    EXPECT_EQ(cores, c.cores) << '"' << c.workers << "\" of " << c.allowed.size();
  }
}

TEST(SpscRing, is_full_and_empty_where_it_should_be) {
  SpscRing<int> ring(4);
  int value = 0;
  EXPECT_FALSE(ring.pop(value));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(int(i)));
  EXPECT_FALSE(ring.push(9));
  EXPECT_TRUE(ring.pop(value));
  EXPECT_EQ(value, 0);
  EXPECT_TRUE(ring.push(4));
  EXPECT_FALSE(ring.push(9));
}

TEST(SpscRing, carries_everything_in_order_between_two_threads) {
  constexpr int kCount = 100'000;
  SpscRing<int> ring(64);
  std::jthread pusher([&] {
    for (int i = 0; i < kCount;) {
      if (ring.push(int(i))) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (int expected = 0, value; expected < kCount;) {
    if (!ring.pop(value)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(value, expected++);
  }
}

TEST(EalArguments, tell_bus_addresses_from_drivers) {
  for (const char* pci : {"0000:3b:00.0", "3b:00.1", "0000:03:00.0,txq_inline=1"})
    EXPECT_TRUE(isPciAddress(pci)) << pci;
  for (const char* vdev : {"net_tap0,iface=x", "net_memif0,socket=/run/a:b.c", "net_af_packet0,iface=eth0.5", "face"}) {
    EXPECT_FALSE(isPciAddress(vdev)) << vdev;
  }
}

TEST(EalArguments, leave_no_files_and_look_for_no_other_devices) {
  const DataplaneConfig config{.device = {"net_tap0,iface=x"}, .memory_mib = 64, .eal_argument = {"--log-level=8"}};
  const auto has = [](const std::vector<std::string>& list, const char* word) {
    return std::ranges::find(list, word) != list.end();
  };
  const auto without = ealArguments(config, false, {0, 1});
  for (const char* word :
       {"--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "--vdev=net_tap0,iface=x", "0@(0,1)"}) {
    EXPECT_TRUE(has(without, word)) << word;
  }
  EXPECT_FALSE(has(without, "--in-memory"));
  EXPECT_EQ(without.back(), "--log-level=8");
  const auto with = ealArguments({.device = {"3b:00.0"}}, true, {0});
  EXPECT_TRUE(has(with, "--in-memory"));
  EXPECT_TRUE(has(with, "--allow=3b:00.0"));
  EXPECT_FALSE(has(with, "--no-pci"));
}

TEST(StableAddress, is_the_same_at_each_start_unicast_and_local) {
  const auto mac = stableAddress("net_tap0,iface=x198.18.0.1/15");
  EXPECT_EQ(mac, stableAddress("net_tap0,iface=x198.18.0.1/15"));
  EXPECT_NE(mac, stableAddress("net_tap0,iface=x198.18.0.2/15"));
  EXPECT_NE(mac, stableAddress("net_tap1,iface=x198.18.0.1/15"));
  EXPECT_EQ(mac[0] & 3, 2);
}

TEST(RelayConfig, follows_settings_and_ports) {
  Config config;
  config.media.address = {"198.18.0.1/15", "2001:db8::1:2:3/64", "2001:db8::ff01:2:3/64"};
  config.media.gateway = {"198.18.0.254"};
  config.media.vlan = 7;
  const RelayConfig relay =
      makeRelayConfig(config, {.mac = {2, 0, 0, 0, 0, 1}, .mtu = 1400, .sends_udp_checksum = true}, 1);
  EXPECT_EQ(relay.mac, (MacAddress{{2, 0, 0, 0, 0, 1}}));
  EXPECT_EQ(relay.addresses.size(), 3u);
  EXPECT_EQ(relay.gateways.size(), 1u);
  EXPECT_EQ(relay.vlan, 7);
  EXPECT_EQ(relay.mtu_bytes, 1400);
  EXPECT_EQ(relay.checksum, UdpChecksum::kPseudoHeader);

  // RFC 4291 section 2.7.1 and RFC 2464 section 7: the low 24 bits decide, so the last two share a group; and all
  // nodes.
  const auto groups = multicastGroups(relay.addresses);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0], (std::array<uint8_t, 6>{0x33, 0x33, 0x00, 0x00, 0x00, 0x01}));
  EXPECT_EQ(groups[1], (std::array<uint8_t, 6>{0x33, 0x33, 0xff, 0x02, 0x00, 0x03}));

  config.media.gateway = {"nowhere"};
  EXPECT_THROW(makeRelayConfig(config, {}, 1), StartError);
}

}  // namespace
}  // namespace penstock
