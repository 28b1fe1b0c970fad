// What a host says unasked: byte for byte as the RFCs draw it, when they say, and no more often.
#include <gtest/gtest.h>

#include "dataplane/packet/announcement_schedule.h"
#include "dataplane/packet/arp.h"
#include "dataplane/packet/mld.h"
#include "dataplane/packet/nd.h"
#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

const Neighbour kRelay4{ip("198.18.0.1"), kRelayMac}, kRelay6{ip("2001:db8::1"), kRelayMac};
constexpr uint64_t kMs = 1'000'000;

TEST(Announcement, arp_is_a_request_from_us_for_us) {
  Bytes out(kArpFrameMax);
  out.resize(writeArpAnnouncement(kRelay4, kNoVlan, out));
  // RFC 5227 section 3: sender and target address are ours, the target's hardware address is zero, to everybody.
  EXPECT_EQ(out, fromHex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001"
                         "020000000001 c6120001 000000000000 c6120001"));
  out.resize(kArpFrameMax);
  out.resize(writeArpAnnouncement(kRelay4, 7, out));
  EXPECT_EQ(out.size(), 46u);
  EXPECT_EQ(load32(out.data() + 12), 0x8100'0007u);
  EXPECT_EQ(writeArpAnnouncement(kRelay4, kNoVlan, std::span(out).first(41)), 0u);
}

TEST(Announcement, advertisement_overrides_and_is_not_solicited) {
  Bytes out(kNdFrameMax);
  out.resize(writeUnsolicitedAdvertisement(kRelay6, kNoVlan, out));
  // RFC 4861 section 7.2.6: to all nodes, solicited flag zero, override flag set; hop limit 255.
  EXPECT_EQ(out, fromHex("333300000001 020000000001 86dd 60000000 0020 3a ff"
                         "20010db8000000000000000000000001 ff020000000000000000000000000001"
                         "88 00 f92a 20000000 20010db8000000000000000000000001 02 01 020000000001"));
  const auto message = parseNeighbourDiscovery(parseFrame(out).value());
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->override);
  EXPECT_FALSE(message->solicited);
  EXPECT_EQ(writeUnsolicitedAdvertisement(kRelay6, kNoVlan, std::span(out).first(60)), 0u);
}

TEST(Announcement, report_names_the_groups_behind_a_router_alert) {
  const Address groups[] = {solicitedNode(ip("2001:db8::1")), solicitedNode(ip("2001:db8::2"))};
  Bytes out(listenerReportSize(2));
  out.resize(writeListenerReport(kRelayMac, Address{}, groups, ListenerRecord::kChangeToExclude, kNoVlan, out));
  // RFC 3810 sections 5 and 5.2: to ff02::16, hop limit 1, a hop-by-hop header with Router Alert (RFC 2711), then type
  // 143, two records of type 4. From the unspecified address (5.2.13).
  EXPECT_EQ(out, fromHex("333300000016 020000000001 86dd 60000000 0038 00 01"
                         "00000000000000000000000000000000 ff020000000000000000000000000016"
                         "3a00 0502 0000 0100"
                         "8f00 6d6d 0000 0002"
                         "04000000 ff0200000000000000000001ff000001"
                         "04000000 ff0200000000000000000001ff000002"));
  out.resize(listenerReportSize(1));
  out.resize(writeListenerReport(kRelayMac, ip("fe80::1"), std::span(groups).first(1), ListenerRecord::kIsExclude,
                                 kNoVlan, out));
  EXPECT_EQ(out, fromHex("333300000016 020000000001 86dd 60000000 0024 00 01"
                         "fe800000000000000000000000000001 ff020000000000000000000000000016"
                         "3a00 0502 0000 0100"
                         "8f00 7307 0000 0001"
                         "02000000 ff0200000000000000000001ff000001"));
}

TEST(Announcement, report_never_exceeds_its_buffer_or_its_limit) {
  const std::vector<Address> groups(kListenerGroupMax + 1, solicitedNode(ip("2001:db8::1")));
  Bytes out(1518);
  const auto written = [&](size_t count, size_t room) {
    return writeListenerReport(kRelayMac, Address{}, std::span(groups).first(count), ListenerRecord::kIsExclude, 7,
                               std::span(out).first(room));
  };
  EXPECT_EQ(written(kListenerGroupMax, out.size()), listenerReportSize(kListenerGroupMax));
  EXPECT_EQ(written(kListenerGroupMax + 1, out.size()), 0u);
  EXPECT_EQ(written(1, listenerReportSize(1) - 1), 0u);
  EXPECT_EQ(written(1, listenerReportSize(1)), listenerReportSize(1));
}

FrameSpec querier() {
  return {.source = ip("fe80::2"),
          .destination = ip("ff02::1"),
          .destination_mac = *parseMac("33:33:00:00:00:01"),
          .hop_limit = 1};
}

/// A query behind `hop_by_hop`, with its checksum made right.
Bytes queryFrame(const FrameSpec& spec, Bytes query, std::string_view hop_by_hop = "3a00 0502 0000 0100") {
  query[2] = query[3] = 0;
  Bytes summed = pseudoHeader(spec, 58, query.size());
  append(summed, query);
  const uint16_t checksum = internetChecksum(summed);
  query[2] = static_cast<uint8_t>(checksum >> 8);
  query[3] = static_cast<uint8_t>(checksum);
  Bytes payload = fromHex(hop_by_hop);
  append(payload, query);
  return ipFrame(spec, 0, payload);
}
Bytes generalQuery(uint16_t code, bool version2 = true) {
  Bytes query = fromHex("8200 0000");
  appendNumber(query, code, 2);
  query.resize(version2 ? 28 : 24);
  return query;
}

TEST(ListenerQuery, is_read_in_both_versions) {
  const Bytes golden = fromHex(
      "333300000001 02000000000c 86dd 60000000 0024 00 01"
      "fe800000000000000000000000000002 ff020000000000000000000000000001"
      "3a00 0502 0000 0100 8200 5695 2710 0000 00000000000000000000000000000000 027d 0000");
  EXPECT_EQ(queryFrame(querier(), fromHex("8200000027100000 00000000000000000000000000000000 027d0000")), golden);
  const struct {
    int number;
    uint16_t code;
    bool version2;
    uint64_t response_max_ms;
  } cases[] = {
      {1, 10'000, true, 10'000},  {2, 0x7fff, true, 32'767}, {3, 0x8000, true, 32'768},  // RFC 3810 section 5.1.3
      {4, 0xffff, true, 8387584}, {5, 0, true, 0},           {6, 10'000, false, 10'000}, {7, 0xffff, false, 65'535},
  };
  for (const auto& c : cases) {
    const Bytes frame = queryFrame(querier(), generalQuery(c.code, c.version2));
    const auto view = parseFrame(frame);
    ASSERT_TRUE(view) << c.number;
    ASSERT_EQ(view->kind, FrameKind::kListenerQuery) << c.number;
    const auto query = parseListenerQuery(*view);
    ASSERT_TRUE(query) << c.number;
    EXPECT_EQ(query->response_max_ns, c.response_max_ms * kMs) << c.number;
  }
}

TEST(ListenerQuery, what_rfc_3810_says_to_ignore_is_ignored) {
  FrameSpec global = querier(), forwarded = querier();
  global.source = ip("2001:db8::2");
  forwarded.hop_limit = 2;
  Bytes unicast = generalQuery(1000), longer = generalQuery(1000), shorter = generalQuery(1000, false);
  unicast[8] = 0x20;
  longer.resize(26);
  shorter.resize(20);
  Bytes checksum = queryFrame(querier(), generalQuery(1000));
  checksum.back() ^= 1;
  const struct {
    int number;
    Bytes frame;
    Counter outcome;
  } cases[] = {
      {1, queryFrame(global, generalQuery(1000)), Counter::mld_malformed},
      {2, queryFrame(forwarded, generalQuery(1000)), Counter::mld_malformed},
      {3, queryFrame(querier(), unicast), Counter::mld_malformed},
      {4, queryFrame(querier(), longer), Counter::mld_malformed},
      {5, queryFrame(querier(), shorter), Counter::mld_malformed},
      {6, checksum, Counter::mld_malformed},
      {7, queryFrame(querier(), generalQuery(1000), "3a00 0104 00000000"), Counter::ip_protocol_unknown},  // no alert
      {8, queryFrame(querier(), generalQuery(1000), "3a00 0505 0000 0000"), Counter::ip_protocol_unknown},
      {9, queryFrame(querier(), generalQuery(1000), "3a00 01ff 0502 0000"), Counter::ip_protocol_unknown},
      {10, queryFrame(querier(), generalQuery(1000), "1100 0502 0000 0100"), Counter::ip_protocol_unknown},
      {11, queryFrame(querier(), generalQuery(1000), "3a7f 0502 0000 0100"), Counter::ip_malformed},
      {12, queryFrame(querier(), Bytes(4), "3a00 0502 0000 0100"), Counter::ip_malformed},
      {13, queryFrame(querier(), fromHex("8f00 0000 0000 0000")), Counter::icmp_unhandled},  // others' reports
      {14, icmpFrame(querier(), generalQuery(1000)), Counter::icmp_unhandled},               // without the header
      {15, queryFrame(querier(), fromHex("8700 0000 0000 0000")), Counter::icmp_unhandled},  // ND has no place there
  };
  for (const auto& c : cases) {
    const auto view = parseFrame(c.frame);
    const Counter outcome = view ? parseListenerQuery(*view).error() : view.error();
    EXPECT_EQ(outcome, c.outcome) << c.number;
  }
  // Padding of both kinds before the alert is no fault.
  EXPECT_TRUE(parseFrame(queryFrame(querier(), generalQuery(9), "3a01 00 00 0104 00000000 0502 0000 0000")));
}

/// Which kinds were due at which 100 ms: "ANR" for ARP, advertisement, report, "Q" for the answer to a query.
std::string history(AnnouncementSchedule& schedule, uint64_t from_ms, uint64_t to_ms) {
  std::string text;
  for (uint64_t ms = from_ms; ms < to_ms; ms += 100) {
    const auto due = schedule.poll(ms * kMs);
    if (!(due.arp || due.advertisement || due.report || due.answer)) continue;
    text += std::to_string(ms) + (due.arp ? "A" : "") + (due.advertisement ? "N" : "") + (due.report ? "R" : "") +
            (due.answer ? "Q" : "") + " ";
  }
  return text;
}

TEST(AnnouncementSchedule, says_it_three_times_and_again_when_the_link_comes_back) {
  AnnouncementSchedule schedule;
  EXPECT_EQ(history(schedule, 5'000, 60'000), "5000ANR 6000NR 7000AN ");
  schedule.begin(60'000 * kMs);
  EXPECT_EQ(history(schedule, 60'000, 90'000), "60000ANR 61000NR 62000AN ");
  // A link that flaps.
  schedule.begin(90'000 * kMs);
  EXPECT_EQ(history(schedule, 90'000, 91'500), "90000ANR 91000NR ");
  schedule.begin(91'500 * kMs);
  EXPECT_EQ(history(schedule, 91'500, 100'000), "91500ANR 92500NR 93500AN ");
}

TEST(AnnouncementSchedule, polled_late_it_keeps_its_distance) {
  AnnouncementSchedule schedule;
  EXPECT_EQ(history(schedule, 1'000, 1'100), "1000ANR ");
  EXPECT_EQ(history(schedule, 8'000, 20'000), "8000NR 9000AN ");
}

TEST(AnnouncementSchedule, queries_are_answered_once_and_a_flood_of_them_no_more_than_once_a_second) {
  AnnouncementSchedule schedule;
  history(schedule, 0, 10'000);
  schedule.answerAt(14'000 * kMs);
  schedule.answerAt(12'000 * kMs);
  schedule.answerAt(13'000 * kMs);
  EXPECT_EQ(history(schedule, 10'000, 30'000), "12000Q ");
  std::string answers;
  for (uint64_t ms = 30'000; ms < 32'500; ms += 100) {
    schedule.answerAt(ms * kMs);
    answers += history(schedule, ms, ms + 100);
  }
  EXPECT_EQ(answers, "30000Q 31000Q 32000Q ");
}

}  // namespace
}  // namespace penstock
