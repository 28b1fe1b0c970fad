// Prepared packets, a relay and the sink, without a port: the sink sees every fault that is put between them.
#include <gtest/gtest.h>

#include "bench/load/identity.h"
#include "bench/load/packet_store.h"
#include "bench/load/router.h"
#include "bench/load/rows_by_hand.h"
#include "bench/load/sink.h"
#include "dataplane/relay/handover.h"
#include "dataplane/srtp/libsrtp_backend.h"
#include "tests/support/relay_world.h"

namespace penstock::bench {
namespace {

using test::Bytes;
constexpr auto kProfile = contract::SrtpProfile::kAeadAes128Gcm;

struct Bench {
  explicit Bench(const WorkloadRequest& request)
      : scenario(makeScenario(shapesOf(request))),
        relay(relayConfig(4096), *backend, io, *reports, rings, 0, *flows),
        store(scenario, kProfile, *backend, size_t{4} << 20),
        sink(scenario, kProfile, *backend) {
    applyScenario(relay, *backend, scenario, kProfile, now_ns);
    for (int turn = 0; turn < 3; ++turn) {
      relay.timers(now_ns += 2'000'000);
      for (const Bytes& frame : std::exchange(io.sent, {})) answer(frame);
    }
    io.sent.clear();
    sink.beginTrial();
    sent.resize(scenario.tracks.size());
  }

  void answer(const Bytes& frame) {
    std::array<uint8_t, kArpFrameMax> out;
    if (const auto reply = answerAsRouter(frame, out); !reply.empty()) give(reply);
  }
  void give(std::span<const uint8_t> frame) {
    Packet packet = io.make();
    std::memcpy(packet.data, frame.data(), frame.size());
    packet.length_bytes = static_cast<uint16_t>(frame.size());
    relay.receive(std::span(&packet, 1), now_ns += 1000);
  }
  /// Publishes and returns what the relay sent.
  std::vector<Bytes> forward(size_t packets) {
    for (size_t i = 0; i < packets; ++i) {
      store.prepare(1);
      const PreparedPacket packet = store.next();
      ++sent[packet.track];
      give(packet.frame);
    }
    return std::exchange(io.sent, {});
  }
  void look(const std::vector<Bytes>& frames) {
    for (const Bytes& frame : frames) sink.look(frame, 0);
  }
  uint64_t missing() const {
    const auto by_class = sink.missing(sent);
    return by_class[0] + by_class[1];
  }

  Scenario scenario;
  uint64_t now_ns = 1'000'000'000;
  test::HeapIo io;
  test::RegionOwner<contract::ReportsRegion> reports = test::makeRegion<contract::ReportsRegion>();
  test::RegionOwner<contract::FlowsRegion> flows = test::makeRegion<contract::FlowsRegion>();
  std::unique_ptr<srtp::Backend> backend = srtp::makeLibsrtpBackend();
  HandOverRings rings{1};
  Relay relay;
  PacketStore store;
  Sink sink;
  std::vector<uint64_t> sent;
};

TEST(Engine, what_is_forwarded_is_found_right_by_number_and_by_decryption) {
  for (const char* workload : {"webinar", "meeting", "recorder", "audio"}) {
    SCOPED_TRACE(workload);
    Bench bench({.name = workload, .size = 6, .payload_bytes = 300});
    for (int round = 0; round < 30; ++round) bench.look(bench.forward(200));
    EXPECT_EQ(bench.missing(), 0u);
    EXPECT_EQ(bench.sink.counts().received, static_cast<uint64_t>(6000 * bench.scenario.fanOut() + 0.5));
    EXPECT_EQ(bench.sink.counts().gaps + bench.sink.counts().behind + bench.sink.counts().renumbered, 0u);
    const auto checked = bench.sink.checkSamples();
    EXPECT_EQ(checked.bad, 0u);
    EXPECT_EQ(checked.good, bench.sink.counts().received / 997);
  }
}

TEST(Engine, every_fault_is_seen) {
  Bench bench({.name = "webinar", .size = 3, .payload_bytes = 300});
  bench.look(bench.forward(10));
  auto frames = bench.forward(10);
  frames.erase(frames.begin() + 4);
  bench.look(frames);
  EXPECT_EQ(bench.missing(), 1u);
  EXPECT_EQ(bench.sink.counts().gaps, 1u);

  bench.look({frames.back()});
  EXPECT_EQ(bench.sink.counts().behind, 1u) << "a repetition";

  frames = bench.forward(1);
  frames[0][42 + 3] ^= 1;  // the sequence number
  bench.look(frames);
  EXPECT_EQ(bench.sink.counts().renumbered, 1u);

  frames = bench.forward(1);
  frames[0][42 + 8] ^= 0x40;  // an SSRC of nobody
  bench.look(frames);
  EXPECT_EQ(bench.sink.counts().foreign, 1u);
  EXPECT_EQ(bench.missing(), 2u) << "what one stream has too many does not make up for another's loss";
}

TEST(Engine, a_packet_that_does_not_decrypt_is_found_among_the_samples) {
  Bench bench({.name = "webinar", .size = 1, .payload_bytes = 300});
  for (int i = 0; i < 3000; ++i) {
    auto frames = bench.forward(1);
    frames[0].back() ^= 1;
    bench.look(frames);
  }
  const auto checked = bench.sink.checkSamples();
  EXPECT_EQ(checked.good, 0u);
  EXPECT_EQ(checked.bad, 3u);
}

TEST(Engine, samples_decrypt_beyond_a_roll_over) {
  Bench bench({.name = "webinar", .size = 1, .payload_bytes = 20});
  for (int i = 0; i < 700; ++i) bench.look(bench.forward(100));
  EXPECT_EQ(bench.missing(), 0u);
  const auto checked = bench.sink.checkSamples();
  EXPECT_EQ(checked.good, 70u);
  EXPECT_EQ(checked.bad, 0u);
}

TEST(Engine, what_a_trial_leaves_the_next_one_sends) {
  Bench bench({.name = "webinar", .size = 1, .payload_bytes = 300});
  bench.store.prepare(100);
  EXPECT_EQ(bench.store.ready(), 100u);
  for (uint32_t i = 0; i < 30; ++i) EXPECT_EQ(bench.store.next().index, i);
  bench.store.prepare(100);
  EXPECT_EQ(bench.store.ready(), 100u);
  EXPECT_EQ(bench.store.next().index, 30u);
  bench.store.prepare(1'000'000);
  EXPECT_EQ(bench.store.ready(), bench.store.capacity()) << "as many as there is room for";
}

TEST(SentTimes, forgets_what_is_too_old_and_never_mixes_packets_up) {
  SentTimes times(3000);
  times.set(7, 5, 1234);
  EXPECT_EQ(times.of(7, 5), 1234u);
  EXPECT_EQ(times.of(6, 5), 0u);
  EXPECT_EQ(times.of(7, 6), 0u);
  times.set(7, 5 + (1 << 20), 99);
  EXPECT_EQ(times.of(7, 5), 0u);
}

}  // namespace
}  // namespace penstock::bench
