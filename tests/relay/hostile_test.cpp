// A receiver that asks for everything, a thousand times a second: what that does to the publisher and to the others.
#include <gtest/gtest.h>

#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "tests/support/relay_world.h"

namespace penstock {
namespace {

using test::Bytes;
using test::Client;
using test::World;

constexpr int kFramesPerSecond = 25, kPacketsPerFrame = 4;
constexpr uint32_t kHostileSsrc = 0x2222'2222, kHostileRtx = 0x2222'2223, kOtherSsrc = 0x3333'3332;

/// What leaves the relay in a while of 1,200-byte packets.
struct Seen {
  uint64_t other_packets = 0, other_bytes = 0, hostile_bytes = 0, again_bytes = 0;
  uint64_t key_frame_requests = 0;
};

class HostileTest : public testing::Test {
 protected:
  HostileTest() {
    world.addTrack(sender, {.codec = contract::Codec::kVp8});
    world.addSubscription(hostile, {});
    world.addSubscription(other, {.index = 1, .ssrc = kOtherSsrc, .rtx_ssrc = kOtherSsrc + 1});
    world.io.sent.clear();
  }

  /// `asks`: NACKs and PLIs of the hostile one, each, a second.
  Seen watch(int seconds, int asks) {
    Seen seen;
    for (int frame = 0; frame < seconds * kFramesPerSecond; ++frame) {
      if (frame % (10 * kFramesPerSecond) == 0) renew();
      for (int i = 0; i < kPacketsPerFrame; ++i) sendPacket(i + 1 == kPacketsPerFrame);
      for (int i = 0; i < asks / kFramesPerSecond; ++i) ask();
      world.advance(1'000'000'000 / kFramesPerSecond);
      take(seen);
    }
    return seen;
  }

  World world;
  Client& sender = world.addConnected(1, "198.18.0.11:5001");
  Client& hostile = world.addConnected(2, "198.18.0.12:5002");
  Client& other = world.addConnected(3, "198.18.0.13:5003");

 private:
  /// Consent and neighbours last 30 s.
  void renew() {
    for (const auto& client : world.clients) world.check(*client);
    world.answerNeighbours();
  }

  void sendPacket(bool last) {
    Bytes payload(1200, 0x77);
    payload[0] = 0x10;
    payload[1] = 0x01;  // no key frame: the publisher of this test makes none
    world.sendRtp(sender, {.marker = last, .sequence = sequence_, .timestamp = timestamp_, .payload = payload}, roc_);
    if (++sequence_ == 0) ++roc_;
    if (last) timestamp_ += 90'000 / kFramesPerSecond;
  }

  /// For one of its last packets, and for a key frame.
  void ask() {
    Bytes compound(128);
    RtcpWriter writer(compound);
    const auto wanted = static_cast<uint16_t>(highest_ - asked_++ % 300);
    writer.addReceiverReport(0x4444'4444, {});
    writer.addNack(0x4444'4444, kHostileSsrc, std::span(&wanted, 1));
    writer.addPli(0x4444'4444, kHostileSsrc);
    compound.resize(writer.size());
    world.sendRtcp(hostile, compound);
  }

  void take(Seen& seen) {
    for (const Bytes& compound : world.takeRtcp(sender)) {
      RtcpReader reader(compound);
      while (const auto member = reader.next()) seen.key_frame_requests += member->kind() == RtcpKind::kPli;
    }
    for (const Bytes& rtp : world.takeRtp(other)) {
      ++seen.other_packets;
      seen.other_bytes += rtp.size();
    }
    for (const Bytes& rtp : world.takeRtp(hostile)) {
      const auto view = parseRtpHeader(rtp).value();
      (view.ssrc == kHostileRtx ? seen.again_bytes : seen.hostile_bytes) += rtp.size();
      if (view.ssrc == kHostileSsrc) highest_ = view.sequence;
    }
    world.io.sent.clear();
  }

  uint16_t sequence_ = 1000, highest_ = 0;
  uint32_t timestamp_ = 90'000, roc_ = 0, asked_ = 0;
};

TEST_F(HostileTest, others_are_served_as_before_and_it_gets_its_budget) {
  const Seen quiet = watch(20, 0);
  const Seen asked = watch(20, 1000);
  EXPECT_EQ(quiet.other_packets, 20u * kFramesPerSecond * kPacketsPerFrame);
  EXPECT_EQ(asked.other_packets, quiet.other_packets);
  EXPECT_EQ(asked.other_bytes, quiet.other_bytes);
  EXPECT_EQ(asked.hostile_bytes, quiet.hostile_bytes);
  // A quarter of what it is sent (with tags, which are not counted here), and what it may have at once.
  EXPECT_GT(asked.again_bytes, 0u);
  EXPECT_LE(asked.again_bytes, asked.hostile_bytes * 26 / 100 + 64 * 1024);
  EXPECT_TRUE(world.conserved()) << world.counters();
}

TEST_F(HostileTest, key_frames_that_it_asks_for_become_one_a_minute) {
  watch(1, 0);
  // Ten times less often than above: no less often than it takes, and the test takes less time.
  const uint64_t first = watch(60, 100).key_frame_requests;
  EXPECT_GE(first, 3u);
  EXPECT_LE(first, 9u);
  // A key frame has the size of some ten others: one a minute is less than 1 % of 25 frames a second.
  EXPECT_LE(watch(120, 100).key_frame_requests, 3u);
}

}  // namespace
}  // namespace penstock
