// A backend against the RFCs: bit for bit what the reference makes, every index, every refusal. Parametrised, so that
// every backend stands the same test.
#include "dataplane/srtp/crypto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "dataplane/srtp/make_backend.h"
#include "tests/srtp/reference.h"

namespace penstock::srtp {
namespace {

constexpr uint32_t kSsrc = 0xcafe'babe;
constexpr size_t kCapacity = 2048;

TEST(Reference, rfc_7714_section_16) {
  SessionKeys keys;
  fill(keys.key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  fill(keys.salt, "517569642070726f2071756f");
  const Bytes plain = fromHex(
      "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e697320646976"
      "69736120696e207061727465732074726573");
  // 16.1.1 and 16.2.1
  EXPECT_EQ(referenceProtect(SrtpProfile::kAeadAes128Gcm, keys, plain, 12, 0xf17b),
            fromHex("8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b"
                    "36de3adf8833899d7f27beb16a9152cf765ee4390cce"));
  EXPECT_EQ(referenceProtect(SrtpProfile::kAeadAes256Gcm, keys, plain, 12, 0xf17b),
            fromHex("8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f"
                    "1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13"));
}

class BackendTest : public testing::TestWithParam<std::tuple<BackendChoice, SrtpProfile>> {
 protected:
  BackendTest() {
    RecordProperty("seed", std::to_string(seed));
    if (backend == nullptr) return;
    keys = backend->expand(profile, master);
    session = *deriveSessionKeys(profile, master, KeyUse::kRtp);
  }
  void SetUp() override {
    if (backend == nullptr) GTEST_SKIP() << "not in this build, or not on this CPU";
  }

  Bytes reference(const PlainPacket& packet, uint64_t index) const {
    return referenceProtect(profile, session, packet.bytes, packet.header_length, index);
  }
  ProtectJob protectJob(SendStream& stream, const PlainPacket& packet, uint64_t index, Bytes& destination) {
    destination.assign(kCapacity, 0xee);
    std::copy_n(packet.bytes.begin(), packet.header_length, destination.begin());
    const auto header = static_cast<uint16_t>(packet.header_length);
    return {.stream = &stream,
            .destination = destination,
            .payload = std::span(packet.bytes).subspan(packet.header_length),
            .index = index,
            .header_length = header,
            .written_length = header};
  }
  /// Protects one packet; empty if refused, with the reason in `status`.
  Bytes protect(SendStream& stream, const PlainPacket& packet, uint64_t index) {
    Bytes destination;
    ProtectJob job = protectJob(stream, packet, index, destination);
    backend->protect({&job, 1});
    status = job.status;
    if (status != CryptoStatus::kOk) return {};
    destination.resize(job.length);
    return destination;
  }
  Bytes unprotect(ReceiveStream& stream, Bytes packet) {
    UnprotectJob job{.stream = &stream, .packet = packet};
    backend->unprotect({&job, 1});
    status = job.status;
    opened_index = job.index;
    if (status != CryptoStatus::kOk) return {};
    packet.resize(job.length);
    return packet;
  }
  PlainPacket packetAt(uint64_t at) { return randomPacket(random, kSsrc, static_cast<uint16_t>(at)); }

  const uint64_t seed = std::random_device{}();
  std::mt19937_64 random{seed};
  const SrtpProfile profile = std::get<1>(GetParam());
  std::unique_ptr<Backend> backend = makeBackend(std::get<0>(GetParam()));
  contract::SrtpKey master = randomKey(random);
  std::shared_ptr<const Keys> keys;
  SessionKeys session;
  CryptoStatus status{};
  uint64_t opened_index = 0;
};

TEST_P(BackendTest, protects_as_the_reference_does_across_roll_overs_and_back) {
  auto sender = backend->openSend(keys, kSsrc, 0);
  auto receiver = backend->openReceive(keys, kSsrc, 0, kReplayWindowVideo);
  ASSERT_TRUE(sender && receiver);
  for (uint64_t at = random() % 0x8000; at < 0x4'0000; at += 1 + random() % 0x1000) {
    const PlainPacket packet = packetAt(at);
    const Bytes sent = protect(*sender, packet, at);
    ASSERT_EQ(status, CryptoStatus::kOk) << "seed " << seed << " index " << at;
    ASSERT_EQ(sent, reference(packet, at)) << "seed " << seed << " index " << at;
    ASSERT_EQ(unprotect(*receiver, sent), packet.bytes) << "seed " << seed << " index " << at;
    ASSERT_EQ(opened_index, at);
    EXPECT_EQ(sender->nextIndex(), at + 1);
    EXPECT_EQ(receiver->highestIndex(), at);
  }
}

TEST_P(BackendTest, receives_any_order_within_the_window_once) {
  auto receiver = backend->openReceive(keys, kSsrc, 0, kReplayWindowAudio);
  std::vector<uint64_t> order;
  for (uint64_t at = 0xff00; at < 0x1'0200; ++at) order.push_back(at);
  for (size_t i = 0; i < order.size(); i += 100)
    std::shuffle(order.begin() + static_cast<ptrdiff_t>(i),
                 order.begin() + static_cast<ptrdiff_t>(std::min(i + 100, order.size())), random);
  for (const uint64_t at : order) {
    const PlainPacket packet = packetAt(at);
    const Bytes sent = reference(packet, at);
    ASSERT_EQ(unprotect(*receiver, sent), packet.bytes) << "seed " << seed << " index " << at;
    ASSERT_EQ(opened_index, at);
    unprotect(*receiver, sent);
    ASSERT_EQ(status, CryptoStatus::kReplayed) << "seed " << seed << " index " << at;
  }
}

TEST_P(BackendTest, the_first_packet_may_be_of_roll_over_counter_one_and_of_none_beyond) {
  for (const bool bound : {true, false}) {
    for (const uint64_t roc : {0u, 1u, 2u}) {
      auto receiver = backend->openReceive(keys, bound ? kSsrc : 0, 0, kReplayWindowVideo);
      for (uint64_t low = 3; low < 40; ++low) {
        const uint64_t at = roc << 16 | low;
        const PlainPacket packet = packetAt(at);
        const Bytes opened = unprotect(*receiver, reference(packet, at));
        ASSERT_EQ(status, roc < 2 ? CryptoStatus::kOk : CryptoStatus::kAuthenticationFailed) << roc << " " << low;
        if (roc == 2) continue;
        ASSERT_EQ(opened, packet.bytes) << "seed " << seed;
        ASSERT_EQ(opened_index, at);
      }
      EXPECT_EQ(receiver->started(), roc < 2);
      if (roc == 2) continue;
      const uint64_t next = (roc + 1) << 16 | 50;  // it is known now
      unprotect(*receiver, reference(packetAt(next), next));
      EXPECT_EQ(status, CryptoStatus::kAuthenticationFailed);
    }
  }
}

TEST_P(BackendTest, a_burst_of_which_the_first_is_of_roll_over_counter_one_is_opened) {
  auto receiver = backend->openReceive(keys, 0, 0, kReplayWindowVideo);
  std::vector<Bytes> packets;
  for (uint64_t at = 0x1'0003; at < 0x1'0003 + 64; ++at) packets.push_back(reference(packetAt(at), at));
  std::vector<UnprotectJob> jobs;
  for (Bytes& packet : packets) jobs.push_back({.stream = receiver.get(), .packet = packet});
  backend->unprotect(jobs);
  for (const UnprotectJob& job : jobs) EXPECT_EQ(job.status, CryptoStatus::kOk);
  EXPECT_EQ(receiver->highestIndex(), 0x1'0003u + 63);
}

TEST_P(BackendTest, each_refusal_has_its_name_and_changes_nothing) {
  auto receiver = backend->openReceive(keys, kSsrc, 0, kReplayWindowAudio);
  const PlainPacket first = packetAt(1000);
  ASSERT_EQ(unprotect(*receiver, reference(first, 1000)), first.bytes);

  // A forged packet far ahead, as far behind, and one bit of anything.
  for (const uint64_t at : {uint64_t{1001}, uint64_t{30'000}, uint64_t{990}}) {
    const PlainPacket packet = packetAt(at);
    const Bytes sent = reference(packet, at);
    for (const size_t position : {size_t{1}, size_t{5}, packet.header_length, sent.size() - 1}) {
      Bytes forged = sent;
      forged[position] ^= 0x40;
      unprotect(*receiver, forged);
      EXPECT_EQ(status, CryptoStatus::kAuthenticationFailed) << "index " << at << " byte " << position;
    }
    EXPECT_EQ(receiver->highestIndex(), 1000u);
  }
  unprotect(*receiver, reference(packetAt(1000), 1000));
  EXPECT_EQ(status, CryptoStatus::kReplayed);
  unprotect(*receiver, reference(packetAt(1000 - 128), 1000 - 128));
  EXPECT_EQ(status, CryptoStatus::kOld);
  const PlainPacket edge = packetAt(1000 - 127);
  EXPECT_EQ(unprotect(*receiver, reference(edge, 1000 - 127)), edge.bytes);

  // Of another roll-over counter: the tag says so.
  unprotect(*receiver, reference(packetAt(2000), 0x1'0000 + 2000));
  EXPECT_EQ(status, CryptoStatus::kAuthenticationFailed);
  const PlainPacket other = randomPacket(random, kSsrc + 1, 1002);
  unprotect(*receiver, reference(other, 1002));
  EXPECT_EQ(status, CryptoStatus::kMalformed);
  for (const size_t length : {size_t{0}, size_t{1}, size_t{11}, size_t{12}, 11 + tagLength(profile)}) {
    Bytes cut = reference(packetAt(1003), 1003);
    cut.resize(length);
    unprotect(*receiver, cut);
    EXPECT_EQ(status, CryptoStatus::kMalformed) << length;
  }
  const PlainPacket next = packetAt(1001);
  EXPECT_EQ(unprotect(*receiver, reference(next, 1001)), next.bytes);
}

TEST_P(BackendTest, goes_on_after_a_restart_where_the_other_process_stopped) {
  for (const uint64_t stopped :
       {uint64_t{77}, uint64_t{0xfff0}, uint64_t{0x1'0000}, uint64_t{0x7'ffff}, uint64_t{0xffff'1234'5678}}) {
    auto sender = backend->openSend(keys, kSsrc, stopped + 1);
    auto receiver = backend->openReceive(keys, kSsrc, stopped, kReplayWindowVideo);
    ASSERT_TRUE(sender && receiver);
    unprotect(*receiver, reference(packetAt(stopped), stopped));
    EXPECT_EQ(status, CryptoStatus::kReplayed) << stopped;
    protect(*sender, packetAt(stopped), stopped);
    EXPECT_EQ(status, CryptoStatus::kIndexUsed) << stopped;
    // A forgery first: it must not settle the roll-over counter.
    Bytes forged = reference(packetAt(stopped + 0x7000), stopped + 0x7000);
    forged.back() ^= 1;
    unprotect(*receiver, forged);
    EXPECT_EQ(status, CryptoStatus::kAuthenticationFailed);
    for (const uint64_t at :
         {stopped + 1020, stopped + 1030, stopped + 7, stopped + 1, stopped + 0x5000, stopped + 0xc000}) {
      const PlainPacket packet = packetAt(at);
      const Bytes expected = reference(packet, at);
      if (at == stopped + 1) {
        unprotect(*receiver, expected);
        EXPECT_EQ(status, CryptoStatus::kOld);
      } else {
        EXPECT_EQ(unprotect(*receiver, expected), packet.bytes) << stopped << " + " << at - stopped;
      }
      const Bytes sent = protect(*sender, packet, at);
      if (at == stopped + 1) {
        EXPECT_EQ(status, CryptoStatus::kIndexUsed) << "beyond the sender's window";
      } else {
        EXPECT_EQ(sent, expected) << stopped << " + " << at - stopped;
      }
    }
  }
}

TEST_P(BackendTest, never_uses_an_index_twice) {
  auto sender = backend->openSend(keys, kSsrc, 0);
  struct Case {
    int number;
    uint64_t index;
    CryptoStatus expected;
  };
  const Case cases[] = {
      {1, 0x1'0000, CryptoStatus::kIndexTooFar},  // a stream begins at roll-over counter 0
      {2, 5000, CryptoStatus::kOk},
      {3, 5000, CryptoStatus::kIndexUsed},
      {4, 4990, CryptoStatus::kOk},  // late, but new
      {5, 4990, CryptoStatus::kIndexUsed},
      {6, 5000 - 1024, CryptoStatus::kIndexUsed},  // too late to be known as unused
      {7, 5000 - 1023, CryptoStatus::kOk},
      {8, 5000 + 0x8000, CryptoStatus::kIndexTooFar},
      {9, 5000 + 0x7fff, CryptoStatus::kOk},
      {10, 5000 + 0x7fff + 0x7fff, CryptoStatus::kOk},
      {11, 5000 + 0x7fff + 0x7fff, CryptoStatus::kIndexUsed},
      {12, 5001, CryptoStatus::kIndexUsed},
  };
  for (const Case& c : cases) {
    protect(*sender, packetAt(c.index), c.index);
    EXPECT_EQ(status, c.expected) << "case " << c.number;
  }
  protect(*sender, packetAt(40'001), 0x1'0000 + 40'002);
  EXPECT_EQ(status, CryptoStatus::kIndexMismatch);
}

TEST_P(BackendTest, refuses_to_write_beyond_the_destination) {
  auto sender = backend->openSend(keys, kSsrc, 0);
  uint64_t at = 100;
  for (int i = 0; i < 200; ++i, ++at) {
    const PlainPacket packet = packetAt(at);
    Bytes destination;
    ProtectJob job = protectJob(*sender, packet, at, destination);
    const size_t needed = packet.bytes.size() + tagLength(profile);
    const size_t space = random() % 3 == 0 ? needed : random() % (needed + 1);
    job.destination = std::span(destination).first(space);
    backend->protect({&job, 1});
    if (space >= needed) {
      ASSERT_EQ(job.status, CryptoStatus::kOk);
    } else {
      ASSERT_TRUE(job.status == CryptoStatus::kNoSpace || job.status == CryptoStatus::kMalformed);
    }
    ASSERT_TRUE(std::all_of(destination.begin() + static_cast<ptrdiff_t>(std::max(space, packet.header_length)),
                            destination.end(), [](uint8_t byte) { return byte == 0xee; }));
  }
}

TEST_P(BackendTest, payload_may_begin_behind_the_header) {
  // RTX: two bytes of original sequence number are written already, the rest is shared.
  auto sender = backend->openSend(keys, kSsrc, 0);
  const PlainPacket packet = packetAt(9);
  if (packet.bytes.size() < packet.header_length + 2) return;
  Bytes destination;
  ProtectJob job = protectJob(*sender, packet, 9, destination);
  std::copy_n(packet.bytes.begin(), packet.header_length + 2, destination.begin());
  job.written_length = static_cast<uint16_t>(packet.header_length + 2);
  job.payload = job.payload.subspan(2);
  backend->protect({&job, 1});
  ASSERT_EQ(job.status, CryptoStatus::kOk);
  destination.resize(job.length);
  EXPECT_EQ(destination, reference(packet, 9));
}

TEST_P(BackendTest, stream_without_ssrc_is_bound_by_the_first_authentic_packet) {
  auto receiver = backend->openReceive(keys, 0, 0, kReplayWindowVideo);
  EXPECT_EQ(receiver->ssrc(), 0u);
  Bytes forged = reference(packetAt(500), 500);
  forged.back() ^= 1;
  unprotect(*receiver, forged);
  EXPECT_EQ(status, CryptoStatus::kAuthenticationFailed);
  EXPECT_EQ(receiver->ssrc(), 0u);
  EXPECT_FALSE(receiver->started());
  for (uint64_t at = 500; at < 0x2'1000; at += 0x1003) {
    const PlainPacket packet = packetAt(at);
    ASSERT_EQ(unprotect(*receiver, reference(packet, at)), packet.bytes) << at;
    EXPECT_EQ(receiver->ssrc(), kSsrc);
  }
  unprotect(*receiver, reference(randomPacket(random, kSsrc + 1, 501), 501));
  EXPECT_EQ(status, CryptoStatus::kMalformed);
}

TEST_P(BackendTest, burst_of_many_streams_is_as_if_made_one_by_one) {
  constexpr size_t kStreams = 5, kBurst = 64;
  std::vector<std::unique_ptr<SendStream>> senders;
  std::vector<std::unique_ptr<ReceiveStream>> receivers;
  std::vector<uint64_t> next(kStreams);
  for (uint32_t i = 0; i < kStreams; ++i) {
    senders.push_back(backend->openSend(keys, kSsrc + i, 0));
    receivers.push_back(backend->openReceive(keys, kSsrc + i, 0, kReplayWindowVideo));
    next[i] = random() % 0x8000;
  }
  for (int round = 0; round < 20; ++round) {
    std::vector<PlainPacket> packets;
    std::vector<Bytes> destinations(kBurst);
    std::vector<ProtectJob> jobs;
    for (size_t i = 0; i < kBurst; ++i) {
      const uint32_t which = static_cast<uint32_t>(random() % kStreams);
      packets.push_back(randomPacket(random, kSsrc + which, static_cast<uint16_t>(next[which])));
      packets.back().bytes.shrink_to_fit();
      jobs.push_back({.stream = senders[which].get(), .index = next[which]++});
    }
    for (size_t i = 0; i < kBurst; ++i) {
      SendStream* stream = jobs[i].stream;
      jobs[i] = protectJob(*stream, packets[i], jobs[i].index, destinations[i]);
    }
    backend->protect(jobs);
    std::vector<UnprotectJob> back;
    for (size_t i = 0; i < kBurst; ++i) {
      ASSERT_EQ(jobs[i].status, CryptoStatus::kOk) << "seed " << seed;
      destinations[i].resize(jobs[i].length);
      ASSERT_EQ(destinations[i], reference(packets[i], jobs[i].index)) << "seed " << seed;
      back.push_back({.stream = receivers[jobs[i].stream->ssrc() - kSsrc].get(), .packet = destinations[i]});
    }
    back.push_back({.stream = back[3].stream, .packet = destinations[3]});  // the same packet twice in one burst
    Bytes copy = destinations[3];
    back.back().packet = copy;
    backend->unprotect(back);
    for (size_t i = 0; i < kBurst; ++i) {
      ASSERT_EQ(back[i].status, CryptoStatus::kOk) << "seed " << seed;
      destinations[i].resize(back[i].length);
      ASSERT_EQ(destinations[i], packets[i].bytes) << "seed " << seed;
    }
    EXPECT_EQ(back.back().status, CryptoStatus::kReplayed);
  }
}

TEST_P(BackendTest, refuses_to_open_what_it_cannot_serve) {
  EXPECT_EQ(backend->expand(SrtpProfile::kNone, master), nullptr);
  EXPECT_EQ(backend->openSend(nullptr, kSsrc, 0), nullptr);
  EXPECT_EQ(backend->openSend(keys, 0, 0), nullptr);
  EXPECT_EQ(backend->openSend(keys, kSsrc, kPacketIndexMax + 1), nullptr);
  EXPECT_EQ(backend->openReceive(nullptr, kSsrc, 0, 64), nullptr);
  EXPECT_EQ(backend->openReceive(keys, kSsrc, kPacketIndexMax + 1, 64), nullptr);
}

INSTANTIATE_TEST_SUITE_P(All, BackendTest,
                         testing::Combine(testing::Values(BackendChoice::kLibsrtp, BackendChoice::kIpsecMb),
                                          testing::ValuesIn(kProfiles)),
                         [](const auto& parameter) {
                           const bool fast = std::get<0>(parameter.param) == BackendChoice::kIpsecMb;
                           return std::string(fast ? "ipsec_mb_" : "libsrtp_") + nameOf(std::get<1>(parameter.param));
                         });

}  // namespace
}  // namespace penstock::srtp
