// The packet path end to end over plain buffers: what goes in comes out once for each subscriber, and nothing else
// does.
#include <gtest/gtest.h>

#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

struct Room {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  Client& other = world.addConnected(3, "[2001:db8::13]:4003", contract::SrtpProfile::kAes128CmHmacSha1_80);

  Room() {
    world.addTrack(publisher, {.rtx_ssrc = 0x1111'1112});
    world.addSubscription(subscriber, {});
    world.addSubscription(other, {.index = 1, .ssrc = 0x3333'3333, .rtx_ssrc = 0, .to = 120, .mid = "long-mid"});
    world.take();
  }
};

TEST(Path, packet_reaches_each_subscriber_under_its_own_names) {
  Room room;
  room.world.sendRtp(room.publisher, {.marker = true,
                                      .sequence = 1000,
                                      .timestamp = 90'000,
                                      .extensions = {{kMidId, bytesOf("0")}, {kTransportCcId, {0x12, 0x34}}},
                                      .payload = bytesOf("picture")});
  EXPECT_EQ(room.world.count(Counter::forwarded), 1u) << room.world.counters();

  const auto packets = room.world.takeRtp(room.subscriber);
  ASSERT_EQ(packets.size(), 1u);
  const auto view = parseRtp(packets[0]).value();
  EXPECT_EQ(view.ssrc, 0x2222'2222u);
  EXPECT_EQ(view.payload_type, 100);
  EXPECT_EQ(view.sequence, 5000);
  EXPECT_EQ(view.timestamp, 1'090'000u);
  EXPECT_TRUE(view.marker);
  EXPECT_EQ(Bytes(view.payload().begin(), view.payload().end()), bytesOf("picture"));
  const auto extensions = RtpExtensions::parse(view);
  EXPECT_EQ(readSdesText(*extensions.find(kMidId), 16), "7");
  EXPECT_EQ(readTransportCc(*extensions.find(kTransportCcId)), 0);

  const auto others = room.world.takeRtp(room.other);
  ASSERT_EQ(others.size(), 1u);
  const auto other = parseRtp(others[0]).value();
  EXPECT_EQ(other.ssrc, 0x3333'3333u);
  EXPECT_EQ(other.payload_type, 120);
  EXPECT_EQ(readSdesText(*RtpExtensions::parse(other).find(kMidId), 16), "long-mid");
  EXPECT_TRUE(room.world.io.sent.empty()) << "nobody else gets it";
  EXPECT_TRUE(room.world.conserved());
}

TEST(Path, sequence_is_continuous_over_wrap_and_reordering) {
  Room room;
  const std::vector<std::pair<uint16_t, uint32_t>> sent = {{65534, 0}, {65535, 0}, {1, 1}, {0, 1}, {2, 1}};
  std::vector<uint16_t> got;
  for (const auto& [sequence, roc] : sent) {
    room.world.sendRtp(room.publisher, {.sequence = sequence}, roc);
    for (const Bytes& packet : room.world.takeRtp(room.subscriber)) got.push_back(parseRtp(packet)->sequence);
  }
  EXPECT_EQ(got, (std::vector<uint16_t>{5000, 5001, 5003, 5002, 5004}));
}

TEST(Path, transport_wide_sequence_counts_all_packets_to_a_transport) {
  Room room;
  room.world.addTrack(room.publisher, {.index = 1, .ssrc = 0x4444, .mid = "1"});
  room.world.addSubscription(room.subscriber, {.index = 5, .track = 1, .ssrc = 0x5555, .rtx_ssrc = 0, .mid = "8"});
  for (uint16_t i = 0; i < 4; ++i) {
    room.world.sendRtp(room.publisher, {.sequence = i, .ssrc = i % 2 ? 0x4444u : 0x1111'1111u});
  }
  std::vector<uint16_t> numbers;
  for (const Bytes& packet : room.world.takeRtp(room.subscriber)) {
    const auto view = parseRtp(packet).value();
    numbers.push_back(*readTransportCc(*RtpExtensions::parse(view).find(kTransportCcId)));
  }
  EXPECT_EQ(numbers, (std::vector<uint16_t>{0, 1, 2, 3}));
}

TEST(Path, muted_track_is_received_but_not_forwarded) {
  Room room;
  TrackCommand mute =
      room.world.trackCommand(room.publisher, {.rtx_ssrc = 0x1111'1112, .flags = contract::kTrackMuted});
  mute.encoding = {};
  room.world.applyCommand(std::move(mute));
  room.world.sendRtp(room.publisher, {});
  EXPECT_EQ(room.world.count(Counter::rtp_track_muted), 1u);
  EXPECT_TRUE(room.world.takeRtp(room.subscriber).empty());
}

TEST(Path, probes_on_the_rtx_stream_are_known_for_what_they_are) {
  Room room;
  const RtpSpec padding{.payload_type = 97, .sequence = 1, .ssrc = 0x1111'1112, .padding = 200, .payload = {}};
  room.world.sendRtp(room.publisher, padding);
  EXPECT_EQ(room.world.count(Counter::rtp_padding_only), 1u) << room.world.counters();
  room.world.sendRtp(room.publisher, {.payload_type = 97, .sequence = 2, .ssrc = 0x1111'1112});
  EXPECT_EQ(room.world.count(Counter::rtp_rtx_unrequested), 1u) << room.world.counters();
  EXPECT_EQ(room.world.flows->track[0].encoding[0].highest_rtx_index, 2u) << "a restart goes on from there";
  EXPECT_TRUE(room.world.takeRtp(room.subscriber).empty());
  room.world.sendRtp(room.publisher, {.sequence = 7});
  EXPECT_EQ(room.world.takeRtp(room.subscriber).size(), 1u) << "the track's own stream is untouched";
  EXPECT_TRUE(room.world.conserved());
}

TEST(Path, paused_subscription_gets_nothing_and_others_still_do) {
  Room room;
  SubscriptionCommand pause = room.world.subscriptionCommand(room.subscriber, {.flags = contract::kSubscriptionPaused});
  pause.media.reset();
  pause.rtx.reset();
  room.world.applyCommand(std::move(pause));
  room.world.sendRtp(room.publisher, {});
  EXPECT_TRUE(room.world.takeRtp(room.subscriber).empty());
  EXPECT_EQ(room.world.takeRtp(room.other).size(), 1u);
}

TEST(Path, unsignalled_ssrc_is_bound_by_mid_only_after_authentication) {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& subscriber = world.addConnected(2, "198.18.0.12:4002");
  world.addTrack(publisher, {.ssrc = 0, .mid = "cam"});
  world.addSubscription(subscriber, {});
  const RtpSpec spec{.ssrc = 0xabc, .extensions = {{kMidId, bytesOf("cam")}}};

  Bytes forged = world.protect(publisher, rtpPacket(spec));
  forged.back() ^= 1;
  world.receiveUdp(publisher, forged);
  EXPECT_EQ(world.count(Counter::srtp_authentication_failed), 1u);
  world.sendRtp(publisher, {.sequence = 1001, .ssrc = 0xdef, .extensions = {{kMidId, bytesOf("not")}}});
  EXPECT_EQ(world.count(Counter::rtp_ssrc_unsignalled), 1u);

  world.sendRtp(publisher, {.sequence = 1002, .ssrc = 0xabc, .extensions = {{kMidId, bytesOf("cam")}}});
  world.sendRtp(publisher, {.sequence = 1003, .ssrc = 0xabc});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 2u);
  world.sendRtp(publisher, {.sequence = 1, .ssrc = 0x777, .extensions = {{kMidId, bytesOf("cam")}}});
  EXPECT_EQ(world.takeRtp(subscriber).size(), 1u) << "the same source under another SSRC";
  EXPECT_TRUE(world.conserved());
}

TEST(Path, an_empty_pool_and_a_full_port_are_counted_and_leave_no_buffer_behind) {
  Room room;
  const size_t before = room.world.io.live.size();
  room.world.io.port_room = 0;
  room.world.sendRtp(room.publisher, {});
  EXPECT_EQ(room.world.count(Counter::send_queue_full), 2u);
  room.world.io.limit = 0;
  for (uint16_t i = 0; i < 200; ++i) room.world.sendRtp(room.publisher, {.sequence = static_cast<uint16_t>(2000 + i)});
  EXPECT_GT(room.world.count(Counter::send_pool_empty), 0u);
  EXPECT_TRUE(room.world.conserved());
  room.world.io.limit = 100'000;
  room.world.relay.reset();
  EXPECT_LE(room.world.io.live.size(), before);
  EXPECT_TRUE(room.world.io.live.empty());
}

TEST(Path, a_burst_of_mixed_packets_is_conserved) {
  Room room;
  std::vector<Packet> burst;
  for (uint32_t i = 0; i < kBurstMax; ++i) {
    Bytes frame;
    switch (i % 4) {
      case 0:
        frame = udpFrame(room.world.frameOf(room.publisher),
                         room.world.protect(room.publisher, rtpPacket({.sequence = static_cast<uint16_t>(i)})));
        break;
      case 1:
        frame = udpFrame(room.world.frameOf(room.subscriber), stunMessage(room.world.checkOf(room.subscriber)));
        break;
      case 2:
        frame = arpFrame(room.world.frameOf(room.publisher), 1);
        break;
      default:
        frame = Bytes(20 + i);
    }
    Packet packet = room.world.io.make();
    std::memcpy(packet.data, frame.data(), frame.size());
    packet.length_bytes = static_cast<uint16_t>(frame.size());
    burst.push_back(packet);
  }
  const uint64_t before = room.world.count(Counter::received);
  room.world.relay->receive(burst, room.world.now_ns);
  EXPECT_EQ(room.world.count(Counter::received) - before, kBurstMax);
  EXPECT_EQ(room.world.takeRtp(room.subscriber).size(), kBurstMax / 4);
  EXPECT_TRUE(room.world.conserved());
}

TEST(Path, padding_is_not_passed_on) {
  Room room;
  room.world.sendRtp(room.publisher, {.sequence = 10, .padding = 20, .payload = bytesOf("x")});
  room.world.sendRtp(room.publisher, {.sequence = 11, .padding = 200, .payload = {}});
  room.world.sendRtp(room.publisher, {.sequence = 12});
  const auto packets = room.world.takeRtp(room.subscriber);
  ASSERT_EQ(packets.size(), 2u);
  const auto first = parseRtp(packets[0]).value();
  EXPECT_FALSE(first.padded);
  EXPECT_EQ(first.payload().size(), 1u);
  EXPECT_EQ(parseRtp(packets[1])->sequence, first.sequence + 1) << "nothing is missing between them";
  EXPECT_EQ(room.world.count(Counter::rtp_padding_only), 1u);
}

TEST(Path, numbers_go_on_after_a_mute) {
  Room room;
  const auto setFlags = [&](uint8_t flags) {
    TrackCommand command = room.world.trackCommand(room.publisher, {.rtx_ssrc = 0x1111'1112, .flags = flags});
    command.encoding = {};
    room.world.applyCommand(std::move(command));
  };
  room.world.sendRtp(room.publisher, {.sequence = 10});
  setFlags(contract::kTrackMuted);
  for (uint16_t i = 11; i < 60; ++i) room.world.sendRtp(room.publisher, {.sequence = i});
  setFlags(0);
  room.world.sendRtp(room.publisher, {.sequence = 60});
  std::vector<uint16_t> numbers;
  for (const Bytes& packet : room.world.takeRtp(room.subscriber)) numbers.push_back(parseRtp(packet)->sequence);
  EXPECT_EQ(numbers, (std::vector<uint16_t>{5000, 5001}));
}

}  // namespace
}  // namespace penstock::test
