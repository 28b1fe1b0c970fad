#include "bench/load/generator.h"

#include <unistd.h>

#include <cstdio>
#include <exception>

#include "dataplane/packet/arp.h"
#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/port/port_io.h"
#include "dataplane/worker/clock.h"

namespace penstock::bench {

namespace {

using test::Bytes;

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kTrialNs = kSecondNs;
constexpr uint64_t kDrainNs = kSecondNs / 10;
constexpr int kConfirmations = 3;
/// One packet in so many is decrypted.
constexpr uint64_t kSampleEvery = 997;

struct Trial {
  uint64_t sent = 0, received = 0, out_of_order = 0, decrypted = 0, not_decrypted = 0;
  double seconds = 0;
  bool lossless(uint32_t subscribers) const {
    return received == sent * subscribers && out_of_order == 0 && not_decrypted == 0;
  }
};

class Generator {
 public:
  Generator(const LoadPlan& plan, PortIo& io) : plan_(plan), io_(io), world_({}, std::make_unique<test::HeapIo>()) {
    for (uint32_t i = 0; i <= plan.subscribers; ++i) {
      auto client = std::make_unique<test::Client>(world_.makeClient(i, addressOf(i), plan.profile));
      client->to_relay = world_.backend->expand(plan.profile, client->row.receive_key);
      client->from_relay = world_.backend->expand(plan.profile, client->row.send_key);
      world_.clients.push_back(std::move(client));
    }
    expected_.resize(plan.subscribers + 1);
    payload_.assign(plan.payload_bytes, 0x5a);
  }

  /// ICE checks of everybody: consent lasts 30 s, and the relay learns where they are.
  void keepConsent() {
    for (const auto& client : world_.clients) {
      send(test::udpFrame(world_.frameOf(*client), test::stunMessage(world_.checkOf(*client))));
      Trial ignored;
      receive(ignored);
    }
    Trial ignored;
    drain(ignored);
  }

  Trial run(double packets_per_second) {
    Trial trial;
    const uint64_t begin_ns = monotonicNow();
    const auto total = static_cast<uint64_t>(packets_per_second * static_cast<double>(kTrialNs) / 1e9);
    for (uint64_t now_ns = begin_ns; trial.sent < total; now_ns = monotonicNow()) {
      const auto due = static_cast<uint64_t>(static_cast<double>(now_ns - begin_ns) * packets_per_second / 1e9);
      for (uint32_t burst = 0; trial.sent < std::min(due, total) && burst < 8; ++burst, ++trial.sent) sendMedia();
      receive(trial);
    }
    trial.seconds = static_cast<double>(monotonicNow() - begin_ns) / 1e9;
    drain(trial);
    return trial;
  }

 private:
  /// Until the relay has sent nothing for a while: what is queued belongs to this trial.
  void drain(Trial& trial) {
    for (uint64_t last_ns = monotonicNow(); monotonicNow() - last_ns < kDrainNs;) {
      if (receive(trial) > 0) last_ns = monotonicNow();
    }
  }

  void send(const Bytes& frame) {
    Packet packet;
    if (io_.allocate(std::span(&packet, 1)) == 0) return;
    std::memcpy(packet.data, frame.data(), frame.size());
    packet.length_bytes = static_cast<uint16_t>(frame.size());
    while (io_.send(std::span(&packet, 1)) == 0) {
      Trial ignored;  // the port is not up yet
      receive(ignored);
      if (io_.allocate(std::span(&packet, 1)) == 0) return;
      std::memcpy(packet.data, frame.data(), frame.size());
      packet.length_bytes = static_cast<uint16_t>(frame.size());
    }
  }

  void sendMedia() {
    const uint64_t index = ++published_;
    const Bytes rtp = test::rtpPacket({.sequence = static_cast<uint16_t>(index),
                                       .timestamp = static_cast<uint32_t>(index * 90),
                                       .ssrc = kPublisherSsrc,
                                       .extensions = {{test::kMidId, test::bytesOf("0")}},
                                       .payload = payload_});
    test::Client& publisher = *world_.clients[0];
    test::FrameSpec spec = world_.frameOf(publisher);
    spec.udp_checksum = false;  // IPv4 allows it; the byte-by-byte sum of the test builder would be the bottleneck
    send(test::udpFrame(spec, world_.protect(publisher, rtp, static_cast<uint32_t>(index >> 16))));
  }

  size_t receive(Trial& trial) {
    std::array<Packet, kBurstMax> burst;
    const size_t count = io_.receive(0, burst);
    for (size_t i = 0; i < count; ++i) look(burst[i], trial);
    if (count > 0) io_.release(std::span(burst).first(count));
    return count;
  }

  /// Reads SSRC and sequence number where they stand; every stream is watched.
  void look(const Packet& packet, Trial& trial) {
    const std::span<const uint8_t> frame(packet.data, packet.length_bytes);
    constexpr size_t kRtp = kEthernetSize + kIpv4Size + kUdpSize;
    if (load16(frame.data() + 12) == kEtherTypeArp) return answerArp(frame);
    if (frame.size() < kRtp + 12 || (frame[kRtp] & 0xc0) != 0x80 || frame[kRtp + 1] >= 192) return;
    const uint32_t subscriber = (load32(frame.data() + kRtp + 8) - ssrcOf(0)) / 2;
    if (subscriber == 0 || subscriber > plan_.subscribers) return;
    const uint16_t sequence = load16(frame.data() + kRtp + 2);
    std::optional<uint16_t>& expected = expected_[subscriber];
    if (expected && *expected != sequence) ++trial.out_of_order;
    expected = static_cast<uint16_t>(sequence + 1);
    ++trial.received;
    if (++looked_at_ % kSampleEvery != 0) return;
    const auto opened = world_.openRtp(*world_.clients[subscriber], Bytes(frame.begin(), frame.end()));
    const auto view = opened ? parseRtp(*opened) : std::unexpected(Counter::rtp_malformed);
    if (view && view->payload().size() == payload_.size()) {
      ++trial.decrypted;
    } else {
      ++trial.not_decrypted;
    }
  }

  void answerArp(std::span<const uint8_t> frame) {
    const auto view = parseFrame(frame);
    const auto message = view ? parseArp(*view) : std::unexpected(Counter::arp_malformed);
    if (!message || !message->request) return;
    Bytes reply(kArpFrameMax);
    reply.resize(writeArpReply(*message, {message->target, test::kClientMac}, kNoVlan, reply));
    send(reply);
  }

  const LoadPlan& plan_;
  PortIo& io_;
  test::World world_;
  Bytes payload_;
  std::vector<std::optional<uint16_t>> expected_;
  uint64_t published_ = 0;
  uint64_t looked_at_ = 0;
};

void print(const LoadPlan& plan, const char* what, double rate, const Trial& trial) {
  std::printf("%-10s %9.0f in/s %10.0f out/s: sent %lu, received %lu of %lu, gaps %lu, decrypted %lu, failed %lu\n",
              what, rate, rate * plan.subscribers, trial.sent, trial.received, trial.sent * plan.subscribers,
              trial.out_of_order, trial.decrypted, trial.not_decrypted);
  std::fflush(stdout);
}

/// Bisection to 2 %, then the result has to hold `kConfirmations` times.
double search(Generator& generator, const LoadPlan& plan) {
  double low = 0, high = 4'000'000.0 / plan.subscribers;
  while (high - low > 0.02 * high) {
    const double rate = (low + high) / 2;
    generator.keepConsent();
    const Trial trial = generator.run(rate);
    print(plan, "trial", rate, trial);
    const bool kept_up = trial.seconds < 1.05 * kTrialNs / 1e9;
    (trial.lossless(plan.subscribers) && kept_up ? low : high) = rate;
  }
  for (int confirmed = 0; confirmed < kConfirmations && low > 1;) {
    generator.keepConsent();
    const Trial trial = generator.run(low);
    print(plan, "confirm", low, trial);
    if (trial.lossless(plan.subscribers)) {
      ++confirmed;
    } else {
      confirmed = 0;
      low *= 0.97;
    }
  }
  return low;
}

}  // namespace

int runGenerator(const LoadPlan& plan) try {
  sleep(2);  // the relay listens on the socket by then; memif connects by itself as soon as it does
  const DataplaneConfig config = portConfig(plan, false);
  const Eal eal(config);
  MbufPool pool(config.packet_buffers);
  std::vector<std::unique_ptr<Port>> ports;
  ports.push_back(std::make_unique<Port>(eal, PortRequest{.device = config.device[0]}, pool));
  PortIo io(ports, pool, 0);
  Generator generator(plan, io);
  generator.keepConsent();
  const double rate = search(generator, plan);
  std::printf("1 x %u, %zu bytes, %s: %.0f packets/s out of one worker without loss\n", plan.subscribers,
              plan.payload_bytes,
              plan.profile == contract::SrtpProfile::kAeadAes128Gcm ? "AEAD_AES_128_GCM" : "AES_CM_128_HMAC_SHA1_80",
              rate * plan.subscribers);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "generator: %s\n", error.what());
  return 70;
}

}  // namespace penstock::bench
