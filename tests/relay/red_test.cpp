// RED through the relay: as a whole to those who take it, under their own numbers, and as plain frames to the others.
#include <gtest/gtest.h>

#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

constexpr uint8_t kOpus = 111, kRed = 63, kOther = 97;  // of the publisher
const Bytes kPayload = fromHex("ef 1e0003 ef 0f0002 6f aaaaaa bbbb 0102030405");
const Bytes kPrimary = fromHex("0102030405");

struct Room {
  World world;
  Client& publisher = world.addConnected(1, "198.18.0.11:4001");
  Client& same = world.addConnected(2, "198.18.0.12:4002");
  Client& renumbered = world.addConnected(3, "[2001:db8::13]:4003", contract::SrtpProfile::kAes128CmHmacSha1_80);
  Client& renumbered_too = world.addConnected(4, "198.18.0.14:4004");
  Client& without = world.addConnected(5, "198.18.0.15:4005");

  Room() {
    // What TrackSpec calls RTX serves as a payload type that is no frame of audio.
    world.addTrack(publisher, {.kind = contract::MediaKind::kAudio,
                               .payload_type = kOpus,
                               .rtx_payload_type = kOther,
                               .clock_rate_hz = 48'000,
                               .red_payload_type = kRed});
    world.addSubscription(same, {.rtx_ssrc = 0, .from = kOpus, .to = kOpus, .red_from = kRed, .red_to = kRed});
    world.addSubscription(renumbered, take(1, {.from = kOpus, .to = 9, .red_from = kRed, .red_to = 127}));
    world.addSubscription(renumbered_too, take(2, {.from = kOpus, .to = 63, .red_from = kRed, .red_to = kOpus}));
    world.addSubscription(without, take(3, {.from = kOpus, .to = 109}));
    world.take();
  }
  static World::SubscriptionSpec take(uint32_t index, World::SubscriptionSpec spec) {
    spec.index = index;
    spec.ssrc += 16 * index;
    spec.rtx_ssrc = 0;
    return spec;
  }
  void send(const Bytes& payload, uint8_t payload_type = kRed, uint16_t sequence = 1000) {
    world.sendRtp(publisher, {.payload_type = payload_type, .marker = true, .sequence = sequence, .payload = payload});
  }
  /// "63 ef0f..."; "-" if nothing came.
  std::string got(Client& client) {
    const auto packets = world.takeRtp(client);
    if (packets.size() != 1) return packets.empty() ? "-" : "too many";
    const auto view = parseRtp(packets[0]).value();
    EXPECT_TRUE(view.marker);
    return said(view.payload_type, view.payload());
  }
  static std::string said(uint8_t payload_type, std::span<const uint8_t> payload) {
    std::string text = std::to_string(payload_type) + " ";
    for (const uint8_t byte : payload) text += "0123456789abcdef"[byte >> 4], text += "0123456789abcdef"[byte & 15];
    return text;
  }
};

TEST(RedPath, each_subscriber_gets_it_as_it_takes_it) {
  Room room;
  room.send(kPayload);
  EXPECT_EQ(room.got(room.same), Room::said(kRed, kPayload));
  EXPECT_EQ(room.got(room.renumbered), Room::said(127, fromHex("89 1e0003 89 0f0002 09 aaaaaa bbbb 0102030405")))
      << "its Opus is 9";
  EXPECT_EQ(room.got(room.renumbered_too), Room::said(kOpus, fromHex("bf 1e0003 bf 0f0002 3f aaaaaa bbbb 0102030405")));
  EXPECT_EQ(room.got(room.without), Room::said(109, kPrimary)) << "the primary frame alone";
  EXPECT_EQ(room.world.count(Counter::forwarded), 1u) << room.world.counters();
  EXPECT_EQ(room.world.count(Counter::media_sent), 4u);
  EXPECT_TRUE(room.world.conserved());
}

TEST(RedPath, frames_without_red_are_as_ever) {
  Room room;
  room.send(kPrimary, kOpus);
  EXPECT_EQ(room.got(room.same), Room::said(kOpus, kPrimary));
  EXPECT_EQ(room.got(room.renumbered), Room::said(9, kPrimary));
  EXPECT_EQ(room.got(room.without), Room::said(109, kPrimary));
}

TEST(RedPath, numbers_follow_each_other_whatever_comes) {
  Room room;
  const std::pair<uint8_t, Bytes> sent[] = {{kRed, kPayload}, {kOpus, kPrimary}, {kRed, fromHex("6f 55")}};
  uint16_t sequence = 1000;
  for (const auto& [type, payload] : sent) room.send(payload, type, sequence++);
  std::vector<uint16_t> numbers;
  for (const Bytes& packet : room.world.takeRtp(room.without)) numbers.push_back(parseRtp(packet)->sequence);
  EXPECT_EQ(numbers, (std::vector<uint16_t>{5000, 5001, 5002}));
}

TEST(RedPath, what_cannot_be_read_passes_as_it_came_or_not_at_all) {
  const char* cases[] = {
      "ef 0f0009 6f aabb",     // 0: ends in a frame
      "ef",                    // 1: ends in a header
      "",                      // 2: nothing
      "61 aabbcc",             // 3: RTX inside
      "3f aabbcc",             // 4: RED inside
      "12 aabbcc",             // 5: a payload type of nobody, as of a payload encrypted end to end
      "ef 0f0002 05 aabb cc",  // 6
      "85 0f0002 6f aabb cc",  // 7
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    Room room;
    const Bytes payload = fromHex(cases[i]);
    room.send(payload);
    EXPECT_EQ(room.got(room.same), Room::said(kRed, payload)) << "case " << i;
    EXPECT_EQ(room.got(room.renumbered), Room::said(127, payload)) << "case " << i;
    EXPECT_EQ(room.got(room.without), "-") << "case " << i;
    EXPECT_EQ(room.world.count(Counter::send_red_unreadable), 1u) << "case " << i << ": " << room.world.counters();
    EXPECT_TRUE(room.world.conserved()) << "case " << i;
  }
}

TEST(RedPath, a_frame_of_a_codec_that_a_subscriber_lacks_is_not_given_a_wrong_number) {
  Room room;
  // RED without the Opus in it: nothing can be made of it.
  Client& odd = room.world.addConnected(6, "198.18.0.16:4006");
  room.world.addSubscription(odd, Room::take(4, {.from = 100, .to = 100, .red_from = kRed, .red_to = kRed}));
  room.world.take();
  room.send(kPayload);
  EXPECT_EQ(room.got(odd), "-");
  EXPECT_EQ(room.world.count(Counter::send_payload_type_unmapped), 1u);
  EXPECT_TRUE(room.world.conserved());
}

TEST(RedPath, headers_longer_than_a_cipher_block_are_renumbered_whole) {
  Room room;
  Bytes payload, expected;
  for (int i = 0; i < 31; ++i) append(payload, fromHex("ef 0f0001")), append(expected, fromHex("89 0f0001"));
  payload.push_back(kOpus), expected.push_back(9);
  for (int i = 0; i < 31 + 200; ++i) payload.push_back(static_cast<uint8_t>(i)), expected.push_back(payload.back());
  room.send(payload);
  EXPECT_EQ(room.got(room.renumbered), Room::said(127, expected));
  EXPECT_EQ(room.got(room.without), Room::said(109, std::span(payload).last(200)));
}

TEST(RedPath, what_was_said_while_muted_is_not_told_afterwards) {
  Room room;
  World::TrackSpec spec{.kind = contract::MediaKind::kAudio,
                        .payload_type = kOpus,
                        .rtx_payload_type = kOther,
                        .clock_rate_hz = 48'000,
                        .flags = contract::kTrackMuted,
                        .red_payload_type = kRed};
  room.world.applyCommand(room.world.trackCommand(room.publisher, spec));
  room.send(kPayload, kRed, 1000);
  EXPECT_EQ(room.got(room.same), "-");
  spec.flags = 0;
  room.world.applyCommand(room.world.trackCommand(room.publisher, spec));
  room.send(kPayload, kRed, 1001);
  EXPECT_EQ(room.got(room.same), Room::said(kRed, fromHex("6f 0102030405")));
  EXPECT_EQ(room.got(room.renumbered), Room::said(127, fromHex("09 0102030405")));
  EXPECT_EQ(room.got(room.without), Room::said(109, kPrimary));
  room.world.advance(400'000'000);  // further than RED reaches back
  room.send(kPayload, kRed, 1021);
  EXPECT_EQ(room.got(room.same), Room::said(kRed, kPayload));
}

TEST(RedPath, a_paused_subscription_gets_nothing_of_it) {
  Room room;
  SubscriptionCommand pause = room.world.subscriptionCommand(
      room.without, Room::take(3, {.from = kOpus, .to = 109, .flags = contract::kSubscriptionPaused}));
  pause.media.reset();
  room.world.applyCommand(std::move(pause));
  room.send(kPayload);
  EXPECT_EQ(room.got(room.without), "-");
  EXPECT_EQ(room.got(room.same), Room::said(kRed, kPayload));
  EXPECT_TRUE(room.world.conserved());
}

}  // namespace
}  // namespace penstock::test
