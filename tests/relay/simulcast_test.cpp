// A publisher of three VP8 encodings with temporal layers, and a subscriber that changes its mind all the time, over a
// network that loses and reorders: in virtual time, seeded.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "dataplane/codec/vp8.h"
#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/packet/serial.h"
#include "tests/support/relay_world.h"

namespace penstock {
namespace {

using contract::Extension;
using test::Bytes;
using test::Client;
using test::World;

constexpr uint32_t kEncodings = 3;
constexpr uint64_t kFrameNs = 33'333'333;
constexpr size_t kDescriptor = 6, kMark = 10;  // bytes in front of what marks a packet

/// What was published under an SSRC and sequence number.
struct Sent {
  uint8_t encoding, temporal_id;
  uint32_t frame;
  bool key_begin;
  bool key;
  bool lost;  // or out of order: when it was needed, it was missing, and comes by retransmission
};

class Publisher {
 public:
  Publisher(World& world, Client& client, std::mt19937_64& random) : world_(world), client_(client), random_(random) {
    for (uint8_t e = 0; e < kEncodings; ++e) {
      Stream& stream = streams_[e];
      stream.sequence = static_cast<uint16_t>(random_());
      stream.timestamp = static_cast<uint32_t>(random_());
      stream.picture_id = random_() & 0x7fff;
      stream.tl0 = static_cast<uint8_t>(random_());
    }
  }

  static uint32_t ssrcOf(uint8_t encoding) { return 0x1111'0000 + encoding; }

  void frame(double loss, bool reorder) {
    const uint8_t pattern[] = {0, 2, 1, 2};
    for (uint8_t e = 0; e < kEncodings; ++e) {
      if (!sends[e]) continue;
      Stream& stream = streams_[e];
      const bool key = std::exchange(stream.key_wanted, false) || !stream.begun;
      stream.begun = true;
      if (key) stream.phase = 0;
      const uint8_t temporal_id = pattern[stream.phase % 4];
      // In the first round after a key frame each layer synchronises; in every second round, too.
      const bool sync = temporal_id > 0 && stream.phase % 8 < 4;
      ++stream.phase;
      if (temporal_id == 0) ++stream.tl0;
      stream.picture_id = (stream.picture_id + 1) & 0x7fff;
      const size_t packets = 1 + random_() % 4;
      for (size_t i = 0; i < packets; ++i) packet(e, temporal_id, sync, key, i == 0, i + 1 == packets, loss);
    }
    ++frame_;
    for (Stream& stream : streams_) stream.timestamp += 3000;
    if (reorder && pending_.size() > 2)
      std::swap(pending_[random_() % pending_.size()], pending_[random_() % pending_.size()]);
    // What is late comes with the next frame.
    const size_t held = reorder && random_() % 3 == 0 ? 1 : 0;
    for (size_t i = 0; i + held < pending_.size(); ++i) deliver(pending_[i]);
    pending_.erase(pending_.begin(), pending_.end() - static_cast<ptrdiff_t>(held));
  }

  void takeRequests() {
    for (const Bytes& compound : world_.takeRtcp(client_)) {
      RtcpReader reader(compound);
      while (const auto member = reader.next()) {
        const auto feedback = member->kind() == RtcpKind::kPli ? parseFeedback(*member) : std::nullopt;
        if (!feedback) continue;
        ++requests;
        streams_[feedback->media_ssrc - ssrcOf(0)].key_wanted = true;
      }
    }
  }

  std::array<bool, kEncodings> sends{true, true, true};
  std::map<std::pair<uint8_t, uint16_t>, Sent> sent;
  int requests = 0;

 private:
  struct Pending {
    uint8_t encoding;
    uint16_t sequence;
    Bytes datagram;
  };
  struct Stream {
    uint16_t sequence, picture_id;
    uint32_t timestamp, phase = 0;
    uint8_t tl0;
    bool key_wanted = false, begun = false;
  };

  void packet(uint8_t e, uint8_t temporal_id, bool sync, bool key, bool first, bool last, double loss) {
    Stream& stream = streams_[e];
    Bytes payload = {static_cast<uint8_t>(0x80 | (first ? 0x10 : 0)),
                     0xe0,
                     static_cast<uint8_t>(0x80 | stream.picture_id >> 8),
                     static_cast<uint8_t>(stream.picture_id),
                     stream.tl0,
                     static_cast<uint8_t>(temporal_id << 6 | (sync ? 0x20 : 0))};
    const uint16_t width = static_cast<uint16_t>(160 << e), height = static_cast<uint16_t>(120 << e);
    const uint8_t tag = key && first ? 0x00 : 0x01;
    for (const uint16_t byte : {uint16_t{tag}, uint16_t{0}, uint16_t{0}, uint16_t{0x9d}, uint16_t{1}, uint16_t{0x2a},
                                static_cast<uint16_t>(width & 255), static_cast<uint16_t>(width >> 8),
                                static_cast<uint16_t>(height & 255), static_cast<uint16_t>(height >> 8)}) {
      payload.push_back(static_cast<uint8_t>(byte));
    }
    payload.push_back(e);
    payload.push_back(static_cast<uint8_t>(stream.sequence >> 8));
    payload.push_back(static_cast<uint8_t>(stream.sequence));
    const double drawn = std::uniform_real_distribution<>(0, 1)(random_);
    const bool lost = drawn < loss;
    sent[{e, stream.sequence}] = {e, temporal_id, frame_, key && first, key, lost};
    const Bytes rtp = test::rtpPacket({.payload_type = 96,
                                       .marker = last,
                                       .sequence = stream.sequence,
                                       .timestamp = stream.timestamp,
                                       .ssrc = ssrcOf(e),
                                       .payload = payload});
    const uint32_t roc = roc_[e];
    if (++stream.sequence == 0) ++roc_[e];
    const Bytes datagram = client_.protect(*world_.backend, rtp, roc);
    if (!lost) pending_.push_back({e, static_cast<uint16_t>(stream.sequence - 1), datagram});
  }

  void deliver(const Pending& pending) {
    Sent& packet = sent.at({pending.encoding, pending.sequence});
    auto& highest = highest_[pending.encoding];
    if (highest && serialDifference(pending.sequence, *highest) < 0) {
      packet.lost = true;
      // Nothing behind the beginning of a key frame counts before that has come.
      for (uint16_t q = pending.sequence; packet.key_begin && q != *highest;)
        sent.at({pending.encoding, ++q}).lost = true;
    } else {
      highest = pending.sequence;
    }
    world_.receiveUdp(client_, pending.datagram);
  }

  World& world_;
  Client& client_;
  std::mt19937_64& random_;
  std::array<Stream, kEncodings> streams_{};
  std::array<uint32_t, kEncodings> roc_{};
  std::vector<Pending> pending_;
  std::array<std::optional<uint16_t>, kEncodings> highest_;
  uint32_t frame_ = 0;
};

/// A received packet, and which published one it is.
struct Got {
  uint16_t sequence;
  uint32_t timestamp;
  uint8_t encoding;
  uint16_t source;
  codec::Vp8 vp8;
  Bytes rtp;
};

Got readGot(const Bytes& rtp) {
  const auto view = parseRtpHeader(rtp).value();
  const auto payload = view.payload();
  const auto vp8 = codec::parseVp8(payload).value();
  const uint8_t* mark = payload.data() + kDescriptor + kMark;
  return {view.sequence, view.timestamp, mark[0], static_cast<uint16_t>(mark[1] << 8 | mark[2]), vp8, rtp};
}

class SimulcastTest : public testing::Test {
 protected:
  SimulcastTest() {
    seed = std::random_device{}();
    random.seed(seed);
    world.addTrack(sender, {.ssrc = Publisher::ssrcOf(0),
                            .codec = contract::Codec::kVp8,
                            .more_ssrcs = {Publisher::ssrcOf(1), Publisher::ssrcOf(2)}});
    world.addSubscription(receiver, {});
    world.io.sent.clear();
  }

  void wish(uint16_t width, uint8_t frame_rate = 0, bool paused = false) {
    SubscriptionCommand command = world.subscriptionCommand(receiver, {});
    command.media.reset();
    command.rtx.reset();
    command.row.width_max = width;
    command.row.frame_rate_max = frame_rate;
    command.row.flags = paused ? contract::kSubscriptionPaused : 0;
    world.applyCommand(std::move(command));
  }

  /// One frame of all encodings, and what comes of it at the receiver.
  std::vector<Got> step(double loss = 0, bool reorder = false) {
    if (++steps_ % 100 == 0) {  // consent and neighbours last 30 s
      world.check(sender);
      world.check(receiver);
      world.answerNeighbours();
    }
    publisher.frame(loss, reorder);
    std::vector<Got> got;
    for (const Bytes& rtp : world.takeRtp(receiver)) {
      if (parseRtpHeader(rtp)->ssrc == 0x2222'2222) got.push_back(readGot(rtp));
    }
    publisher.takeRequests();
    world.io.sent.clear();
    world.advance(kFrameNs);
    publisher.takeRequests();
    return got;
  }
  std::vector<Got> steps(int frames) {
    std::vector<Got> all;
    for (int i = 0; i < frames; ++i) {
      for (Got& got : step()) all.push_back(std::move(got));
    }
    return all;
  }

  World world;
  Client& sender = world.addConnected(1, "198.18.0.11:5001");
  Client& receiver = world.addConnected(2, "198.18.0.12:5002");
  uint64_t seed;
  std::mt19937_64 random;
  Publisher publisher{world, sender, random};

 private:
  int steps_ = 0;
};

TEST_F(SimulcastTest, the_picture_is_the_largest_that_is_wished_for) {
  struct Case {
    int number;
    uint16_t width;
    uint8_t encoding;
  };
  for (const Case c : {Case{1, 0, 2}, {2, 320, 1}, {3, 639, 1}, {4, 640, 2}, {5, 160, 0}, {6, 100, 0}, {7, 0, 2}}) {
    wish(c.width);
    steps(30);  // a key frame is asked for and comes
    const auto got = steps(10);
    ASSERT_FALSE(got.empty()) << "case " << c.number;
    for (const Got& packet : got) ASSERT_EQ(packet.encoding, c.encoding) << "case " << c.number;
    EXPECT_EQ(world.reports->subscription[0].encoding, c.encoding);
  }
}

TEST_F(SimulcastTest, a_lower_frame_rate_is_the_lower_temporal_layers) {
  steps(60);
  struct Case {
    uint8_t frame_rate, temporal_max;
  };
  for (const Case c : {Case{8, 0}, {15, 1}, {30, 2}, {8, 0}, {0, 2}}) {
    wish(0, c.frame_rate);
    steps(20);
    uint8_t highest = 0;
    for (const Got& packet : steps(40)) highest = std::max(highest, packet.vp8.temporal_id);
    EXPECT_EQ(highest, c.temporal_max) << int{c.frame_rate};
  }
}

TEST_F(SimulcastTest, an_encoding_that_stops_is_followed_by_the_next_smaller_one) {
  steps(30);
  publisher.sends[2] = false;
  steps(30);
  for (const Got& packet : steps(5)) EXPECT_EQ(packet.encoding, 1);
  publisher.sends[2] = true;
  steps(30);
  for (const Got& packet : steps(5)) EXPECT_EQ(packet.encoding, 2);
}

TEST_F(SimulcastTest, encodings_are_not_asked_for_key_frames_that_nobody_waits_for) {
  steps(60);
  const int before = publisher.requests;
  steps(300);
  EXPECT_EQ(publisher.requests, before);
  EXPECT_LE(before, 4);
}

/// Numbers of the outgoing stream as a receiver must find them, whatever happens.
TEST_F(SimulcastTest, what_goes_out_has_no_gap_and_no_repetition_that_the_chosen_input_had_not) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::map<int64_t, Got> by_index;  // unwrapped outgoing sequence number
  int64_t highest = -1;
  for (int frame = 0; frame < 3000; ++frame) {
    if (random() % 25 == 0) {
      const uint16_t widths[] = {0, 160, 320, 640};
      const uint8_t rates[] = {0, 8, 15};
      wish(widths[random() % 4], rates[random() % 3], random() % 6 == 0);
    }
    for (Got& got : step(0.03, true)) {
      const int64_t index =
          highest < 0 ? got.sequence : highest + static_cast<int16_t>(got.sequence - static_cast<uint16_t>(highest));
      highest = std::max(highest, index);
      const auto known = publisher.sent.find({got.encoding, got.source});
      ASSERT_NE(known, publisher.sent.end());
      ASSERT_TRUE(by_index.emplace(index, std::move(got)).second) << "index " << index << " twice";
    }
  }
  ASSERT_GT(by_index.size(), 1500u);
  int switches = 0;
  for (auto next = std::next(by_index.begin()), at = by_index.begin(); next != by_index.end(); at = next++) {
    const Got &a = at->second, &b = next->second;
    const auto gap = next->first - at->first - 1;
    const auto ahead = static_cast<int32_t>(b.timestamp - a.timestamp);
    const bool same_frame = a.encoding == b.encoding && publisher.sent.at({a.encoding, a.source}).frame ==
                                                            publisher.sent.at({b.encoding, b.source}).frame;
    ASSERT_EQ(ahead == 0, same_frame) << next->first;
    ASSERT_GE(ahead, 0) << next->first;
    if (a.encoding != b.encoding) {
      ++switches;
      ASSERT_TRUE(publisher.sent.at({b.encoding, b.source}).key_begin) << next->first << ": no key frame begins";
      ASSERT_EQ((b.vp8.picture_id - a.vp8.picture_id) & 0x7fff, 1) << next->first;
      continue;
    }
    // As many as were lost of the input between them at most; after a pause none.
    int64_t lost = 0;
    uint32_t frames_hurt = 0, last_hurt = UINT32_MAX;
    for (uint16_t s = a.source + 1; s != b.source; ++s) {
      const Sent& between = publisher.sent.at({a.encoding, s});
      lost += between.lost ? 1 : 0;
      if (between.lost && between.frame != last_hurt) {
        ++frames_hurt;
        last_hurt = between.frame;
      }
    }
    ASSERT_LE(gap, lost) << next->first;
    const uint32_t pictures = (b.vp8.picture_id - a.vp8.picture_id) & 0x7fff;
    ASSERT_LE(pictures, (same_frame ? 0 : 1) + frames_hurt) << next->first;
  }
  EXPECT_GT(switches, 20);
  EXPECT_TRUE(world.conserved()) << world.counters();
}

TEST_F(SimulcastTest, what_is_asked_for_again_is_what_was_lost) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  int answered = 0;
  for (int frame = 0; frame < 1500; ++frame) {
    if (random() % 20 == 0) {
      const uint16_t widths[] = {0, 160, 320};
      wish(widths[random() % 3], random() % 2 ? 8 : 0);
    }
    const auto got = step(0.02, false);
    if (got.empty()) continue;
    const Got& asked = got[random() % got.size()];
    Bytes nack(64);
    RtcpWriter writer(nack);
    const uint16_t number = asked.sequence;
    writer.addReceiverReport(0x3333'3333, {});
    writer.addNack(0x3333'3333, 0x2222'2222, std::span(&number, 1));
    nack.resize(writer.size());
    world.sendRtcp(receiver, nack);
    for (const Bytes& rtp : world.takeRtp(receiver)) {
      const auto view = parseRtpHeader(rtp).value();
      if (view.ssrc != 0x2222'2223) continue;
      ++answered;
      const auto original = parseRtpHeader(asked.rtp).value();
      const auto payload = view.payload();
      ASSERT_EQ(load16(payload.data()), number);
      ASSERT_TRUE(std::ranges::equal(payload.subspan(2), original.payload())) << "byte for byte, numbers rewritten";
      ASSERT_EQ(view.timestamp, original.timestamp);
      ASSERT_EQ(view.marker, original.marker);
    }
  }
  EXPECT_GT(answered, 500);
}

}  // namespace
}  // namespace penstock
