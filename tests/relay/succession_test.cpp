// One outgoing stream, one track after another: numbers, index and time go on, whichever worker has whom, and over a
// crash between any two.
#include <gtest/gtest.h>

#include <set>

#include "dataplane/codec/vp8.h"
#include "dataplane/packet/rtcp.h"
#include "tests/support/crew.h"
#include "tests/support/relay_world.h"

namespace penstock::test {
namespace {

constexpr uint32_t kSsrc = 0x2222'2222;
const auto kKeyFrame = "90 80 07 10 00 00 9d 01 2a 40 01 b4 00";  // picture id 7
const auto kInterFrame = "90 80 08 11 00 00";                     // picture id 8

uint32_t publisherSsrc(uint32_t track) {
  return 0x1111'0000 + 16 * track;
}
TrackSpec camera(uint32_t track) {
  return {.index = track,
          .ssrc = publisherSsrc(track),
          .rtx_ssrc = publisherSsrc(track) + 1,
          .codec = contract::Codec::kVp8};
}
/// The subscription's row with another track, or none: nothing else changes.
SubscriptionCommand carrying(std::optional<uint32_t> track, const Client& subscriber, srtp::Backend& backend) {
  SubscriptionCommand command = subscriptionCommand(backend, subscriber, {.track = track.value_or(0)});
  if (!track) command.row.track = {};
  command.media.reset();
  command.rtx.reset();
  return command;
}
TrackCommand gone(uint32_t track) {
  return {.index = track, .row = {.state = contract::RowState::kFree}};
}

struct Seen {
  uint16_t sequence;
  uint32_t timestamp, ssrc;
  Bytes payload;
};
template <class Place>
std::vector<Seen> seen(Place& place, Client& subscriber) {
  std::vector<Seen> all;
  for (const Bytes& packet : place.takeRtp(subscriber)) {
    const auto view = parseRtp(packet).value();
    all.push_back({view.sequence, view.timestamp, view.ssrc, Bytes(view.payload().begin(), view.payload().end())});
  }
  return all;
}
uint16_t pictureId(const Seen& packet) {
  return codec::parseVp8(packet.payload)->picture_id;
}

class Succession : public testing::Test {
 protected:
  World world;
  Client& first = world.addConnected(1, "198.18.0.11:4001");
  Client& second = world.addConnected(2, "198.18.0.12:4002");
  Client& subscriber = world.addConnected(3, "198.18.0.13:4003");

  void SetUp() override {
    world.addTrack(first, camera(0));
    world.addTrack(second, camera(1));
    world.addSubscription(subscriber, {});
    world.take();
  }
  void carry(std::optional<uint32_t> track) { world.applyCommand(carrying(track, subscriber, *world.backend)); }
  void send(Client& from, uint16_t sequence, uint32_t timestamp, std::string_view payload) {
    world.sendRtp(from, {.marker = true,
                         .sequence = sequence,
                         .timestamp = timestamp,
                         .ssrc = publisherSsrc(&from == &first ? 0 : 1),
                         .payload = fromHex(payload)});
  }
  size_t pictureLossIndications(Client& publisher) {
    size_t requests = 0;
    for (const Bytes& compound : world.takeRtcp(publisher)) {
      RtcpReader reader(compound);
      while (const auto member = reader.next()) requests += member->kind() == RtcpKind::kPli;
    }
    return requests;
  }
};

TEST_F(Succession, numbers_time_and_pictures_go_on_with_the_next_track) {
  send(first, 100, 9'000, kKeyFrame);
  send(first, 101, 12'000, kInterFrame);
  auto got = seen(world, subscriber);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1].sequence, 5001);
  const uint32_t before = got[1].timestamp;
  carry(1);
  EXPECT_EQ(pictureLossIndications(second), 1u) << "at once";
  send(first, 102, 15'000, kInterFrame);
  EXPECT_TRUE(seen(world, subscriber).empty()) << "the one before is not carried any more";
  world.advance(500'000'000);
  send(second, 60'000, 4'000'000'000, kInterFrame);
  EXPECT_TRUE(seen(world, subscriber).empty()) << "nothing before its key frame";
  send(second, 60'001, 4'000'003'000, kKeyFrame);
  send(second, 60'002, 4'000'006'000, kInterFrame);
  got = seen(world, subscriber);
  ASSERT_EQ(got.size(), 2u) << world.counters();
  EXPECT_EQ(got[0].ssrc, kSsrc);
  EXPECT_EQ(got[0].sequence, 5002);
  EXPECT_EQ(got[1].sequence, 5003);
  EXPECT_EQ(got[0].timestamp, before + 45'000) << "by the time that passed";
  EXPECT_EQ(got[1].timestamp, got[0].timestamp + 3'000);
  EXPECT_EQ(pictureId(got[0]), 9) << "8 went out last";
  EXPECT_EQ(pictureId(got[1]), 10);
  EXPECT_EQ(world.reports->subscription[0].packets, 4u);
  EXPECT_TRUE(world.conserved()) << world.counters();
}

TEST_F(Succession, what_a_track_sent_is_not_looked_for_in_the_caches_of_the_next) {
  send(first, 100, 9'000, kKeyFrame);
  seen(world, subscriber);
  carry(1);
  send(second, 100, 9'000, kKeyFrame);
  ASSERT_EQ(seen(world, subscriber).size(), 1u);
  const auto asked = [&](uint16_t sequence) {
    world.sendRtcp(subscriber, rtcpNack(9, kSsrc, sequence));
    return seen(world, subscriber);
  };
  EXPECT_TRUE(asked(5000).empty());
  EXPECT_EQ(world.count(Counter::nack_unanswerable), 1u);
  ASSERT_EQ(asked(5001).size(), 1u);
  carry(std::nullopt);
  EXPECT_TRUE(asked(5001).empty());
}

TEST_F(Succession, a_stream_without_a_track_waits_and_goes_on) {
  send(first, 100, 9'000, kKeyFrame);
  seen(world, subscriber);
  const contract::SubscriptionFlow before = world.flows->subscription[0];
  world.applyCommand(gone(0));  // its row comes after the track is gone: nothing is forgotten
  EXPECT_EQ(world.flows->subscription[0].index_reserved, before.index_reserved);
  carry(std::nullopt);
  for (int i = 0; i < 50; ++i) world.advance(100'000'000);
  world.sendRtcp(subscriber, rtcpPli(9, kSsrc));
  world.sendRtcp(subscriber, rtcpNack(9, kSsrc, 5000));
  carry(1);
  send(second, 7, 100, kKeyFrame);
  const auto got = seen(world, subscriber);
  ASSERT_EQ(got.size(), 1u) << world.counters();
  EXPECT_EQ(got[0].sequence, 5001);
  EXPECT_TRUE(world.conserved());
}

TEST_F(Succession, a_restart_between_two_tracks_goes_on_beyond_what_was_reserved) {
  for (uint16_t i = 0; i < 5; ++i) send(first, static_cast<uint16_t>(100 + i), 9'000, kKeyFrame);
  seen(world, subscriber);
  world.applyCommand(gone(0));
  carry(std::nullopt);
  const uint64_t reserved = world.flows->subscription[0].index_reserved;
  EXPECT_GT(reserved, 5004u);
  world.restart();
  for (Client* client : {&first, &second, &subscriber}) world.resume(*client);
  world.addTrack(second, camera(1));
  SubscriptionCommand command = subscriptionCommand(*world.backend, subscriber, {.track = 1, .first_index = reserved});
  command.row.track = {};
  world.applyCommand(std::move(command));
  world.answerNeighbours();
  carry(1);
  send(second, 7, 100, kKeyFrame);
  const auto got = seen(world, subscriber);
  ASSERT_EQ(got.size(), 1u) << world.counters();
  EXPECT_EQ(got[0].sequence, static_cast<uint16_t>(reserved));
}

TEST_F(Succession, a_track_whose_key_frames_cannot_be_told_is_taken_after_a_while) {
  send(first, 100, 9'000, kKeyFrame);
  seen(world, subscriber);
  carry(1);
  for (uint16_t i = 0; i < 29; ++i) {
    world.advance(100'000'000);
    send(second, i, 9'000u * i, "ff ff ff ff");  // as encrypted end to end
  }
  EXPECT_TRUE(seen(world, subscriber).empty());
  for (uint16_t i = 29; i < 35; ++i) {
    world.advance(100'000'000);
    send(second, i, 9'000u * i, "ff ff ff ff");
  }
  EXPECT_GE(seen(world, subscriber).size(), 2u);
}

/// Publishers and subscribers of several workers; every index goes out once.
class SuccessionOfWorkers : public testing::TestWithParam<uint32_t> {};

TEST_P(SuccessionOfWorkers, no_index_is_used_twice_and_none_is_left_out) {
  constexpr uint32_t kPublishers = 4, kSubscribers = 6;
  Crew crew(GetParam());
  std::vector<Client*> publishers, subscribers;
  for (uint32_t i = 0; i < kPublishers; ++i) {
    publishers.push_back(&crew.connect(i, "198.18.0." + std::to_string(10 + i) + ":4000"));
    crew.track(*publishers.back(), camera(i));
  }
  for (uint32_t i = 0; i < kSubscribers; ++i) {
    subscribers.push_back(&crew.connect(10 + i, "198.18.0." + std::to_string(30 + i) + ":4000"));
    crew.subscribe(*subscribers.back(), {.index = i});
  }
  std::vector<uint16_t> next(kSubscribers, 5000);
  std::vector<uint16_t> sequence(kPublishers, 100);
  for (uint32_t round = 0; round < 20; ++round) {
    const uint32_t track = round % kPublishers;
    for (uint32_t i = 0; i < kSubscribers; ++i) {
      const auto move = [&](std::optional<uint32_t> to) {
        SubscriptionCommand command = carrying(to, *subscribers[i], *crew.backend);
        command.index = i;
        crew.apply(std::move(command));
      };
      if ((round + i) % 3 == 0) move(std::nullopt);
      move(track);
    }
    for (int n = 0; n < 3; ++n) {
      for (uint32_t p = 0; p < kPublishers; ++p)
        crew.sendRtp(*publishers[p],
                     {.sequence = sequence[p]++, .ssrc = publisherSsrc(p), .payload = fromHex(kKeyFrame)});
    }
    for (uint32_t i = 0; i < kSubscribers; ++i) {
      const auto got = seen(crew, *subscribers[i]);
      ASSERT_EQ(got.size(), 3u) << "round " << round << " subscriber " << i << ": " << crew.counters();
      for (const Seen& packet : got) ASSERT_EQ(packet.sequence, next[i]++);
    }
  }
  EXPECT_TRUE(crew.conserved()) << crew.counters();
  for (uint32_t p = 0; p < kPublishers; ++p) crew.apply(gone(p));
  for (uint32_t i = 0; i < kSubscribers; ++i)
    crew.apply(SubscriptionCommand{.index = i, .row = {.state = contract::RowState::kFree}});
}

INSTANTIATE_TEST_SUITE_P(Workers, SuccessionOfWorkers, testing::Values(1u, 2u, 4u));

}  // namespace
}  // namespace penstock::test
