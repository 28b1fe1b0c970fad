// Reports we build, read back with the parser; every item exactly once, no byte beyond the buffer.
#include "dataplane/stream/report_builder.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace penstock::stream {
namespace {

std::vector<RtcpMember> members(std::span<const uint8_t> compound) {
  std::vector<RtcpMember> all;
  RtcpReader reader(compound);
  while (const auto member = reader.next()) all.push_back(*member);
  EXPECT_FALSE(reader.malformed());
  return all;
}

TEST(ReportBuilder, sender_reports_of_a_hundred_subscriptions_come_in_several_compounds) {
  std::vector<StreamReport> streams;
  for (uint32_t i = 0; i < 100; ++i) {
    streams.push_back(
        {.ssrc = 1000 + i,
         .info = {.ntp = 0x1234'5678'9abc'def0, .rtp_timestamp = i, .packet_count = 2 * i, .octet_count = 3 * i},
         .cname = i % 2 == 0 ? "even" : "a-name-that-is-rather-too-long-to-be-of-any-use"});
  }
  std::array<uint8_t, 1200> buffer{};
  std::span<const StreamReport> rest = streams;
  uint32_t expected = 0;
  int compounds = 0;
  while (!rest.empty()) {
    const Built built = buildSenderReports(rest, buffer);
    ASSERT_GT(built.consumed, 0u);
    rest = rest.subspan(built.consumed);
    ++compounds;
    for (const RtcpMember& member : members(std::span(buffer).first(built.length))) {
      if (member.kind() == RtcpKind::kSenderReport) {
        const auto report = parseReport(member);
        ASSERT_TRUE(report && report->sender);
        EXPECT_EQ(report->sender_ssrc, 1000 + expected);
        EXPECT_EQ(report->sender->ntp, 0x1234'5678'9abc'def0u);
        EXPECT_EQ(report->sender->rtp_timestamp, expected);
        EXPECT_EQ(report->sender->packet_count, 2 * expected);
        EXPECT_EQ(report->sender->octet_count, 3 * expected);
      } else {
        const auto cname = parseSdesCname(member);
        ASSERT_TRUE(cname);
        EXPECT_EQ(cname->ssrc, 1000 + expected);
        EXPECT_EQ(cname->cname, streams[expected].cname.substr(0, kCnameMax));
        ++expected;
      }
    }
  }
  EXPECT_EQ(expected, 100u);
  EXPECT_EQ(compounds, 7);  // 16 of them fill the parser's limit of members
}

TEST(ReportBuilder, receiver_reports_hold_at_most_31_blocks_and_remb_names_the_same_sources) {
  std::vector<ReportBlock> blocks;
  for (uint32_t i = 0; i < 70; ++i) {
    blocks.push_back({.ssrc = i,
                      .fraction_lost_q8 = static_cast<uint8_t>(i),
                      .packets_lost = -static_cast<int32_t>(i),
                      .highest_sequence = i,
                      .jitter = i,
                      .last_sr = i,
                      .delay_since_last_sr = i});
  }
  std::array<uint8_t, 1200> buffer{};
  std::span<const ReportBlock> rest = blocks;
  uint32_t expected = 0;
  while (!rest.empty()) {
    const Built built = buildReceiverReport(99, "relay", rest, 5, 2'500'000, buffer);
    ASSERT_GT(built.consumed, 0u);
    ASSERT_LE(built.consumed, kReportBlockMax);
    rest = rest.subspan(built.consumed);
    const auto all = members(std::span(buffer).first(built.length));
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(parseExtendedReport(all[2])->receiver_ntp, 5u);
    const auto report = parseReport(all[0]);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->sender_ssrc, 99u);
    const auto feedback = parseFeedback(all[3]);
    ASSERT_TRUE(feedback);
    const auto remb = parseRemb(*feedback);
    ASSERT_TRUE(remb);
    EXPECT_LE(remb->bitrate_bps, 2'500'000u);
    EXPECT_GT(remb->bitrate_bps, 2'499'000u);
    ASSERT_EQ(remb->count(), built.consumed);
    for (size_t i = 0; i < report->blockCount(); ++i, ++expected) {
      EXPECT_EQ(report->block(i).ssrc, expected);
      EXPECT_EQ(report->block(i).packets_lost, -static_cast<int32_t>(expected));
      EXPECT_EQ(remb->ssrc(i), expected);
    }
  }
  EXPECT_EQ(expected, 70u);
}

TEST(ReportBuilder, receiver_report_without_blocks_is_a_report_all_the_same) {
  std::array<uint8_t, 100> buffer{};
  const Built built = buildReceiverReport(5, "x", {}, 1, 1'000'000, buffer);
  const auto all = members(std::span(buffer).first(built.length));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].kind(), RtcpKind::kReceiverReport);
  EXPECT_EQ(built.consumed, 0u);
}

TEST(ReportBuilder, feedback_is_a_whole_compound) {
  std::array<uint8_t, 100> buffer{};
  const size_t length = buildFeedback(false, 5, "x", buffer, [](RtcpWriter& writer) { return writer.addPli(5, 77); });
  const auto all = members(std::span(buffer).first(length));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].kind(), RtcpKind::kReceiverReport);
  EXPECT_EQ(all[1].kind(), RtcpKind::kSourceDescription);
  EXPECT_EQ(all[2].kind(), RtcpKind::kPli);
  EXPECT_EQ(parseFeedback(all[2])->media_ssrc, 77u);
}

TEST(ReportBuilder, feedback_goes_alone_where_that_was_agreed_on) {
  std::array<uint8_t, 100> buffer{};
  const size_t length = buildFeedback(true, 5, "x", buffer, [](RtcpWriter& writer) { return writer.addPli(5, 77); });
  const auto all = members(std::span(buffer).first(length));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].kind(), RtcpKind::kPli);
}

TEST(ReportBuilder, any_buffer_size_is_respected) {
  const std::vector<StreamReport> streams(3, {.ssrc = 1, .info = {}, .cname = "cname"});
  const std::vector<ReportBlock> blocks(5);
  for (size_t size = 0; size < 400; ++size) {
    std::vector<uint8_t> buffer(size + 64, 0xee);
    const auto out = std::span(buffer).first(size);
    const size_t lengths[] = {buildSenderReports(streams, out).length,
                              buildReceiverReport(1, "c", blocks, 1, 1000, out).length,
                              buildFeedback(false, 1, "c", out, [](RtcpWriter& w) { return w.addPli(1, 2); })};
    for (const size_t length : lengths) ASSERT_LE(length, size);
    for (size_t i = size; i < buffer.size(); ++i) ASSERT_EQ(buffer[i], 0xee);
    const Built built = buildSenderReports(streams, out);
    if (built.length > 0) {
      ASSERT_EQ(members(out.first(built.length)).size(), 2 * built.consumed);
    }
  }
}

TEST(RoundTripTime, numbered_cases) {
  struct Case {
    int number;
    uint64_t ntp;
    uint32_t last_sr, delay;
    std::optional<uint32_t> expected_us;
  };
  const Case cases[] = {
      // RFC 3550 section 6.4.1 figure 2: 6.125 s
      {1, 0xb44d'b710'8000'0000, 0xb705'2000, 0x0005'4000, 6'125'000},
      {2, 0xb44d'b710'8000'0000, 0, 0x0005'4000, std::nullopt},
      {3, 0x0000'0001'0000'0000, 0x0001'0000, 0, 0},
      {4, 0x0000'0001'0000'0000, 0x0001'0001, 0, std::nullopt},  // before it was asked
      {5, 0x0000'1000'0000'0000, 0x0001'0000, 0, std::nullopt},  // an hour
      {6, 0x0001'0000'1999'0000, 0xffff'f333, 0, 149'993},       // the middle wrapped
  };
  for (const Case& c : cases) {
    const auto got = roundTripTimeUs(c.ntp, c.last_sr, c.delay);
    EXPECT_EQ(got.has_value(), c.expected_us.has_value()) << "case " << c.number;
    if (got && c.expected_us) {
      EXPECT_NEAR(*got, *c.expected_us, 20) << "case " << c.number;
    }
  }
}

}  // namespace
}  // namespace penstock::stream
