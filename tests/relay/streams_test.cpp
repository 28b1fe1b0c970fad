// Streams that change or begin again, packets that are not what they should be: what is whole goes on, without a gap.
#include <gtest/gtest.h>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/packet/transport_feedback.h"
#include "tests/support/crew.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint32_t kMedia = 0x1111'1111, kRtx = 0x1111'1112;

using Numbers = std::vector<uint16_t>;

struct Room : World {
  Client& publisher = addConnected(1, "198.18.0.11:4001");
  Client& subscriber = addConnected(2, "198.18.0.12:4002");
  explicit Room(const TrackSpec& track = {}) {
    addTrack(publisher, track);
    addSubscription(subscriber, {});
    advance(1000 * kMs);
    take();
  }
  /// Numbers under which the subscriber got packets since it was last asked.
  Numbers numbers() {
    Numbers got;
    for (const Bytes& packet : takeRtp(subscriber)) got.push_back(parseRtp(packet)->sequence);
    return got;
  }
};

RtpSpec named(uint16_t sequence, uint32_t ssrc, std::string_view mid = "0") {
  return {.sequence = sequence, .ssrc = ssrc, .extensions = {{kMidId, bytesOf(mid)}}};
}

TEST(Streams, another_ssrc_of_the_same_mid_takes_the_place_once_it_authenticates) {
  for (const uint32_t signalled : {0u, kMedia}) {
    Room room({.ssrc = signalled});
    room.sendRtp(room.publisher, named(100, kMedia));
    room.sendRtp(room.publisher, named(101, kMedia));
    Bytes forged = room.protect(room.publisher, rtpPacket(named(1, 0x777)));
    forged.back() ^= 1;
    room.receiveUdp(room.publisher, forged);
    EXPECT_EQ(room.count(Counter::srtp_authentication_failed), 1u);
    room.sendRtp(room.publisher, named(102, kMedia));
    EXPECT_EQ(room.numbers(), (Numbers{5000, 5001, 5002})) << "nothing was taken";
    room.advance(40 * kMs);
    room.sendRtp(room.publisher, named(30'000, 0x777));
    room.sendRtp(room.publisher, {.sequence = 30'001, .ssrc = 0x777});
    EXPECT_EQ(room.numbers(), (Numbers{5003, 5004})) << room.counters();
    EXPECT_EQ(room.count(Counter::streams_restarted), 1u);
    EXPECT_TRUE(room.conserved()) << room.counters();
  }
}

TEST(Streams, who_was_displaced_comes_back_when_the_other_is_silent_and_nothing_of_it_comes_twice) {
  Room room({.ssrc = 0});
  const Bytes old = room.protect(room.publisher, rtpPacket(named(100, kMedia)));
  room.receiveUdp(room.publisher, old);
  room.sendRtp(room.publisher, named(1, 0x777));
  room.sendRtp(room.publisher, named(101, kMedia));
  EXPECT_EQ(room.count(Counter::rtp_ssrc_unsignalled), 1u) << "they take no turns";
  EXPECT_EQ(room.numbers().size(), 2u);
  room.advance(2000 * kMs);
  room.receiveUdp(room.publisher, old);
  EXPECT_EQ(room.count(Counter::srtp_replayed), 1u);
  EXPECT_TRUE(room.numbers().empty());
  room.sendRtp(room.publisher, named(102, kMedia));
  EXPECT_EQ(room.numbers().size(), 1u) << room.counters();
  room.advance(2000 * kMs);
  for (uint32_t ssrc = 1; ssrc <= 40; ++ssrc) {  // more than are remembered
    room.sendRtp(room.publisher, named(7, 0x1000 + ssrc));
    EXPECT_EQ(room.numbers().size(), 1u) << ssrc;
    room.advance(1500 * kMs);
    for (const Client* client : {&room.publisher, &room.subscriber}) room.check(*client);
    room.answerNeighbours();
    room.receiveUdp(room.publisher, old);
    EXPECT_TRUE(room.numbers().empty()) << ssrc;
  }
}

TEST(Streams, in_one_burst_who_is_displaced_does_not_come_back) {
  Room room({.ssrc = 0});
  room.sendRtp(room.publisher, named(100, kMedia));
  std::vector<Packet> burst;
  for (uint16_t i = 0; i < 20; ++i) {
    const Bytes packet = rtpPacket(named(static_cast<uint16_t>(101 + i), i % 2 == 0 ? 0x777 : kMedia));
    const Bytes frame = udpFrame(room.frameOf(room.publisher), room.protect(room.publisher, packet));
    burst.push_back(room.io.make());
    std::memcpy(burst.back().data, frame.data(), frame.size());
    burst.back().length_bytes = static_cast<uint16_t>(frame.size());
  }
  room.relay->receive(burst, room.now_ns);
  EXPECT_EQ(room.count(Counter::streams_restarted), 1u);
  EXPECT_EQ(room.numbers().size(), 11u) << room.counters();
  EXPECT_TRUE(room.conserved());
}

TEST(Streams, what_took_the_place_stays_when_the_row_is_written_again_and_after_a_restart) {
  Room room;
  room.sendRtp(room.publisher, named(100, kMedia));
  const Bytes old = room.protect(room.publisher, rtpPacket(named(30'000, 0x777)));
  room.receiveUdp(room.publisher, old);
  TrackCommand again = room.trackCommand(room.publisher, {});
  again.encoding = {};
  room.applyCommand(std::move(again));
  room.sendRtp(room.publisher, {.sequence = 30'001, .ssrc = 0x777});
  EXPECT_EQ(room.numbers().size(), 3u) << room.counters();
  room.restart();
  room.resume(room.publisher);
  room.resume(room.subscriber);
  auto track = room.trackCommand(room.publisher, {});
  track.encoding[0].media = room.backend->openReceive(
      room.backend->expand(room.publisher.row.srtp_profile, room.publisher.row.receive_key), kMedia, 0, 1024);
  room.applyCommand(std::move(track));
  room.receiveUdp(room.publisher, old);
  EXPECT_EQ(room.count(Counter::srtp_replayed), 1u) << room.counters();
}

TEST(Streams, rtx_is_known_by_mid_and_payload_type) {
  Room room;  // nobody signalled an RTX SSRC
  room.sendRtp(room.publisher, named(100, kMedia));
  room.sendRtp(room.publisher, named(102, kMedia));
  RtpSpec again = named(1, kRtx);
  again.payload_type = 97;
  again.payload = {0, 101, 'x'};
  room.sendRtp(room.publisher, again);
  EXPECT_EQ(room.count(Counter::packets_repaired), 1u) << room.counters();
  EXPECT_EQ(room.numbers(), (Numbers{5000, 5002, 5001}));
  EXPECT_TRUE(room.conserved());
}

TEST(Streams, a_stream_of_which_the_first_packets_were_lost_over_a_roll_over_is_heard) {
  for (const auto profile : {contract::SrtpProfile::kAeadAes128Gcm, contract::SrtpProfile::kAeadAes256Gcm,
                             contract::SrtpProfile::kAes128CmHmacSha1_80}) {
    World world;
    Client& publisher = world.addConnected(1, "198.18.0.11:4001", profile);
    Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
    world.addTrack(publisher, {});
    world.addSubscription(subscriber, {});
    for (uint16_t i = 3; i < 203; ++i) world.sendRtp(publisher, {.sequence = i}, 1);
    EXPECT_EQ(world.count(Counter::forwarded), 200u) << world.counters();
    EXPECT_EQ(world.count(Counter::srtp_authentication_failed), 0u);
    world.sendRtp(publisher, {.sequence = 65'535}, 0);
    EXPECT_EQ(world.count(Counter::srtp_authentication_failed), 0u) << "late, and of the counter before";
  }
}

/// A sender in the clear, as RFC 3550 appendix A.1 sees it.
struct Plain : World {
  Client& publisher;
  Client& subscriber = addConnected(2, "198.18.0.12:4002");
  Plain() : publisher(makePublisher()) {
    addTrack(publisher, {.ssrc = kMedia, .mid = ""});
    addSubscription(subscriber, {});
    take();
  }
  Client& makePublisher() {
    clients.push_back(std::make_unique<Client>(makeClient(1, "198.18.0.11:4001", contract::SrtpProfile::kUnprotected)));
    Client& client = *clients.back();
    client.row.kind = contract::TransportKind::kPlain;
    client.row.pwd_length_bytes = 0;
    std::memset(client.row.ice_pwd, 0, sizeof(client.row.ice_pwd));
    client.row.remote = endpoint("198.18.0.11:4001");
    apply(client);
    answerNeighbours();
    return client;
  }
};

TEST(Streams, a_plain_sender_that_begins_again_is_followed_after_two_packets_in_order) {
  constexpr uint16_t kFirst = 30'000, kCount = 1100;  // consent lasts 30 s
  for (const int moved : {-300, -1000, -5000, -25'000, 3500, 20'000, 32'700, 33'000}) {
    for (const uint32_t other_time : {0u, 0x8000'0000u, 0xffff'0000u}) {
      Plain world;
      std::vector<std::pair<uint16_t, uint32_t>> got;
      const auto send = [&](uint16_t sequence, uint32_t timestamp) {
        world.advance(20 * kMs);
        world.sendRtp(world.publisher, {.sequence = sequence, .timestamp = timestamp, .ssrc = kMedia});
        for (const Bytes& packet : world.takeRtp(world.subscriber)) {
          const auto view = parseRtp(packet).value();
          got.emplace_back(view.sequence, view.timestamp);
        }
        world.take();
      };
      for (uint16_t i = 0; i < kCount; ++i) send(static_cast<uint16_t>(kFirst + i), 1800u * i);
      ASSERT_EQ(got.size(), kCount);
      const auto second = static_cast<uint16_t>(kFirst + kCount - 1 + moved);
      for (uint16_t i = 0; i < 100; ++i) send(static_cast<uint16_t>(second + i), other_time + 1800u * i);
      ASSERT_EQ(got.size(), kCount + 99u) << moved << " " << world.counters();
      for (size_t i = 1; i < got.size(); ++i) {
        ASSERT_EQ(static_cast<uint16_t>(got[i].first - got[i - 1].first), 1) << moved << " at " << i;
        const uint32_t passed = got[i].second - got[i - 1].second;
        ASSERT_TRUE(passed == 1800u || (i == kCount && passed == 3600u)) << moved << " at " << i << ": " << passed;
      }
      EXPECT_EQ(world.count(Counter::forwarded), got.size()) << "what did not go out was not forwarded";
      EXPECT_EQ(world.count(Counter::streams_restarted), 1u) << moved;
      EXPECT_TRUE(world.conserved()) << world.counters();
    }
  }
}

TEST(Streams, a_stray_packet_moves_no_plain_stream) {
  Plain world;
  size_t got = 0;
  const auto send = [&](uint16_t sequence) {
    world.sendRtp(world.publisher, {.sequence = sequence, .ssrc = kMedia});
    got += world.takeRtp(world.subscriber).size();
  };
  for (uint16_t i = 0; i < 500; ++i) {
    send(static_cast<uint16_t>(1000 + i));
    if (i % 7 == 0) send(static_cast<uint16_t>(40'000 + i / 7));  // in order among themselves
    if (i % 7 == 3) send(static_cast<uint16_t>(1000 + i));        // twice
  }
  EXPECT_EQ(got, 500u) << world.counters();
  EXPECT_EQ(world.count(Counter::streams_restarted), 0u);
}

TEST(Streams, under_srtp_a_jump_ahead_leaves_no_gap_and_old_answers_are_forgotten) {
  Room room({.rtx_ssrc = kRtx});
  for (uint16_t i = 0; i < 20; ++i) room.sendRtp(room.publisher, {.sequence = i, .payload = {1, 2, 3}});
  EXPECT_EQ(room.numbers().size(), 20u);
  room.sendRtp(room.publisher, {.sequence = 8000, .payload = {4}});
  room.sendRtp(room.publisher, {.sequence = 8001, .payload = {5}});
  EXPECT_EQ(room.numbers(), (Numbers{5020, 5021})) << room.counters();
  room.sendRtcp(room.subscriber, rtcpNack(9, 0x2222'2222, 5010));
  EXPECT_EQ(room.count(Counter::nack_unanswerable), 1u);
  room.sendRtcp(room.subscriber, rtcpNack(9, 0x2222'2222, 5021));
  const auto again = room.takeRtp(room.subscriber);
  ASSERT_EQ(again.size(), 1u) << room.counters();
  EXPECT_EQ(parseRtp(again[0])->payload()[2], 5);
}

TEST(Streams, with_several_workers_all_subscribers_follow) {
  Crew crew(3);
  Client& publisher = crew.connect(0, "198.18.0.10:4000");
  crew.track(publisher, {.ssrc = 0});
  std::vector<Client*> subscribers;
  for (uint32_t i = 0; i < 6; ++i) {
    subscribers.push_back(&crew.connect(1 + i, "198.18.0." + std::to_string(11 + i) + ":4001"));
    crew.subscribe(*subscribers.back(), {.index = i, .ssrc = 0x2222'0000 + 2 * i, .rtx_ssrc = 0x2222'0001 + 2 * i});
  }
  crew.finishTurn();
  crew.io.sent.clear();
  for (uint16_t i = 0; i < 5; ++i) crew.sendRtp(publisher, named(static_cast<uint16_t>(100 + i), kMedia));
  RtpSpec unknown = named(105, kMedia);
  unknown.payload_type = 50;
  crew.sendRtp(publisher, unknown);
  crew.sendRtp(publisher, named(106, kMedia));
  for (uint16_t i = 0; i < 5; ++i) crew.sendRtp(publisher, named(static_cast<uint16_t>(50 + i), 0x777));
  for (Client* subscriber : subscribers) {
    Numbers got;
    for (const Bytes& packet : crew.takeRtp(*subscriber)) got.push_back(parseRtp(packet)->sequence);
    EXPECT_EQ(got, (Numbers{5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007, 5008, 5009, 5010})) << subscriber->index;
  }
  EXPECT_TRUE(crew.conserved()) << crew.counters();
}

TEST(Streams, what_cannot_be_used_leaves_no_gap_and_is_not_asked_for) {
  const struct {
    std::string_view name;
    RtpSpec spec;
    Counter counter;
    std::optional<uint8_t> last_byte{};
  } cases[] = {
      {"unknown type", {.payload_type = 50, .sequence = 101}, Counter::rtp_payload_type_unknown},
      {"type of RTX", {.payload_type = 97, .sequence = 101}, Counter::rtp_payload_type_unknown},
      {"padding only", {.sequence = 101, .padding = 9, .payload = {}}, Counter::rtp_padding_only},
      {"padding of none", {.sequence = 101, .padding = 9, .payload = {}}, Counter::rtp_padding_malformed, 0},
      {"padding of more", {.sequence = 101, .padding = 9, .payload = {}}, Counter::rtp_padding_malformed, 200},
  };
  for (const auto& c : cases) {
    Room room;
    room.sendRtp(room.publisher, {.sequence = 100});
    Bytes packet = rtpPacket(c.spec);
    if (c.last_byte) packet.back() = *c.last_byte;
    room.receiveUdp(room.publisher, room.protect(room.publisher, packet));
    room.sendRtp(room.publisher, {.sequence = 102});
    EXPECT_EQ(room.count(c.counter), 1u) << c.name << room.counters();
    EXPECT_EQ(room.numbers(), (Numbers{5000, 5001})) << c.name;
    for (int i = 0; i < 50; ++i) room.advance(10 * kMs);
    EXPECT_EQ(room.count(Counter::packets_asked_for), 0u) << c.name;
    EXPECT_EQ(room.reports->track[0].packets_lost, 0u) << c.name;
    EXPECT_TRUE(room.conserved());
  }
  Room room;
  room.sendRtp(room.publisher, {.sequence = 100});
  Bytes nothing = rtpPacket({.sequence = 101, .payload = {}});
  nothing[0] |= kRtpPaddingBit;
  room.receiveUdp(room.publisher, room.protect(room.publisher, nothing));
  room.sendRtp(room.publisher, {.sequence = 102});
  EXPECT_EQ(room.count(Counter::rtp_padding_malformed), 1u);
  EXPECT_EQ(room.numbers(), (Numbers{5000, 5001}));
}

TEST(Streams, a_codec_that_a_subscriber_did_not_take_leaves_no_gap) {
  Room room({.red_payload_type = 63});
  room.sendRtp(room.publisher, {.sequence = 100});
  room.sendRtp(room.publisher, {.payload_type = 63, .sequence = 101, .payload = {0xff}});
  room.sendRtp(room.publisher, {.sequence = 102});
  EXPECT_EQ(room.numbers(), (Numbers{5000, 5001})) << room.counters();
  EXPECT_EQ(room.count(Counter::forwarded), 2u);
  EXPECT_TRUE(room.conserved());
}

TEST(Streams, a_broken_extension_block_costs_the_extensions) {
  Room room;
  const Bytes good = rtpPacket({.sequence = 100, .extensions = {{kTransportCcId, {0, 7}}, {kMidId, bytesOf("0")}}});
  room.receiveUdp(room.publisher, room.protect(room.publisher, good));
  Bytes cut = rtpPacket({.sequence = 101, .extensions = {{kTransportCcId, {0, 8}}, {kMidId, bytesOf("0")}}});
  const auto mark = static_cast<uint8_t>(kMidId << 4);
  const auto at = std::find(cut.begin() + 16 + 3, cut.end(), mark);
  ASSERT_NE(at, cut.end());
  *at |= 0x0f;  // sixteen bytes, of which a few are there
  room.receiveUdp(room.publisher, room.protect(room.publisher, cut));
  EXPECT_EQ(room.numbers(), (Numbers{5000, 5001})) << room.counters();
  EXPECT_EQ(room.count(Counter::extensions_unreadable), 1u);
  for (int i = 0; i < 200; ++i) room.advance(kMs);
  size_t told = 0;
  for (const Bytes& compound : room.takeRtcp(room.publisher)) {
    RtcpReader reader(compound);
    while (const auto member = reader.next()) {
      if (member->kind() != RtcpKind::kTransportCc) continue;
      auto packets = TransportFeedbackReader::parse(parseFeedback(*member).value()).value();
      while (const auto packet = packets.next()) told += packet->ticks.has_value();
    }
  }
  EXPECT_EQ(told, 2u);
}

}  // namespace
}  // namespace penstock::test
