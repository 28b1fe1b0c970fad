// RTCP taken apart, put together, and everything in between that is wrong.
#include "dataplane/packet/rtcp.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "dataplane/packet/rtcp_writer.h"
#include "tests/support/packet_builder.h"

namespace penstock {
namespace {

using namespace test;

struct Walk {
  std::vector<RtcpKind> kinds;
  bool malformed;
};

Walk walk(const Bytes& compound) {
  RtcpReader reader(compound);
  Walk result{};
  while (const auto member = reader.next()) result.kinds.push_back(member->kind());
  result.malformed = reader.malformed();
  return result;
}

Bytes joined(std::initializer_list<Bytes> members) {
  Bytes compound;
  for (const Bytes& member : members) append(compound, member);
  return compound;
}

/// The first member. Its bytes are kept, so that what is parsed from it may be looked at later.
RtcpMember only(Bytes compound) {
  static std::deque<Bytes> kept;
  RtcpReader reader(kept.emplace_back(std::move(compound)));
  return reader.next().value();
}

TEST(Rtcp, compound_is_read_member_by_member) {
  const Bytes compound = joined({
      rtcpSenderReport(1, 2, 3, 4, 5),
      rtcpReceiverReport(1),
      rtcpMember(202, 1, {1, 0x0101'6100}),
      rtcpPli(1, 2),
      rtcpFir(1, 2, 3),
      rtcpNack(1, 2, 100),
      rtcpMember(206, 15, {1, 0, 0x5245'4d42, 0x0000'0001}),
      rtcpMember(205, 15, {1, 2, 3, 4}),
      rtcpMember(206, 15, {1, 0, 0x1234'5678, 0}),
      rtcpMember(204, 0, {1, 2}),
      rtcpMember(207, 0, {1}),
      rtcpMember(203, 1, {1}),
  });
  const Walk result = walk(compound);
  EXPECT_FALSE(result.malformed);
  EXPECT_EQ(result.kinds,
            (std::vector{RtcpKind::kSenderReport, RtcpKind::kReceiverReport, RtcpKind::kSourceDescription,
                         RtcpKind::kPli, RtcpKind::kFir, RtcpKind::kNack, RtcpKind::kRemb, RtcpKind::kTransportCc,
                         RtcpKind::kOther, RtcpKind::kOther, RtcpKind::kExtendedReport, RtcpKind::kBye}));
}

TEST(Rtcp, a_bad_member_costs_none_that_is_whole) {
  const Bytes pli = rtcpPli(1, 2);
  const auto followed = [&](std::string_view hex) { return joined({pli, fromHex(hex)}); };
  const struct {
    int number;
    Bytes compound;
    size_t members;
    bool malformed;
  } cases[] = {
      {1, pli, 1, false},
      {2, {}, 0, true},
      {3, fromHex("80c900"), 0, true},
      {4, followed("80c90000"), 2, false},
      {5, followed("80c9"), 1, true},
      {6, followed("80c90001"), 1, true},  // longer than what is there
      {7, followed("80c9ffff"), 1, true},
      {8, followed("40c90000"), 1, true},                     // version 1
      {9, followed("80600000"), 1, true},                     // RTP's payload type
      {10, followed("a0c90001 00000004"), 2, false},          // padding of its whole body
      {11, followed("a0c90001 00000000"), 1, true},           // padding zero
      {12, followed("a0c90001 00000003"), 2, false},          // three: the feedback of browsers is so
      {13, followed("a0c90001 00000008"), 1, true},           // longer than the body
      {14, followed("a0c90000"), 1, true},                    // no body to hold it
      {15, followed("a0c90001 00000004 80c90000"), 2, true},  // not the last
      {16, followed("40c90001 00000000 80c90000"), 2, true},
      {17, followed("80600000 80c90000 a0c90001 00000000"), 2, true},
      {18, followed("80c90000 80c9ffff 80c90000"), 2, true},  // nobody knows where the next one is
  };
  for (const auto& test_case : cases) {
    const Walk result = walk(test_case.compound);
    EXPECT_EQ(result.kinds.size(), test_case.members) << test_case.number;
    EXPECT_EQ(result.malformed, test_case.malformed) << test_case.number;
  }
}

TEST(Rtcp, members_are_as_many_as_there_is_room_for) {
  Bytes compound;
  for (size_t i = 0; i < 350; ++i) append(compound, fromHex("80c90000"));
  const Walk result = walk(compound);
  EXPECT_EQ(result.kinds.size(), 350u);
  EXPECT_FALSE(result.malformed);
}

TEST(Rtcp, nacks_are_counted_as_they_are_gone_through_and_can_be_bounded) {
  const Feedback feedback = parseFeedback(only(rtcpMember(205, 1, {1, 2, 0x0064'8001, 0xffff'ffff}))).value();
  const auto listed = [&](size_t limit) {
    std::vector<uint16_t> sequences;
    EXPECT_TRUE(forEachNack(
        feedback, [&](uint16_t sequence) { sequences.push_back(sequence); }, limit));
    return sequences;
  };
  EXPECT_EQ(nackCount(feedback), 3u + 17u);
  const auto all = listed(SIZE_MAX);
  ASSERT_EQ(all.size(), 20u);
  EXPECT_EQ(std::vector(all.begin(), all.begin() + 5), (std::vector<uint16_t>{100, 101, 116, 65535, 0}));
  for (size_t limit = 0; limit <= 21; ++limit) EXPECT_EQ(listed(limit).size(), std::min<size_t>(limit, 20));
}

const ReportBlock kBlock{0x1111'2222, 64, -5, 0x0003'ffff, 77, 0xaabb'ccdd, 0x0001'0000};

TEST(Rtcp, reports_are_written_and_read_back) {
  Bytes out(1400);
  RtcpWriter writer(out);
  const SenderInfo info{0x0123'4567'89ab'cdef, 90'000, 10, 2'000};
  const std::vector<ReportBlock> blocks(31, kBlock);
  ASSERT_TRUE(writer.addSenderReport(0xcafe, info, std::span(blocks).first(1)));
  EXPECT_EQ(Bytes(writer.written().begin(), writer.written().end()),
            fromHex("81c8000c 0000cafe 01234567 89abcdef 00015f90 0000000a 000007d0"
                    "11112222 40fffffb 0003ffff 0000004d aabbccdd 00010000"));
  ASSERT_TRUE(writer.addReceiverReport(0xbeef, blocks));
  EXPECT_FALSE(writer.addReceiverReport(0xbeef, std::vector<ReportBlock>(32)));

  RtcpReader reader(writer.written());
  const auto sender = parseReport(reader.next().value());
  ASSERT_TRUE(sender && sender->sender);
  EXPECT_EQ(sender->sender_ssrc, 0xcafeu);
  EXPECT_EQ(sender->sender->ntp, info.ntp);
  EXPECT_EQ(sender->sender->rtp_timestamp, 90'000u);
  EXPECT_EQ(sender->sender->packet_count, 10u);
  EXPECT_EQ(sender->sender->octet_count, 2'000u);
  ASSERT_EQ(sender->blockCount(), 1u);
  const ReportBlock block = sender->block(0);
  EXPECT_EQ(block.ssrc, kBlock.ssrc);
  EXPECT_EQ(block.fraction_lost_q8, 64);
  EXPECT_EQ(block.packets_lost, -5);
  EXPECT_EQ(block.highest_sequence, kBlock.highest_sequence);
  EXPECT_EQ(block.jitter, 77u);
  EXPECT_EQ(block.last_sr, kBlock.last_sr);
  EXPECT_EQ(block.delay_since_last_sr, kBlock.delay_since_last_sr);

  const auto receiver = parseReport(reader.next().value());
  ASSERT_TRUE(receiver);
  EXPECT_FALSE(receiver->sender);
  EXPECT_EQ(receiver->blockCount(), 31u);
  EXPECT_EQ(receiver->block(30).ssrc, kBlock.ssrc);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.malformed());
}

TEST(Rtcp, loss_beyond_24_bits_is_clamped) {
  for (const auto& [lost, read] : {std::pair{0x7fff'ffff, 0x7f'ffff}, {-0x7fff'ffff, -0x80'0000}, {0, 0}, {-1, -1}}) {
    Bytes out(64);
    RtcpWriter writer(out);
    ReportBlock block = kBlock;
    block.packets_lost = lost;
    writer.addReceiverReport(1, std::span(&block, 1));
    EXPECT_EQ(parseReport(only(Bytes(writer.written().begin(), writer.written().end())))->block(0).packets_lost, read);
  }
}

TEST(Rtcp, reports_that_say_more_blocks_than_there_are_are_refused) {
  EXPECT_FALSE(parseReport(only(rtcpMember(201, 1, {1, 2, 3, 4, 5, 6}))));
  EXPECT_TRUE(parseReport(only(rtcpMember(201, 1, {1, 2, 3, 4, 5, 6, 7}))));
  EXPECT_TRUE(parseReport(only(rtcpMember(201, 1, {1, 2, 3, 4, 5, 6, 7, 8}))));  // profile-specific extension
  EXPECT_FALSE(parseReport(only(rtcpMember(200, 0, {1, 2, 3, 4, 5}))));
  EXPECT_FALSE(parseReport(only(rtcpMember(201, 0, {}))));
  EXPECT_FALSE(parseReport(only(rtcpPli(1, 2))));
}

TEST(Rtcp, cname_is_written_and_found) {
  for (size_t size = 0; size < 9; ++size) {
    const std::string cname(size, 'c');
    Bytes out(300);
    RtcpWriter writer(out);
    ASSERT_TRUE(writer.addSdesCname(7, cname));
    EXPECT_EQ(writer.size() % 4, 0u);
    EXPECT_EQ(out[writer.size() - 1], 0);  // at least one null ends the chunk
    const auto found = parseSdesCname(only(Bytes(writer.written().begin(), writer.written().end())));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ssrc, 7u);
    EXPECT_EQ(found->cname, cname);
  }
}

TEST(Rtcp, source_descriptions_by_table) {
  const struct {
    int number;
    std::string_view hex;
    std::string_view cname;  // "-": none, "!": malformed
  } cases[] = {
      {1, "81ca0002 00000007 01036162", "!"},  // three bytes said, two there
      {2, "81ca0003 00000007 01026162 00000000", "ab"},
      {3, "81ca0002 00000007 02016100", "-"},                    // NAME only
      {4, "81ca0003 00000007 02016101 01620000", "b"},           // NAME, then CNAME
      {5, "82ca0004 00000007 02016100 00000008 01016200", "b"},  // second chunk
      {6, "81ca0002 00000007 01ff6100", "!"},
      {7, "81ca0001 00000007", "!"},
      {8, "82ca0002 00000007 01016100", "a"},  // found before the missing chunk
      {9, "82ca0002 00000007 02016100", "!"},
      {10, "81ca0002 00000007 02026162", "!"},  // no null
      {11, "80ca0000", "-"},
  };
  for (const auto& test_case : cases) {
    bool malformed = false;
    const auto found = parseSdesCname(only(fromHex(test_case.hex)), &malformed);
    const std::string_view cname = found ? found->cname : malformed ? "!" : "-";
    EXPECT_EQ(cname, test_case.cname) << test_case.number;
  }
}

TEST(Rtcp, bye_names_its_sources) {
  Bytes out(64);
  RtcpWriter writer(out);
  const uint32_t sources[] = {5, 6};
  ASSERT_TRUE(writer.addBye(sources));
  const auto bye = parseBye(only(Bytes(writer.written().begin(), writer.written().end())));
  ASSERT_TRUE(bye);
  ASSERT_EQ(bye->count(), 2u);
  EXPECT_EQ(bye->ssrc(1), 6u);
  EXPECT_TRUE(parseBye(only(rtcpMember(203, 1, {5, 0x0362'7965}))));  // with a reason
  EXPECT_FALSE(parseBye(only(rtcpMember(203, 2, {5}))));
}

TEST(Rtcp, feedback_is_written_and_read_back) {
  Bytes out(256);
  RtcpWriter writer(out);
  ASSERT_TRUE(writer.addPli(1, 2));
  ASSERT_TRUE(writer.addFir(1, 2, 3));
  EXPECT_EQ(Bytes(writer.written().begin(), writer.written().end()), joined({rtcpPli(1, 2), rtcpFir(1, 2, 3)}));
  const auto pli = parseFeedback(only(rtcpPli(1, 2)));
  ASSERT_TRUE(pli);
  EXPECT_EQ(pli->sender_ssrc, 1u);
  EXPECT_EQ(pli->media_ssrc, 2u);
  EXPECT_TRUE(pli->control_information.empty());
  std::vector<std::pair<uint32_t, uint8_t>> requests;
  const auto keep = [&](uint32_t ssrc, uint8_t command) { requests.emplace_back(ssrc, command); };
  EXPECT_TRUE(forEachFir(*parseFeedback(only(rtcpFir(1, 2, 3))), keep));
  EXPECT_EQ(requests, (std::vector<std::pair<uint32_t, uint8_t>>{{2, 3}}));
  EXPECT_FALSE(forEachFir(*parseFeedback(only(rtcpMember(206, 4, {1, 0}))), keep));
  EXPECT_FALSE(forEachFir(*parseFeedback(only(rtcpMember(206, 4, {1, 0, 2}))), keep));
  EXPECT_FALSE(parseFeedback(only(rtcpMember(206, 1, {1}))));
  EXPECT_FALSE(parseFeedback(only(rtcpReceiverReport(1))));
}

std::vector<uint16_t> lostOf(const Bytes& compound) {
  std::vector<uint16_t> lost;
  EXPECT_TRUE(forEachNack(*parseFeedback(only(compound)), [&](uint16_t sequence) { lost.push_back(sequence); }));
  return lost;
}

TEST(Rtcp, nack_pairs_are_unfolded) {
  EXPECT_EQ(lostOf(rtcpNack(1, 2, 100)), (std::vector<uint16_t>{100}));
  EXPECT_EQ(lostOf(rtcpNack(1, 2, 100, 0x8001)), (std::vector<uint16_t>{100, 101, 116}));
  EXPECT_EQ(lostOf(rtcpNack(1, 2, 65'535, 0x0003)), (std::vector<uint16_t>{65'535, 0, 1}));
  EXPECT_EQ(lostOf(rtcpNack(1, 2, 0, 0xffff)).size(), 17u);
  const auto nothing = [](uint16_t) { FAIL(); };
  EXPECT_FALSE(forEachNack(*parseFeedback(only(rtcpMember(205, 1, {1, 2}))), nothing));
}

TEST(Rtcp, nack_is_folded_and_unfolded_to_the_same) {
  std::mt19937 random(4);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<uint16_t> lost;
    auto sequence = static_cast<uint16_t>(random());
    for (size_t i = 0; i < 1 + random() % 60; ++i) {
      lost.push_back(sequence);
      sequence = static_cast<uint16_t>(sequence + 1 + random() % 20);
    }
    Bytes out(1400);
    RtcpWriter writer(out);
    ASSERT_TRUE(writer.addNack(1, 2, lost));
    ASSERT_EQ(lostOf(Bytes(writer.written().begin(), writer.written().end())), lost);
  }
  Bytes out(64);
  RtcpWriter writer(out);
  EXPECT_FALSE(writer.addNack(1, 2, {}));
  const uint16_t twice[] = {5, 5, 6};
  ASSERT_TRUE(writer.addNack(1, 2, twice));
  EXPECT_EQ(Bytes(writer.written().begin(), writer.written().end()), rtcpNack(1, 2, 5, 1));
}

TEST(Rtcp, remb_is_written_rounded_down_and_read_back) {
  const std::pair<uint64_t, uint64_t> cases[] = {
      {0, 0},
      {1, 1},
      {262'143, 262'143},
      {262'144, 262'144},
      {262'145, 262'144},
      {2'500'000, 2'500'000},
      {1'000'000'001, 1'000'000'000 - 1'000'000'000 % 4096},
      {UINT64_MAX, 0xffff'c000'0000'0000},
  };
  for (const auto& [bitrate, read] : cases) {
    Bytes out(64);
    RtcpWriter writer(out);
    const uint32_t sources[] = {3, 4};
    ASSERT_TRUE(writer.addRemb(1, bitrate, sources));
    const Bytes compound(writer.written().begin(), writer.written().end());
    EXPECT_EQ(only(compound).kind(), RtcpKind::kRemb);
    const auto remb = parseRemb(*parseFeedback(only(compound)));
    ASSERT_TRUE(remb);
    EXPECT_EQ(remb->bitrate_bps, read);
    ASSERT_EQ(remb->count(), 2u);
    EXPECT_EQ(remb->ssrc(1), 4u);
  }
  // Exponent 63: beyond 64 bits means no limit. Two sources said, none there: refused.
  EXPECT_EQ(parseRemb(*parseFeedback(only(rtcpMember(206, 15, {1, 0, 0x5245'4d42, 0x00ff'ffff}))))->bitrate_bps,
            UINT64_MAX);
  EXPECT_FALSE(parseRemb(*parseFeedback(only(rtcpMember(206, 15, {1, 0, 0x5245'4d42, 0x0200'0001})))));
}

TEST(RtcpWriter, a_member_that_does_not_fit_is_left_out_whole) {
  const uint16_t lost[] = {1, 100, 200};
  const uint32_t sources[] = {1};
  for (size_t size = 0; size < 200; ++size) {
    Bytes out(size + 8, 0xee);
    RtcpWriter writer{std::span(out).first(size)};
    int added = 0;
    added += writer.addSenderReport(1, {}, std::span(&kBlock, 1)) ? 1 : 0;
    added += writer.addSdesCname(1, "cname") ? 1 : 0;
    added += writer.addNack(1, 2, lost) ? 1 : 0;
    added += writer.addPli(1, 2) ? 1 : 0;
    added += writer.addRemb(1, 1'000'000, sources) ? 1 : 0;
    added += writer.addBye(sources) ? 1 : 0;
    const Walk result = walk(Bytes(writer.written().begin(), writer.written().end()));
    EXPECT_EQ(result.kinds.size(), static_cast<size_t>(added));
    EXPECT_EQ(result.malformed, added == 0);
    EXPECT_EQ(Bytes(out.end() - 8, out.end()), Bytes(8, 0xee));
  }
}

TEST(Ntp, wall_clock_becomes_ntp) {
  EXPECT_EQ(ntpFromUnix(0), 2'208'988'800ull << 32);
  EXPECT_EQ(ntpFromUnix(500'000'000), (2'208'988'800ull << 32) + 0x8000'0000);
  EXPECT_EQ(ntpMiddle(0x0123'4567'89ab'cdef), 0x4567'89abu);
}

}  // namespace
}  // namespace penstock
