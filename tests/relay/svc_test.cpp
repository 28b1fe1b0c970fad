// A publisher of one stream of spatial and temporal layers, or of two such as simulcast, and a subscriber that changes
// its mind all the time, over a network that loses and reorders: in virtual time, seeded. By dependency descriptors, as
// of payloads that are encrypted end to end, and by VP9's payload descriptors.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "dataplane/codec/dependency_tracker.h"
#include "dataplane/codec/vp9.h"
#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtcp_writer.h"
#include "dataplane/packet/serial.h"
#include "tests/support/layered_stream.h"
#include "tests/support/relay_world.h"

namespace penstock {
namespace {

using test::Bytes;
using test::Client;
using test::LayeredStream;
using test::LayerFrame;
using test::World;

constexpr uint64_t kPictureNs = 33'333'333;
constexpr size_t kMark = 3;  // bytes at the end of each payload: encoding, sequence number

struct Mode {
  const char* name;
  bool key_only;   // L3T3_KEY
  bool described;  // by dependency descriptors, else by VP9's payload descriptor
  uint8_t encodings = 1;
};

struct Sent {
  LayerFrame frame;
  bool start, end;
  bool lost = false;  // or late
};

class Publisher {
 public:
  Publisher(World& world, Client& client, const Mode& mode, std::mt19937_64& random)
      : world_(world), client_(client), mode_(mode), random_(random) {
    for (uint8_t e = 0; e < mode.encodings; ++e) {
      streams_.push_back({LayeredStream(mode.key_only, static_cast<uint16_t>(1 << e), 100 + (random() & 0xffff))});
      streams_.back().sequence = static_cast<uint16_t>(random());
      streams_.back().timestamp = static_cast<uint32_t>(random());
      streams_.back().picture_id = random() & 0x7fff;
    }
  }
  static uint32_t ssrcOf(uint8_t encoding) { return 0x1111'0000u + encoding; }

  /// The next of each encoding.
  void picture(double loss, bool reorder) {
    last.clear();
    for (uint8_t e = 0; e < mode_.encodings; ++e) {
      Stream& stream = streams_[e];
      const auto frames = stream.layers.picture(std::exchange(stream.key_wanted, false));
      stream.picture_id = (stream.picture_id + 1) & 0x7fff;
      if (frames[0].temporal_id == 0) ++stream.tl0;
      for (const LayerFrame& frame : frames) {
        const size_t packets = 1 + random_() % 3;
        for (size_t i = 0; i < packets; ++i) packet(e, frame, i == 0, i + 1 == packets, loss);
      }
      stream.timestamp += 3000;
    }
    for (size_t i = 0; reorder && i + 1 < pending_.size(); ++i) {
      if (random_() % 12 == 0 && !isPrecious(pending_[i]) && !isPrecious(pending_[i + 1])) {
        std::swap(pending_[i], pending_[i + 1]);
      }
    }
    for (const Pending& pending : pending_) deliver(pending);
    pending_.clear();
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

  std::map<std::pair<uint8_t, uint16_t>, Sent> sent;
  std::vector<Sent> last;  // of all encodings
  const LayeredStream& layers() const { return streams_[0].layers; }
  int requests = 0;

 private:
  struct Pending {
    uint8_t encoding;
    uint16_t sequence;
    Bytes datagram;
  };
  struct Stream {
    LayeredStream layers;
    uint16_t sequence = 0, picture_id = 0;
    uint32_t timestamp = 0, roc = 0;
    uint8_t tl0 = 0;
    bool key_wanted = false;
  };

  /// The beginning of a key picture is not lost: without it a receiver would ask for another.
  bool isPrecious(const Pending& pending) {
    const Sent& packet = sent.at({pending.encoding, pending.sequence});
    return packet.frame.key && packet.frame.spatial_id == 0 && packet.start;
  }

  void packet(uint8_t e, const LayerFrame& frame, bool start, bool end, double loss) {
    Stream& stream = streams_[e];
    Bytes payload(20, 0x80);
    if (!mode_.described) {
      payload = stream.layers.vp9Descriptor(frame, start, end, stream.picture_id, stream.tl0);
      payload.resize(payload.size() + 10);
    }
    payload.insert(payload.end(),
                   {e, static_cast<uint8_t>(stream.sequence >> 8), static_cast<uint8_t>(stream.sequence)});
    test::RtpSpec spec{.marker = end && frame.spatial_id + 1 == LayeredStream::kSpatial,
                       .sequence = stream.sequence,
                       .timestamp = stream.timestamp,
                       .ssrc = ssrcOf(e),
                       .payload = payload};
    if (mode_.described) {
      spec.extensions = {{test::kDependencyDescriptorId, stream.layers.descriptor(frame, start, end)}};
      spec.two_byte = spec.extensions[0].second.size() > 16;
    }
    Pending pending{e, stream.sequence, client_.protect(*world_.backend, test::rtpPacket(spec), stream.roc)};
    Sent& made = sent[{e, stream.sequence}] = {frame, start, end};
    last.push_back(made);
    if (++stream.sequence == 0) ++stream.roc;
    made.lost = std::uniform_real_distribution<>(0, 1)(random_) < loss && !isPrecious(pending);
    if (!made.lost) pending_.push_back(std::move(pending));
  }

  void deliver(const Pending& pending) {
    Sent& packet = sent.at({pending.encoding, pending.sequence});
    const auto [highest, first] = highest_.try_emplace(pending.encoding, pending.sequence);
    packet.lost = serialDifference(pending.sequence, highest->second) < 0;
    if (!packet.lost) highest->second = pending.sequence;
    world_.receiveUdp(client_, pending.datagram);
  }

  World& world_;
  Client& client_;
  const Mode& mode_;
  std::mt19937_64& random_;
  std::vector<Stream> streams_;
  std::vector<Pending> pending_;
  std::map<uint8_t, uint16_t> highest_;
};

/// A received packet, and which published one it is.
struct Got {
  uint8_t encoding;
  uint16_t source;
  RtpView view;
  Bytes descriptor;
  Bytes rtp;
};

Got readGot(Bytes rtp) {
  Got got{.encoding = 0, .source = 0, .view = {}, .descriptor = {}, .rtp = std::move(rtp)};
  got.view = parseRtpHeader(got.rtp).value();
  const auto extensions = RtpExtensions::parse(got.view);
  if (const auto value = extensions.find(test::kDependencyDescriptorId))
    got.descriptor.assign(value->begin(), value->end());
  const auto mark = got.view.payload().last(kMark);
  got.encoding = mark[0];
  got.source = load16(mark.data() + 1);
  return got;
}

class SvcTest : public testing::TestWithParam<Mode> {
 protected:
  SvcTest() {
    seed = std::random_device{}();
    random.seed(seed);
    test::TrackSpec spec{.ssrc = Publisher::ssrcOf(0),
                         .codec = mode.described ? contract::Codec::kAv1 : contract::Codec::kVp9};
    for (uint8_t e = 1; e < mode.encodings; ++e) spec.more_ssrcs.push_back(Publisher::ssrcOf(e));
    world.addTrack(sender, spec);
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

  /// One picture of all encodings, and what comes of it at the receiver.
  std::vector<Got> step(double loss = 0, bool reorder = false) {
    if (++steps_ % 100 == 0) {  // consent and neighbours last 30 s
      world.check(sender);
      world.check(receiver);
      world.answerNeighbours();
    }
    publisher.picture(loss, reorder);
    std::vector<Got> got;
    for (Bytes& rtp : world.takeRtp(receiver)) {
      if (parseRtpHeader(rtp)->ssrc == 0x2222'2222) got.push_back(readGot(std::move(rtp)));
    }
    publisher.takeRequests();
    world.io.sent.clear();
    world.advance(kPictureNs);
    publisher.takeRequests();
    return got;
  }
  void checkNumbers(const std::map<int64_t, Got>& by_index) {
    int switches = 0;
    for (auto next = std::next(by_index.begin()), at = by_index.begin(); next != by_index.end(); at = next++) {
      const Got &a = at->second, &b = next->second;
      const Sent &before = sentOf(a), &after = sentOf(b);
      const bool same_stream = a.encoding == b.encoding;
      const bool begins = after.frame.key && after.frame.spatial_id == 0 && after.start;
      const bool same_picture = same_stream && before.frame.picture == after.frame.picture;
      const auto ahead = static_cast<int32_t>(b.view.timestamp - a.view.timestamp);
      ASSERT_EQ(ahead == 0, same_picture) << next->first;
      ASSERT_GE(ahead, 0) << next->first;
      if (mode.described) {
        const auto frames = static_cast<int16_t>(load16(b.descriptor.data() + 1) - load16(a.descriptor.data() + 1));
        const auto made = static_cast<int16_t>(after.frame.frame - before.frame.frame);
        ASSERT_TRUE(same_stream && !begins ? frames == made : frames > 0) << next->first;
      } else {
        const auto x = codec::parseVp9(a.view.payload()), y = codec::parseVp9(b.view.payload());
        const int pictures = (y->picture_id - x->picture_id) & 0x7fff;
        const auto made = static_cast<int>(after.frame.picture - before.frame.picture);
        ASSERT_TRUE(begins ? pictures == 1 || (same_stream && pictures == made) : pictures == made) << next->first;
      }
      if (!same_stream) {
        ++switches;
        ASSERT_TRUE(begins) << next->first << ": no key frame begins";
        continue;
      }
      // As many as were lost of the input between them at most; after a pause none.
      int64_t lost = 0;
      for (uint16_t q = a.source + 1; q != b.source; ++q) lost += publisher.sent.at({a.encoding, q}).lost ? 1 : 0;
      ASSERT_LE(next->first - at->first - 1, lost) << next->first;
    }
    EXPECT_GE(switches, mode.encodings > 1 ? 7 : 0);
  }

  /// Needs are met, and pictures end with the one marker; unless a packet of theirs was lost.
  void checkFrames(const std::map<int64_t, Got>& by_index) {
    std::set<std::pair<uint8_t, uint32_t>> forwarded, hurt_frames, hurt_pictures;
    for (const auto& [key, sent] : publisher.sent) {
      if (!sent.lost) continue;
      hurt_frames.insert({key.first, sent.frame.frame});
      hurt_pictures.insert({key.first, sent.frame.picture});
    }
    for (const auto& [index, got] : by_index) forwarded.insert({got.encoding, sentOf(got).frame.frame});
    size_t met = 0, pictures = 0, markers = 0;
    for (auto at = by_index.begin(); at != by_index.end(); ++at) {
      const Got& got = at->second;
      const Sent& sent = sentOf(got);
      for (const uint32_t need : sent.frame.needs) {
        if (hurt_frames.contains({got.encoding, need}) || hurt_frames.contains({got.encoding, sent.frame.frame}))
          continue;
        ++met;
        ASSERT_TRUE(forwarded.contains({got.encoding, need}))
            << at->first << ": S" << int{sent.frame.spatial_id} << "T" << int{sent.frame.temporal_id} << " of picture "
            << sent.frame.picture << " needs frame " << sent.frame.frame - need << " before";
      }
      if (hurt_pictures.contains({got.encoding, sent.frame.picture})) continue;
      const auto next = std::next(at);
      const bool last = next == by_index.end() || next->second.view.timestamp != got.view.timestamp;
      pictures += last;
      markers += got.view.marker;
      ASSERT_EQ(got.view.marker, last) << at->first << ": picture " << sent.frame.picture;
    }
    EXPECT_GT(met, 240u);
    EXPECT_EQ(markers, pictures);
  }

  const Sent& sentOf(const Got& got) { return publisher.sent.at({got.encoding, got.source}); }

  Mode mode = GetParam();
  World world;
  Client& sender = world.addConnected(1, "198.18.0.11:5001");
  Client& receiver = world.addConnected(2, "198.18.0.12:5002");
  uint64_t seed;
  std::mt19937_64 random;
  Publisher publisher{world, sender, mode, random};

 private:
  int steps_ = 0;
};

/// Steadily: exactly the frames of the decode target that was wished for, and the marker at the end of each picture.
TEST_P(SvcTest, what_is_wished_for_goes_out_and_nothing_else) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  if (mode.encodings > 1) GTEST_SKIP() << "of which encoding is another question";
  struct Case {
    int number;
    uint16_t width;
    uint8_t frame_rate, spatial, temporal;
  };
  codec::DependencyTracker tracker;
  for (int i = 0; i < 90; ++i) {
    for (const Got& got : step()) tracker.read(got.descriptor, got.view.sequence);
  }
  for (const Case c : {Case{1, 0, 0, 2, 2},
                       {2, 480, 0, 1, 2},
                       {3, 240, 8, 0, 0},
                       {4, 960, 15, 2, 1},
                       {5, 500, 8, 1, 0},
                       {6, 100, 0, 0, 2},
                       {7, 0, 8, 2, 0},
                       {8, 0, 0, 2, 2}}) {
    SCOPED_TRACE("case " + std::to_string(c.number));
    wish(c.width, c.frame_rate);
    for (int i = 0; i < 80; ++i) {
      const auto all = step();
      for (const Got& got : all) {
        ASSERT_EQ(tracker.read(got.descriptor, got.view.sequence).has_value(), mode.described);
      }
      if (i < 40) continue;  // a key frame is asked for and comes
      for (const Got& got : all) {
        const Sent& sent = sentOf(got);
        ASSERT_EQ(got.view.marker, sent.end && sent.frame.spatial_id == c.spatial);
      }
      const auto needed = std::ranges::count_if(publisher.last, [&](const Sent& sent) {
        return publisher.layers().isNeeded(sent.frame, c.spatial, c.temporal);
      });
      ASSERT_EQ(static_cast<ptrdiff_t>(all.size()), needed) << "picture " << i;
    }
    if (!mode.described) continue;
    // What the receiver is told is active: all that lies within, if each frame is in the targets above it too.
    const uint32_t active = tracker.active();
    EXPECT_TRUE(active >> (3 * c.spatial + c.temporal) & 1);
    for (uint8_t d = 0; d < LayeredStream::kTargets; ++d) {
      const bool within = d % 3 <= c.temporal && (mode.key_only ? d / 3 == c.spatial : d / 3 <= c.spatial);
      EXPECT_EQ(active >> d & 1, within) << int{d};
    }
  }
}

TEST_P(SvcTest, nothing_is_asked_for_while_all_is_as_wished) {
  for (int i = 0; i < 60; ++i) step();
  wish(480);
  for (int i = 0; i < 60; ++i) step();
  const int before = publisher.requests;
  for (int i = 0; i < 300; ++i) step();
  EXPECT_EQ(publisher.requests, before);
  EXPECT_LE(before, 4);
}

/// Whatever happens: numbers as a receiver must find them, and no frame without those that it needs.
TEST_P(SvcTest, what_goes_out_can_be_decoded) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::map<int64_t, Got> by_index;  // unwrapped outgoing sequence number
  int64_t highest = -1;
  for (int i = 0; i < 1200; ++i) {
    if (random() % 25 == 0) {
      const uint16_t widths[] = {0, 240, 480, 960};
      const uint8_t rates[] = {0, 8, 15};
      wish(widths[random() % 4], rates[random() % 3], random() % 6 == 0);
    }
    for (Got& got : step(0.02, true)) {
      const int64_t index = highest < 0
                                ? got.view.sequence
                                : highest + static_cast<int16_t>(got.view.sequence - static_cast<uint16_t>(highest));
      highest = std::max(highest, index);
      ASSERT_TRUE(by_index.emplace(index, std::move(got)).second) << "index " << index << " twice";
    }
  }
  ASSERT_GT(by_index.size(), 700u);
  checkNumbers(by_index);
  checkFrames(by_index);
  EXPECT_TRUE(world.conserved()) << world.counters();
}

TEST_P(SvcTest, what_is_asked_for_again_is_what_was_lost) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  int answered = 0;
  for (int i = 0; i < 500; ++i) {
    if (random() % 20 == 0) {
      const uint16_t widths[] = {0, 240, 480};
      wish(widths[random() % 3], random() % 2 ? 8 : 0);
    }
    const auto got = step(0.02, true);
    if (got.empty()) continue;
    const Got& asked = got[random() % got.size()];
    Bytes nack(64);
    RtcpWriter writer(nack);
    const uint16_t number = asked.view.sequence;
    writer.addReceiverReport(0x3333'3333, {});
    writer.addNack(0x3333'3333, 0x2222'2222, std::span(&number, 1));
    nack.resize(writer.size());
    world.sendRtcp(receiver, nack);
    for (const Bytes& rtp : world.takeRtp(receiver)) {
      if (parseRtpHeader(rtp)->ssrc != 0x2222'2223) continue;
      ++answered;
      const Got again = readGot(rtp);
      const auto payload = again.view.payload();
      ASSERT_EQ(load16(payload.data()), number);
      ASSERT_TRUE(std::ranges::equal(payload.subspan(2), asked.view.payload())) << "byte for byte, numbers rewritten";
      ASSERT_EQ(again.view.timestamp, asked.view.timestamp);
      ASSERT_EQ(again.view.marker, asked.view.marker);
      ASSERT_EQ(again.descriptor, asked.descriptor);
    }
  }
  EXPECT_GT(answered, 120);
}

INSTANTIATE_TEST_SUITE_P(Modes, SvcTest,
                         testing::Values(Mode{"described", false, true}, Mode{"described_key", true, true},
                                         Mode{"vp9", false, false}, Mode{"vp9_key", true, false},
                                         Mode{"described_simulcast", false, true, 2},
                                         Mode{"vp9_key_simulcast", true, false, 2}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace penstock
