// RTCP both ways: reports that make sense at each end, key frames merged, losses answered.
#include <gtest/gtest.h>

#include <map>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

struct Conference : World {
  Client& publisher = addConnected(1, "198.18.0.11:4001");
  Client& subscriber = addConnected(2, "198.18.0.12:4002");
  Conference() {
    addTrack(publisher, {.rtx_ssrc = 0x1111'1112});
    addSubscription(subscriber, {});
    advance(1'000'000'000);
    take();
  }
  void sendVideo(uint16_t first, uint16_t count) {
    for (uint16_t i = 0; i < count; ++i) {
      const auto sequence = static_cast<uint16_t>(first + i);
      sendRtp(publisher, {.sequence = sequence, .timestamp = 90'000u + 3000u * i, .payload = Bytes(100, uint8_t(i))});
    }
  }
};

std::vector<RtcpMember> members(const Bytes& compound) {
  std::vector<RtcpMember> all;
  RtcpReader reader(compound);
  while (const auto member = reader.next()) all.push_back(*member);
  EXPECT_FALSE(reader.malformed());
  return all;
}

size_t countOf(const std::vector<Bytes>& compounds, RtcpKind kind) {
  size_t count = 0;
  for (const Bytes& compound : compounds) {
    for (const RtcpMember& member : members(compound)) count += member.kind() == kind;
  }
  return count;
}

TEST(Feedback, nack_is_answered_by_rtx_with_the_original_number_and_payload) {
  Conference c;
  c.sendVideo(1000, 10);
  const auto sent = c.takeRtp(c.subscriber);
  ASSERT_EQ(sent.size(), 10u);
  c.sendRtcp(c.subscriber, rtcpNack(9, 0x2222'2222, 5003, 0b101));  // 5003, 5004, 5006
  const auto repaired = c.takeRtp(c.subscriber);
  ASSERT_EQ(repaired.size(), 3u) << c.counters();
  const std::vector<uint16_t> asked = {5003, 5004, 5006};
  for (size_t i = 0; i < repaired.size(); ++i) {
    const auto view = parseRtp(repaired[i]).value();
    const auto lost = parseRtp(sent[asked[i] - 5000]).value();
    EXPECT_EQ(view.ssrc, 0x2222'2223u);
    EXPECT_EQ(view.payload_type, 101);
    EXPECT_EQ(view.timestamp, lost.timestamp);
    EXPECT_EQ(view.sequence, 5000 + i) << "its own space";
    EXPECT_EQ(load16(view.payload().data()), asked[i]);
    EXPECT_TRUE(std::ranges::equal(view.payload().subspan(2), lost.payload()));
  }
  EXPECT_EQ(c.count(Counter::retransmissions_sent), 3u);
}

TEST(Feedback, cnames_are_of_one_publisher_and_tell_nothing) {
  const auto cnamesOf = [](uint64_t seed) {
    World w(RelayConfig{.seed = seed});
    Client& first = w.addConnected(1, "198.18.0.11:4001");
    Client& second = w.addConnected(2, "198.18.0.12:4002");
    Client& subscriber = w.addConnected(3, "198.18.0.13:4003");
    w.addTrack(first, {});
    w.addTrack(first, {.index = 1, .ssrc = 0x3333'3331, .mid = "1"});
    w.addTrack(second, {.index = 2, .ssrc = 0x4444'4441});
    for (uint32_t i = 0; i < 3; ++i) {
      w.addSubscription(subscriber, {.index = i, .track = i, .ssrc = 0x2222'2200 + i, .rtx_ssrc = 0x2222'2210 + i});
    }
    const uint64_t ntp = ntpFromUnix(w.now_ns);
    w.sendRtcp(first, rtcpSenderReport(0x1111'1111, ntp, 90'000, 1, 100));
    w.sendRtcp(first, rtcpSenderReport(0x3333'3331, ntp, 90'000, 1, 100));
    w.sendRtcp(second, rtcpSenderReport(0x4444'4441, ntp, 90'000, 1, 100));
    w.sendRtp(first, {});
    w.sendRtp(first, {.ssrc = 0x3333'3331});
    w.sendRtp(second, {.ssrc = 0x4444'4441});
    w.take();
    std::map<uint32_t, std::string> cnames;
    for (int i = 0; i < 20; ++i) w.advance(100'000'000);
    for (const Bytes& compound : w.takeRtcp(subscriber)) {
      for (const RtcpMember& member : members(compound)) {
        const auto item = parseSdesCname(member);
        if (item && item->ssrc >> 8 == 0x22'2222) cnames[item->ssrc] = item->cname;
      }
    }
    return cnames;
  };
  const auto cnames = cnamesOf(1), others = cnamesOf(2);
  ASSERT_EQ(cnames.size(), 3u);
  EXPECT_EQ(cnames.at(0x2222'2200), cnames.at(0x2222'2201)) << "audio and video of one are played together";
  EXPECT_NE(cnames.at(0x2222'2200), cnames.at(0x2222'2202));
  for (const auto& [ssrc, cname] : cnames) {
    EXPECT_EQ(cname.size(), 24u);
    EXPECT_NE(cname, others.at(ssrc)) << "of the same row, by another process";
  }
}

TEST(Feedback, one_publisher_cannot_take_the_packets_kept_of_another) {
  World w(RelayConfig{.cached_packets_max = 60});
  Client& flood = w.addConnected(1, "198.18.0.11:4001");
  Client& quiet = w.addConnected(2, "198.18.0.12:4002");
  Client& subscriber = w.addConnected(3, "198.18.0.13:4003");
  w.addTrack(flood, {.rtx_ssrc = 0x1111'1112});
  w.addTrack(flood, {.index = 1, .ssrc = 0x3333'3331, .rtx_ssrc = 0x3333'3332, .mid = "1"});
  w.addTrack(quiet, {.index = 2, .ssrc = 0x4444'4441, .rtx_ssrc = 0x4444'4442});
  w.addSubscription(subscriber, {});
  w.addSubscription(subscriber, {.index = 1, .track = 1, .ssrc = 0x5555'5551, .rtx_ssrc = 0x5555'5552});
  w.addSubscription(subscriber, {.index = 2, .track = 2, .ssrc = 0x6666'6661, .rtx_ssrc = 0x6666'6662});
  w.advance(500'000'000);
  // Two packets of each of its tracks for one of the other's, far beyond what all may keep.
  for (uint16_t i = 0; i < 100; ++i) {
    w.sendRtp(flood, {.sequence = static_cast<uint16_t>(100 + i)});
    w.sendRtp(flood, {.sequence = static_cast<uint16_t>(200 + i), .ssrc = 0x3333'3331});
    if (i % 5 == 0) w.sendRtp(quiet, {.sequence = static_cast<uint16_t>(300 + i / 5), .ssrc = 0x4444'4441});
    w.advance(1'000'000);
  }
  w.take();
  const auto answered = [&](uint32_t ssrc, uint16_t sequence) {
    const uint64_t before = w.count(Counter::retransmissions_sent);
    w.sendRtcp(subscriber, rtcpNack(9, ssrc, sequence));
    return w.count(Counter::retransmissions_sent) > before;
  };
  for (uint16_t i = 0; i < 20; ++i) {
    EXPECT_TRUE(answered(0x6666'6661, static_cast<uint16_t>(5000 + i))) << i << " " << w.counters();
  }
  // Its own oldest went, of both tracks alike; the newest are there.
  EXPECT_TRUE(answered(0x2222'2222, 5099));
  EXPECT_TRUE(answered(0x2222'2222, 5085));
  EXPECT_FALSE(answered(0x2222'2222, 5070));
  EXPECT_TRUE(answered(0x5555'5551, 5085));
  EXPECT_FALSE(answered(0x5555'5551, 5070));
  // When they are gone, so is what was counted for them.
  for (Client* client : {&flood, &quiet, &subscriber}) {
    w.applyCommand(TransportCommand{.index = client->index, .row = {}});
  }
  w.relay.reset();
  EXPECT_TRUE(w.io.live.empty());
}

TEST(Feedback, nacks_beyond_cache_or_budget_are_counted_not_answered) {
  Conference c;
  c.sendVideo(1000, 3);
  c.takeRtp(c.subscriber);
  c.sendRtcp(c.subscriber, rtcpNack(9, 0x2222'2222, 4000));
  EXPECT_EQ(c.count(Counter::nack_unanswerable), 1u);
  for (int i = 0; i < 20; ++i) c.sendRtcp(c.subscriber, rtcpNack(9, 0x2222'2222, 5000));
  EXPECT_EQ(c.takeRtp(c.subscriber).size(), 1u) << "not again within 100 ms";
  EXPECT_EQ(c.count(Counter::nack_budget_spent), 19u);
  c.advance(2'000'000'000);
  c.take();
  c.sendRtcp(c.subscriber, rtcpNack(9, 0x2222'2222, 5001));
  EXPECT_EQ(c.count(Counter::nack_unanswerable), 2u) << "too old";
  EXPECT_TRUE(c.conserved());
}

TEST(Feedback, key_frame_requests_are_merged_and_spaced) {
  Conference c;
  c.sendVideo(1000, 1);
  c.take();
  c.advance(600'000'000);
  c.take();
  for (int i = 0; i < 5; ++i) c.sendRtcp(c.subscriber, rtcpPli(9, 0x2222'2222));
  for (int i = 0; i < 5; ++i) c.sendRtcp(c.subscriber, rtcpFir(9, 0x2222'2222, static_cast<uint8_t>(i)));
  EXPECT_EQ(countOf(c.takeRtcp(c.publisher), RtcpKind::kPli), 1u) << c.counters();
  for (int i = 0; i < 6; ++i) c.advance(100'000'000);
  EXPECT_EQ(countOf(c.takeRtcp(c.publisher), RtcpKind::kPli), 1u) << "the merged rest, once";
  for (int i = 0; i < 30; ++i) c.advance(100'000'000);
  EXPECT_EQ(countOf(c.takeRtcp(c.publisher), RtcpKind::kPli), 0u);
}

TEST(Feedback, a_key_frame_answers_requests_that_wait_and_is_counted_once) {
  World w;
  Client& publisher = w.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = w.addConnected(2, "198.18.0.12:4002");
  w.addTrack(publisher, {.codec = contract::Codec::kVp8});
  w.addSubscription(subscriber, {});
  const auto send = [&](uint16_t sequence, uint32_t timestamp, std::string_view payload) {
    w.sendRtp(publisher, {.sequence = sequence, .timestamp = timestamp, .payload = fromHex(payload)});
  };
  send(1, 0, "10 00 00");
  w.advance(1'000'000'000);
  w.take();
  for (int i = 0; i < 2; ++i) w.sendRtcp(subscriber, rtcpPli(9, 0x2222'2222));
  EXPECT_EQ(countOf(w.takeRtcp(publisher), RtcpKind::kPli), 1u);
  send(2, 3000, "10 01 00");  // an inter frame
  send(3, 6000, "10 00 00");
  send(4, 6000, "00 00 00");
  for (int i = 0; i < 20; ++i) w.advance(100'000'000);
  EXPECT_EQ(countOf(w.takeRtcp(publisher), RtcpKind::kPli), 0u) << "the second request has its answer";
  EXPECT_EQ(w.reports->track[0].key_frames, 2u);
}

TEST(Feedback, a_key_frame_is_asked_for_instead_of_what_is_in_no_cache_any_more) {
  World w;
  Client& publisher = w.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = w.addConnected(2, "198.18.0.12:4002");
  w.addTrack(publisher, {.codec = contract::Codec::kVp8});
  w.addSubscription(subscriber, {});
  w.advance(1'000'000'000);
  w.take();
  const auto send = [&](uint16_t sequence, std::string_view payload) {
    w.sendRtp(publisher, {.sequence = sequence, .timestamp = 3000u * sequence, .payload = fromHex(payload)});
    const auto sent = w.takeRtp(subscriber);
    return sent.empty() ? uint16_t{0} : parseRtp(sent.back())->sequence;
  };
  const auto asks = [&](uint16_t sequence) {
    w.sendRtcp(subscriber, rtcpNack(9, 0x2222'2222, sequence));
    return countOf(w.takeRtcp(publisher), RtcpKind::kPli);
  };
  send(1, "10 00 00");
  const uint16_t lost = send(2, "10 01 00");
  const uint16_t fresh = send(3, "10 01 00");
  w.advance(700'000'000);
  EXPECT_EQ(asks(fresh), 0u) << "there it is";
  EXPECT_EQ(asks(static_cast<uint16_t>(fresh + 1)), 0u) << "nobody had it yet";
  w.advance(700'000'000);
  EXPECT_EQ(asks(lost), 1u);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(asks(lost), 0u) << "the publisher was asked";
  w.advance(600'000'000);
  w.take();
  EXPECT_EQ(asks(lost), 1u) << "and did not hear it";
  send(4, "10 00 00");
  w.advance(600'000'000);
  w.take();
  EXPECT_EQ(asks(lost), 0u) << "a key frame came";
  EXPECT_EQ(w.count(Counter::nack_unanswerable), 13u);
}

TEST(Feedback, a_new_subscriber_causes_a_key_frame_request) {
  Conference c;
  c.sendVideo(1000, 1);
  c.advance(1'000'000'000);
  c.take();
  Client& late = c.addConnected(3, "198.18.0.14:4004");
  c.advance(1'000'000'000);
  c.take();
  c.addSubscription(late, {.index = 9, .ssrc = 77, .rtx_ssrc = 78});
  const auto compounds = c.takeRtcp(c.publisher);
  ASSERT_EQ(countOf(compounds, RtcpKind::kPli), 1u);
  for (const RtcpMember& member : members(compounds[0])) {
    if (member.kind() == RtcpKind::kPli) {
      EXPECT_EQ(parseFeedback(member)->media_ssrc, 0x1111'1111u);
    }
  }
}

TEST(Feedback, a_subscriber_that_connects_after_its_rows_causes_a_key_frame_request) {
  Conference c;
  c.sendVideo(1000, 1);
  c.advance(1'000'000'000);
  Client& late = c.addClient(3, "198.18.0.14:4004");
  c.addSubscription(late, {.index = 9, .ssrc = 77, .rtx_ssrc = 78});
  c.advance(1'000'000'000);
  c.take();
  c.check(late);
  EXPECT_EQ(countOf(c.takeRtcp(c.publisher), RtcpKind::kPli), 1u);
}

TEST(Feedback, publisher_gets_receiver_reports_with_its_losses) {
  Conference c;
  c.sendVideo(1000, 50);
  c.sendVideo(1060, 40);  // 10 lost
  const uint64_t ntp = ntpFromUnix(1'700'000'000'000'000'000);
  c.sendRtcp(c.publisher, rtcpSenderReport(0x1111'1111, ntp, 90'000, 90, 9000));
  c.take();
  for (int i = 0; i < 12; ++i) c.advance(100'000'000);
  std::optional<ReportBlock> block;
  for (const Bytes& compound : c.takeRtcp(c.publisher)) {
    for (const RtcpMember& member : members(compound)) {
      if (member.kind() != RtcpKind::kReceiverReport) continue;
      const auto report = parseReport(member);
      if (report->blockCount() == 1 && !block) block = report->block(0);
    }
  }
  ASSERT_TRUE(block);
  EXPECT_EQ(block->ssrc, 0x1111'1111u);
  EXPECT_EQ(block->packets_lost, 10);
  EXPECT_EQ(block->highest_sequence & 0xffff, 1099u);
  EXPECT_EQ(block->last_sr, ntpMiddle(ntp));
  EXPECT_GT(block->delay_since_last_sr, 0u);
  EXPECT_EQ(c.reports->track[0].packets_lost, 10u);
}

TEST(Feedback, subscriber_gets_sender_reports_on_the_relays_clock_and_its_round_trip_is_known) {
  Conference c;
  // The publisher's clock is an hour behind; at its NTP time `ntp` its RTP clock read 90,000.
  const uint64_t ntp = ntpFromUnix(1'700'000'000'000'000'000);
  c.sendVideo(1000, 10);
  c.sendRtcp(c.publisher, rtcpSenderReport(0x1111'1111, ntp, 90'000, 10, 1000));
  const uint64_t mapped_ns = c.now_ns;
  c.take();
  std::optional<Report> report;
  Bytes compound;
  uint64_t reported_ns = 0;
  for (int i = 0; i < 20 && !report; ++i) {
    c.advance(100'000'000);
    reported_ns = c.now_ns;
    for (const Bytes& bytes : c.takeRtcp(c.subscriber)) {
      compound = bytes;
      for (const RtcpMember& member : members(compound)) {
        if (member.kind() == RtcpKind::kSenderReport) report = parseReport(member);
      }
    }
  }
  ASSERT_TRUE(report);
  EXPECT_EQ(report->sender_ssrc, 0x2222'2222u);
  EXPECT_EQ(report->sender->packet_count, 10u);
  EXPECT_EQ(report->sender->octet_count, 1000u);
  EXPECT_EQ(report->sender->ntp, ntpFromUnix(reported_ns + c.config.unix_offset_ns));
  const uint32_t expected = 90'000 + 1'000'000 + static_cast<uint32_t>((reported_ns - mapped_ns) * 9 / 100'000);
  EXPECT_NEAR(report->sender->rtp_timestamp, expected, 2);

  c.now_ns += 40'000'000;  // 40 ms there and back
  Bytes rr = rtcpMember(201, 1, {9, 0x2222'2222, 0x4000'0000, 5009, 90, ntpMiddle(report->sender->ntp), 0});
  c.sendRtcp(c.subscriber, rr);
  EXPECT_NEAR(c.reports->transport[2].round_trip_time_us, 40'000, 100);
  EXPECT_EQ(c.reports->subscription[0].jitter_us, 1000u);
  EXPECT_EQ(c.reports->subscription[0].fraction_lost_q8, 0x40u);
}

TEST(Feedback, a_bad_member_costs_none_that_is_whole) {
  Conference c;
  c.sendVideo(1000, 10);
  c.takeRtp(c.subscriber);
  Bytes compound;
  for (int i = 0; i < 40; ++i) append(compound, rtcpReceiverReport(9));
  append(compound, rtcpNack(9, 0x2222'2222, 5003));
  append(compound, fromHex("9fc90001 00000009"));  // RR of 31 blocks, none is there
  append(compound, fromHex("41c90000"));           // of another version
  append(compound, rtcpNack(9, 0x2222'2222, 5004));
  c.sendRtcp(c.subscriber, compound);
  EXPECT_EQ(c.takeRtp(c.subscriber).size(), 2u) << c.counters();
  EXPECT_EQ(c.count(Counter::rtcp_malformed), 1u);
  EXPECT_TRUE(c.conserved());
}

TEST(Feedback, packets_asked_for_are_looked_up_within_a_budget) {
  Conference c;
  c.sendVideo(1000, 10);
  c.takeRtp(c.subscriber);
  Bytes compound;
  for (uint16_t i = 0; i < 80; ++i) append(compound, rtcpNack(9, 0x2222'2222, static_cast<uint16_t>(17 * i), 0xffff));
  const auto lookedUp = [&] { return c.reports->subscription[0].nacks; };
  c.sendRtcp(c.subscriber, compound);
  EXPECT_EQ(lookedUp(), 256u) << "of one compound";
  EXPECT_EQ(c.count(Counter::nack_flood), 80u * 17 - 256);
  for (int i = 0; i < 100; ++i) c.sendRtcp(c.subscriber, compound);
  EXPECT_EQ(lookedUp(), 1000u) << "at once";
  c.advance(1'000'000'000);
  for (int i = 0; i < 100; ++i) c.sendRtcp(c.subscriber, compound);
  EXPECT_EQ(lookedUp(), 2000u);
  EXPECT_EQ(c.count(Counter::nack_flood), 201u * 80 * 17 - 2000);
}

TEST(Feedback, rtcp_of_one_transport_has_a_budget_that_forgeries_do_not_spend) {
  Conference c;
  Bytes forged = c.subscriber.protectRtcp(rtcpReceiverReport(9));
  forged.back() ^= 1;
  for (int i = 0; i < 2000; ++i) c.receiveUdp(c.subscriber, forged);
  EXPECT_EQ(c.count(Counter::srtcp_authentication_failed), 2000u);
  const uint64_t before = c.count(Counter::answered);
  for (int i = 0; i < 600; ++i) c.sendRtcp(c.subscriber, rtcpReceiverReport(9));
  EXPECT_EQ(c.count(Counter::answered) - before, 500u) << c.counters();
  EXPECT_EQ(c.count(Counter::rtcp_budget_spent), 100u);
  c.advance(100'000'000);
  for (int i = 0; i < 600; ++i) c.sendRtcp(c.subscriber, rtcpReceiverReport(9));
  EXPECT_EQ(c.count(Counter::rtcp_budget_spent), 600u);
  EXPECT_TRUE(c.conserved());
}

TEST(Feedback, requests_go_alone_where_that_was_agreed_on) {
  for (const bool agreed : {false, true}) {
    Conference c;
    c.publisher.row.flags = agreed ? contract::kTransportReducedRtcp : 0;
    c.applyCommand(transportCommand(*c.backend, *c.flows, c.publisher));
    c.sendVideo(1000, 1);
    c.sendVideo(1002, 1);
    c.advance(600'000'000);
    c.sendRtcp(c.subscriber, rtcpPli(9, 0x2222'2222));
    size_t requests = 0;
    for (const Bytes& compound : c.takeRtcp(c.publisher)) {
      const auto all = members(compound);
      for (size_t i = 0; i < all.size(); ++i) {
        if (all[i].kind() != RtcpKind::kNack && all[i].kind() != RtcpKind::kPli) continue;
        ++requests;
        EXPECT_EQ(i, agreed ? 0u : 2u);
        EXPECT_EQ(all.size(), agreed ? 1u : 3u);
      }
    }
    EXPECT_GE(requests, 2u);
  }
}

TEST(Feedback, a_member_that_is_longer_than_what_there_is_ends_its_compound) {
  Conference c;
  Bytes compound = rtcpReceiverReport(9);
  append(compound, fromHex("81ce0005 00000000"));  // PLI that says it is longer than it is
  c.sendRtcp(c.subscriber, compound);
  EXPECT_EQ(c.count(Counter::rtcp_malformed), 1u);
  EXPECT_TRUE(c.conserved());
}

TEST(Feedback, remb_tells_the_publisher_its_limit) {
  World world;
  Client client = world.makeClient(1, "198.18.0.11:4001");
  client.row.receive_bitrate_max_bps = 1'500'000;
  world.clients.push_back(std::make_unique<Client>(std::move(client)));
  Client& publisher = *world.clients.back();
  world.apply(publisher);
  world.check(publisher);
  world.answerNeighbours();
  world.addTrack(publisher, {});
  world.sendRtp(publisher, {});
  world.take();
  for (int i = 0; i < 20; ++i) world.advance(100'000'000);
  std::optional<uint64_t> bitrate;
  for (const Bytes& compound : world.takeRtcp(publisher)) {
    for (const RtcpMember& member : members(compound)) {
      if (member.kind() == RtcpKind::kRemb) bitrate = parseRemb(*parseFeedback(member))->bitrate_bps;
    }
  }
  ASSERT_TRUE(bitrate);
  EXPECT_NEAR(static_cast<double>(*bitrate), 1'500'000, 5'000);
}

}  // namespace
}  // namespace penstock::test
