// What the relay does as the publisher's receiver: asks for what is missing and takes it back, tells when packets came,
// knows the round trip.
#include <gtest/gtest.h>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/packet/transport_feedback.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint32_t kMediaSsrc = 0x1111'1111;
constexpr uint32_t kRtxSsrc = 0x1111'1112;

struct Conference : World {
  Client& publisher = addConnected(1, "198.18.0.11:4001");
  Client& subscriber = addConnected(2, "198.18.0.12:4002");
  uint16_t rtx_sequence = 1;
  explicit Conference(bool subscribed = true) {
    addTrack(publisher, {.rtx_ssrc = kRtxSsrc});
    if (subscribed) addSubscription(subscriber, {});
    advance(1000 * kMs);
    take();
  }
  static Bytes payloadOf(uint16_t sequence) { return Bytes(100, static_cast<uint8_t>(sequence)); }
  static RtpSpec video(uint16_t sequence) {
    return {.sequence = sequence, .timestamp = 90'000u + 3000u * sequence, .payload = payloadOf(sequence)};
  }
  void send(std::initializer_list<uint16_t> sequences) {
    for (const uint16_t sequence : sequences) sendRtp(publisher, video(sequence));
  }
  /// The packet again, as RFC 4588 has it.
  void repeat(uint16_t sequence) {
    RtpSpec spec = video(sequence);
    spec.ssrc = kRtxSsrc;
    spec.payload_type = 97;
    spec.payload = {static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence)};
    append(spec.payload, payloadOf(sequence));
    spec.sequence = rtx_sequence++;
    sendRtp(publisher, spec);
  }
  /// Members of this kind sent to the client since it was last asked.
  std::vector<Bytes> membersTo(Client& client, RtcpKind kind) {
    std::vector<Bytes> bodies;
    for (const Bytes& compound : takeRtcp(client)) {
      RtcpReader reader(compound);
      while (const auto member = reader.next()) {
        if (member->kind() != kind) continue;
        bodies.push_back({0x80, member->type, 0, 0});
        bodies.back()[0] = static_cast<uint8_t>(0x80 | member->count);
        append(bodies.back(), member->body);
      }
    }
    return bodies;
  }
  static RtcpMember memberOf(const Bytes& bytes) {
    return {bytes[1], static_cast<uint8_t>(bytes[0] & 0x1f), std::span(bytes).subspan(4)};
  }
  std::vector<uint16_t> asked() {
    std::vector<uint16_t> sequences;
    for (const Bytes& nack : membersTo(publisher, RtcpKind::kNack)) {
      const auto feedback = parseFeedback(memberOf(nack)).value();
      EXPECT_EQ(feedback.media_ssrc, kMediaSsrc);
      forEachNack(feedback, [&](uint16_t sequence) { sequences.push_back(sequence); });
    }
    return sequences;
  }
};

using Sequences = std::vector<uint16_t>;

TEST(ReceiveFeedback, a_missing_packet_is_asked_for_and_forwarded_when_it_comes_again) {
  Conference c;
  c.send({100, 101, 104});
  const auto first = c.takeRtp(c.subscriber);
  ASSERT_EQ(first.size(), 3u);
  c.advance(5 * kMs);
  EXPECT_TRUE(c.asked().empty()) << "it may just be late";
  c.advance(6 * kMs);
  EXPECT_EQ(c.asked(), (Sequences{102, 103}));
  c.repeat(103);
  c.repeat(102);
  const auto repaired = c.takeRtp(c.subscriber);
  ASSERT_EQ(repaired.size(), 2u) << c.counters();
  for (size_t i = 0; i < 2; ++i) {
    const auto view = parseRtp(repaired[i]).value();
    const auto sequence = static_cast<uint16_t>(103 - i);
    EXPECT_EQ(view.ssrc, 0x2222'2222u);
    EXPECT_EQ(view.payload_type, 100) << "the subscriber's media type";
    EXPECT_EQ(view.sequence, parseRtp(first[0])->sequence + sequence - 100);
    EXPECT_EQ(view.timestamp - parseRtp(first[0])->timestamp, 3000u * (sequence - 100u));
    EXPECT_EQ(Bytes(view.payload().begin(), view.payload().end()), Conference::payloadOf(sequence));
  }
  for (int i = 0; i < 500; ++i) c.advance(2 * kMs);
  EXPECT_TRUE(c.asked().empty());
  EXPECT_EQ(c.count(Counter::packets_asked_for), 2u);
  EXPECT_EQ(c.count(Counter::packets_repaired), 2u);
  EXPECT_TRUE(c.conserved()) << c.counters();
}

TEST(ReceiveFeedback, what_was_repaired_can_be_asked_for_by_subscribers) {
  Conference c;
  c.send({100, 102});
  c.advance(11 * kMs);
  c.repeat(101);
  const uint16_t outgoing = parseRtp(c.takeRtp(c.subscriber).back())->sequence;
  c.sendRtcp(c.subscriber, rtcpNack(9, 0x2222'2222, outgoing));
  const auto again = c.takeRtp(c.subscriber);
  ASSERT_EQ(again.size(), 1u) << c.counters();
  const auto payload = parseRtp(again[0])->payload();
  EXPECT_EQ(Bytes(payload.begin() + 2, payload.end()), Conference::payloadOf(101));
}

TEST(ReceiveFeedback, rtx_that_nothing_asked_for_is_counted_and_goes_nowhere) {
  Conference c;
  c.send({100, 101, 103});
  c.takeRtp(c.subscriber);
  c.repeat(101);
  EXPECT_EQ(c.count(Counter::rtp_rtx_unrequested), 1u);
  c.repeat(102);
  c.repeat(102);
  EXPECT_EQ(c.count(Counter::rtp_rtx_unrequested), 2u) << "the second time";
  EXPECT_EQ(c.takeRtp(c.subscriber).size(), 1u);
  RtpSpec empty{.payload_type = 97, .sequence = 900, .ssrc = kRtxSsrc, .padding = 200, .payload = {}};
  c.sendRtp(c.publisher, empty);
  EXPECT_EQ(c.count(Counter::rtp_padding_only), 1u);
  RtpSpec media_type{.sequence = 901, .ssrc = kRtxSsrc, .payload = {0, 99, 1}};
  c.sendRtp(c.publisher, media_type);
  EXPECT_EQ(c.count(Counter::rtp_payload_type_unknown), 1u);
  EXPECT_TRUE(c.conserved()) << c.counters();
}

TEST(ReceiveFeedback, a_key_frame_is_asked_for_instead_of_what_never_comes) {
  for (const bool key_frame_follows : {false, true}) {
    World w;
    Client& publisher = w.addConnected(1, "198.18.0.11:4001");
    Client& subscriber = w.addConnected(2, "198.18.0.12:4002");
    w.addTrack(publisher, {.rtx_ssrc = kRtxSsrc, .codec = contract::Codec::kVp8});
    w.addSubscription(subscriber, {});
    w.advance(1000 * kMs);
    w.take();
    const auto send = [&](uint16_t sequence, std::string_view payload) {
      w.sendRtp(publisher, {.sequence = sequence, .timestamp = 3000u * sequence, .payload = fromHex(payload)});
    };
    send(1, "10 00 00");
    send(3, "10 01 00");
    if (key_frame_follows) send(4, "10 00 00");
    size_t asked = 0;
    for (int i = 0; i < 150; ++i) {
      w.advance(10 * kMs);
      for (const Bytes& compound : w.takeRtcp(publisher)) {
        RtcpReader reader(compound);
        while (const auto member = reader.next()) asked += member->kind() == RtcpKind::kPli;
      }
    }
    EXPECT_EQ(asked, key_frame_follows ? 0u : 1u);
  }
}

TEST(ReceiveFeedback, nothing_is_asked_for_that_nobody_wants) {
  Conference c(/*subscribed=*/false);
  c.send({100, 110});
  for (int i = 0; i < 100; ++i) c.advance(2 * kMs);
  EXPECT_TRUE(c.asked().empty());
  c.addSubscription(c.subscriber, {});
  c.send({120, 121, 123});
  c.advance(11 * kMs);
  EXPECT_EQ(c.asked(), Sequences{122}) << "what was missing before it was wanted stays so";
}

TEST(ReceiveFeedback, nothing_is_asked_of_a_publisher_that_did_not_negotiate_nack) {
  Conference c;
  c.applyCommand(c.trackCommand(c.publisher, {.rtx_ssrc = kRtxSsrc, .flags = contract::kTrackNoNack}));
  c.send({100, 110});
  for (int i = 0; i < 100; ++i) c.advance(2 * kMs);
  EXPECT_TRUE(c.asked().empty());
  EXPECT_EQ(c.takeRtp(c.subscriber).size(), 2u);
}

TEST(ReceiveFeedback, requests_wait_for_the_measured_round_trip) {
  Conference c;
  c.send({100});
  c.advance(1100 * kMs);
  const auto reports = c.membersTo(c.publisher, RtcpKind::kExtendedReport);
  ASSERT_FALSE(reports.empty()) << "our time, for the publisher to echo";
  const auto ours = parseExtendedReport(Conference::memberOf(reports.back())).value();
  ASSERT_TRUE(ours.receiver_ntp);
  c.advance(400 * kMs);
  Bytes out(200);
  RtcpWriter writer(out);
  const ReferenceEcho echo{ours.sender_ssrc, ntpMiddle(*ours.receiver_ntp), 0};
  writer.addReceiverReport(kMediaSsrc, {});
  writer.addReferenceEchoes(kMediaSsrc, std::span(&echo, 1));
  out.resize(writer.size());
  c.sendRtcp(c.publisher, out);
  const uint32_t measured_us = c.reports->transport[c.publisher.index].round_trip_time_us;
  EXPECT_NEAR(measured_us, 400'000, 1000);
  c.send({102});
  size_t requests = 0;
  uint64_t second_ms = 0;
  for (uint64_t ms = 0; ms < 600 && requests < 2; ++ms) {
    c.advance(kMs);
    requests += c.asked().size();
    second_ms = ms;
  }
  EXPECT_GE(second_ms, 400u);
}

TEST(ReceiveFeedback, a_subscribers_time_is_echoed) {
  Conference c;
  Bytes out(200);
  RtcpWriter writer(out);
  writer.addReceiverReport(77, {});
  writer.addReferenceTime(77, 0x1111'2222'3333'4444);
  out.resize(writer.size());
  c.sendRtcp(c.subscriber, out);
  uint64_t waited_ms = 0;
  std::vector<Bytes> echoes;
  for (; waited_ms < 1500 && echoes.empty(); waited_ms += 10) {
    c.advance(10 * kMs);
    echoes = c.membersTo(c.subscriber, RtcpKind::kExtendedReport);
  }
  ASSERT_EQ(echoes.size(), 1u);
  const auto report = parseExtendedReport(Conference::memberOf(echoes[0])).value();
  ASSERT_EQ(report.echoCount(), 1u);
  EXPECT_EQ(report.echo(0).ssrc, 77u);
  EXPECT_EQ(report.echo(0).last_rr, 0x2222'3333u);
  EXPECT_NEAR(report.echo(0).delay_since_last_rr / 65.536, static_cast<double>(waited_ms), 1.0);
}

TEST(ReceiveFeedback, arrivals_are_told_whatever_the_stream) {
  Conference c;
  const auto stamped = [&](uint16_t sequence, uint16_t transport_sequence) {
    RtpSpec spec = Conference::video(sequence);
    spec.extensions = {
        {kTransportCcId, {static_cast<uint8_t>(transport_sequence >> 8), static_cast<uint8_t>(transport_sequence)}}};
    return spec;
  };
  c.sendRtp(c.publisher, stamped(100, 7));
  c.advance(10 * kMs);
  c.sendRtp(c.publisher, stamped(101, 9));
  RtpSpec probe = stamped(0, 10);
  probe.ssrc = kRtxSsrc;
  probe.payload_type = 97;
  probe.payload.clear();
  probe.padding = 100;
  c.sendRtp(c.publisher, probe);
  for (int i = 0; i < 64; ++i) c.advance(kMs);
  EXPECT_TRUE(c.membersTo(c.publisher, RtcpKind::kTransportCc).empty()) << "not yet";
  c.advance(2 * kMs);
  const auto feedbacks = c.membersTo(c.publisher, RtcpKind::kTransportCc);
  ASSERT_EQ(feedbacks.size(), 1u) << c.counters();
  const auto feedback = parseFeedback(Conference::memberOf(feedbacks[0])).value();
  EXPECT_EQ(feedback.media_ssrc, kMediaSsrc);
  auto reader = TransportFeedbackReader::parse(feedback).value();
  std::vector<std::optional<int64_t>> ticks;
  while (const auto packet = reader.next()) ticks.push_back(packet->ticks);
  ASSERT_EQ(ticks.size(), 4u);
  EXPECT_TRUE(ticks[0] && !ticks[1] && ticks[2] && ticks[3]);
  EXPECT_EQ(*ticks[2] - *ticks[0], 40) << "10 ms";
  for (int i = 0; i < 500; ++i) c.advance(kMs);
  EXPECT_TRUE(c.membersTo(c.publisher, RtcpKind::kTransportCc).empty()) << "nothing arrived since";
}

/// A publisher that stamps when it sends, and does not know transport-wide feedback; 100 packets a second.
struct OldSender : Conference {
  OldSender() {
    publisher.row.receive_bitrate_max_bps = 2'000'000;
    publisher.row.extension_id[static_cast<size_t>(contract::Extension::kTransportCc)] = 0;
    applyCommand(transportCommand(*backend, *flows, publisher));
  }
  /// Each packet takes longer than the one before by so much. Returns what the publisher is told.
  std::vector<uint64_t> send(int packets, uint64_t later_ns) {
    std::vector<uint64_t> told;
    for (; packets > 0; --packets, ++sequence_) {
      RtpSpec spec = video(sequence_);
      const uint32_t sent = absSendTime(sent_ns_ += 10 * kMs);
      spec.extensions = {
          {kAbsSendTimeId,
           {static_cast<uint8_t>(sent >> 16), static_cast<uint8_t>(sent >> 8), static_cast<uint8_t>(sent)}}};
      spec.payload.resize(1000);
      advance(10 * kMs + later_ns);
      sendRtp(publisher, spec);
      if (sequence_ % 1000 == 0) {
        check(publisher);
        answerNeighbours();
      }
      for (const Bytes& member : membersTo(publisher, RtcpKind::kRemb))
        told.push_back(parseRemb(parseFeedback(memberOf(member)).value()).value().bitrate_bps);
    }
    return told;
  }

 private:
  uint16_t sequence_ = 100;
  uint64_t sent_ns_ = 70'000 * kMs;
};

TEST(ReceiveFeedback, a_sender_that_only_knows_remb_is_told_to_send_less_when_a_queue_grows) {
  OldSender sender;
  const auto quiet = sender.send(600, 0);
  ASSERT_GE(quiet.size(), 5u) << "once a second";
  for (const uint64_t bps : quiet) EXPECT_GE(bps, 290'000u);
  EXPECT_GT(quiet.back(), 700'000u) << "it sends 0.8 Mbit/s, and may send more";
  const auto narrow = sender.send(100, 3 * kMs);
  ASSERT_FALSE(narrow.empty());
  EXPECT_LT(narrow.back(), 620'000u) << "10 of 13 packets get through";
  EXPECT_GT(narrow.back(), 400'000u);
  EXPECT_TRUE(sender.conserved()) << sender.counters();
}

TEST(ReceiveFeedback, who_has_transport_wide_feedback_is_told_the_maximum) {
  Conference c;
  c.publisher.row.receive_bitrate_max_bps = 2'000'000;
  c.applyCommand(transportCommand(*c.backend, *c.flows, c.publisher));
  c.send({100, 101});
  c.advance(1100 * kMs);
  const auto told = c.membersTo(c.publisher, RtcpKind::kRemb);
  ASSERT_FALSE(told.empty());
  EXPECT_NEAR(static_cast<double>(parseRemb(parseFeedback(Conference::memberOf(told[0])).value())->bitrate_bps), 2e6,
              1e4);
}

TEST(ReceiveFeedback, ends_with_its_transport) {
  Conference c;
  c.send({100, 105});
  c.applyCommand(TransportCommand{.index = c.publisher.index, .row = {}});
  for (int i = 0; i < 100; ++i) c.advance(2 * kMs);
  Client& next = c.addConnected(1, "198.18.0.15:4005");
  c.addTrack(next, {.ssrc = 5, .rtx_ssrc = 6});
  c.addSubscription(c.subscriber, {.ssrc = 0x3333, .rtx_ssrc = 0x3334});
  c.take();
  for (int i = 0; i < 100; ++i) c.advance(2 * kMs);
  EXPECT_TRUE(c.membersTo(next, RtcpKind::kNack).empty());
  EXPECT_EQ(c.count(Counter::packets_asked_for), 0u);
}

}  // namespace
}  // namespace penstock::test
