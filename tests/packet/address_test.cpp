// Text, prefixes, forbidden ranges.
#include "dataplane/packet/address.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using test::endpoint;
using test::ip;

TEST(Address, text_is_read_and_written_back) {
  const std::pair<const char*, const char*> cases[] = {
      {"192.0.2.1", "192.0.2.1"},        {"0.0.0.0", "0.0.0.0"}, {"2001:DB8::1", "2001:db8::1"}, {"::", "::"},
      {"::ffff:192.0.2.1", "192.0.2.1"}, {"fe80::1", "fe80::1"},
  };
  for (const auto& [text, written] : cases) {
    const auto address = parseIp(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(formatIp(*address), written);
    EXPECT_EQ(address->port_be, 0);
  }
}

TEST(Address, wrong_text_is_refused) {
  EXPECT_FALSE(parseIp(std::string_view("1.2.3.4\0x", 9)));
  for (const char* text : {"", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4x", "::1::", "g::", "1.2.3.4 ",
                           "2001:db8::1%eth0", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"}) {
    EXPECT_FALSE(parseIp(text)) << text;
  }
}

TEST(Address, endpoints_need_brackets_around_ipv6_and_a_port) {
  EXPECT_EQ(formatEndpoint(endpoint("192.0.2.1:10000")), "192.0.2.1:10000");
  EXPECT_EQ(formatEndpoint(endpoint("[2001:db8::1]:65535")), "[2001:db8::1]:65535");
  EXPECT_EQ(portOf(endpoint("192.0.2.1:4660")), 4660);
  for (const char* text : {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "2001:db8::1:10000",
                           "[2001:db8::1]", "[192.0.2.1]:1", ":1", "[]:1", "192.0.2.1:1x"}) {
    EXPECT_FALSE(parseEndpoint(text)) << text;
  }
}

TEST(Address, mac_text_is_read_and_written_back) {
  EXPECT_EQ(formatMac(*parseMac("02:00:5E:10:00:fF")), "02:00:5e:10:00:ff");
  for (const char* text : {"", "02:00:5e:10:00", "02-00-5e-10-00-ff", "02:00:5e:10:00:fg", "0200:5e:10:00:ff:"}) {
    EXPECT_FALSE(parseMac(text)) << text;
  }
}

TEST(Address, prefixes_contain_what_shares_their_bits) {
  const struct {
    const char* cidr;
    const char* address;
    bool inside;
  } cases[] = {
      {"198.18.0.1/15", "198.19.255.255", true},
      {"198.18.0.1/15", "198.20.0.0", false},
      {"198.18.0.1/32", "198.18.0.1", true},
      {"198.18.0.1/32", "198.18.0.2", false},
      {"0.0.0.0/0", "203.0.113.7", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "192.0.2.1", false},
      {"2001:db8::1/64", "2001:db8::ffff", true},
      {"2001:db8::1/64", "2001:db8:0:1::1", false},
      {"2001:db8::1/127", "2001:db8::", true},
      {"2001:db8::1/127", "2001:db8::2", false},
      {"2001:db8::1/128", "2001:db8::1", true},
      {"192.0.2.1/25", "192.0.2.128", false},
  };
  for (const auto& test_case : cases) {
    const auto cidr = parseCidr(test_case.cidr);
    ASSERT_TRUE(cidr) << test_case.cidr;
    EXPECT_EQ(formatCidr(*cidr), test_case.cidr);
    EXPECT_EQ(contains(*cidr, ip(test_case.address)), test_case.inside) << test_case.cidr << " " << test_case.address;
  }
  for (const char* text : {"198.18.0.1", "198.18.0.1/33", "2001:db8::/129", "198.18.0.1/", "/8", "1.2.3.4/-1"}) {
    EXPECT_FALSE(parseCidr(text)) << text;
  }
}

TEST(Address, directed_broadcast_ends_an_ipv4_network) {
  const auto is_broadcast = [](const char* cidr, const char* address) {
    return isDirectedBroadcast(*parseCidr(cidr), ip(address));
  };
  EXPECT_TRUE(is_broadcast("198.18.0.1/24", "198.18.0.255"));
  EXPECT_TRUE(is_broadcast("198.18.0.1/24", "198.18.0.0"));
  EXPECT_FALSE(is_broadcast("198.18.0.1/24", "198.18.0.254"));
  EXPECT_FALSE(is_broadcast("198.18.0.1/24", "198.18.1.255"));
  EXPECT_TRUE(is_broadcast("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(is_broadcast("198.18.0.0/31", "198.18.0.1"));  // RFC 3021
  EXPECT_FALSE(is_broadcast("198.18.0.1/32", "198.18.0.1"));
  EXPECT_FALSE(is_broadcast("2001:db8::1/64", "2001:db8::ffff:ffff:ffff:ffff"));
}

TEST(Address, media_goes_to_unicast_addresses_only) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "127.0.0.1",
                           "127.255.255.255",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "169.254.1.1",
                           "::",
                           "::1",
                           "ff02::1",
                           "ff0e::1",
                           "fe80::1",
                           "febf::1",
                           "::127.0.0.1",
                           "::192.0.2.1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b::224.0.0.1",
                           "2002:7f00:1::1",
                           "2002:a9fe:101::",
                           "::ffff:0:127.0.0.1",
                           "2001:0:1:2:3:4:80ff:fffe"}) {
    EXPECT_TRUE(isForbidden(ip(text))) << text;
  }
  for (const char* text : {"1.1.1.1", "10.0.0.1", "192.168.0.1", "198.18.0.1", "223.255.255.255", "2001:db8::1",
                           "fd00::1", "2a00::1", "64:ff9b::192.0.2.1", "2002:c000:201::1", "fec0::1"}) {
    EXPECT_FALSE(isForbidden(ip(text))) << text;
  }
  EXPECT_FALSE(isForbidden(ip("169.254.1.1"), LinkLocal::kAllowed));
  EXPECT_FALSE(isForbidden(ip("fe80::1"), LinkLocal::kAllowed));
  EXPECT_TRUE(isForbidden(ip("127.0.0.1"), LinkLocal::kAllowed));
}

TEST(Address, a_prefix_is_led_into_by_what_wraps_an_address_of_it) {
  const Cidr ten = *parseCidr("10.0.0.0/8"), unique = *parseCidr("fd00::/8");
  for (const char* text :
       {"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::1", "2001:0:1:2:3:4:f5fe:fdfc"}) {
    EXPECT_TRUE(leadsInto(ten, ip(text))) << text;
    EXPECT_FALSE(leadsInto(unique, ip(text))) << text;
  }
  for (const char* text : {"11.1.2.3", "64:ff9b::11.1.2.3", "2001:db8::10.1.2.3"}) {
    EXPECT_FALSE(leadsInto(ten, ip(text))) << text;
  }
  EXPECT_TRUE(leadsInto(unique, ip("fd12::1")));
}

TEST(Address, hash_depends_on_ip_port_and_seed) {
  const Address base = endpoint("198.18.0.2:5000");
  std::set<uint64_t> hashes{hashAddress(base, 1), hashAddress(base, 2), hashAddress(withPort(base, 5001), 1),
                            hashAddress(endpoint("198.18.0.3:5000"), 1)};
  EXPECT_EQ(hashes.size(), 4u);
  EXPECT_EQ(hashAddress(base, 1), hashAddress(endpoint("198.18.0.2:5000"), 1));
}

TEST(Address, hash_spreads_neighbouring_clients) {
  constexpr size_t kBuckets = 1024;
  std::vector<unsigned> bucket(kBuckets);
  for (uint32_t client = 0; client < kBuckets * 16; ++client) {
    uint8_t four[4];
    store32(four, 0xc612'0000 + client);
    ++bucket[hashAddress(addressFromV4(four, 0x8813), 42) % kBuckets];
  }
  EXPECT_LT(*std::max_element(bucket.begin(), bucket.end()), 48u);  // 16 on average
}

}  // namespace
}  // namespace penstock
