// RTP in the clear through every backend: the bytes as they are, the order kept, and no disturbance of streams beside
// it.
#include "dataplane/srtp/clear.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/srtp/make_backend.h"
#include "tests/srtp/reference.h"

namespace penstock::srtp {
namespace {

constexpr uint32_t kSsrc = 0xcafe'babe;
constexpr size_t kCapacity = 2048;

struct ClearTest : testing::TestWithParam<BackendChoice> {
  void SetUp() override {
    if (backend == nullptr) GTEST_SKIP() << "not in this build, or not on this CPU";
    keys = backend->expand(SrtpProfile::kUnprotected, {});
    ASSERT_TRUE(keys);
  }
  ProtectJob job(SendStream& stream, const PlainPacket& packet, uint64_t index, Bytes& destination) {
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
  CryptoStatus protect(SendStream& stream, const PlainPacket& packet, uint64_t index, Bytes& out) {
    ProtectJob one = job(stream, packet, index, out);
    backend->protect({&one, 1});
    if (one.status == CryptoStatus::kOk) out.resize(one.length);
    return one.status;
  }
  CryptoStatus unprotect(ReceiveStream& stream, Bytes packet) {
    UnprotectJob one{.stream = &stream, .packet = packet};
    backend->unprotect({&one, 1});
    if (one.status == CryptoStatus::kOk) {
      EXPECT_EQ(one.length, packet.size());
    }
    opened_index = one.index;
    return one.status;
  }

  const uint64_t seed = std::random_device{}();
  std::mt19937_64 random{seed};
  std::unique_ptr<Backend> backend = makeBackend(GetParam());
  std::shared_ptr<const Keys> keys;
  uint64_t opened_index = 0;
};

TEST_P(ClearTest, bytes_go_out_and_come_in_as_they_are_across_roll_overs) {
  auto sender = backend->openSend(keys, kSsrc, 0);
  auto receiver = backend->openReceive(keys, kSsrc, 0, kReplayWindowVideo);
  ASSERT_TRUE(sender && receiver && sender->inTheClear() && receiver->inTheClear());
  for (uint64_t at = 0x7000; at < 0x4'0000; at += 1 + random() % 0xb00) {  // less than a jump
    const PlainPacket packet = randomPacket(random, kSsrc, static_cast<uint16_t>(at));
    Bytes sent;
    ASSERT_EQ(protect(*sender, packet, at, sent), CryptoStatus::kOk) << "seed " << seed;
    ASSERT_EQ(sent, packet.bytes);
    ASSERT_EQ(unprotect(*receiver, sent), CryptoStatus::kOk);
    ASSERT_EQ(opened_index, at);
    ASSERT_EQ(unprotect(*receiver, sent), CryptoStatus::kReplayed);
    ASSERT_EQ(protect(*sender, packet, at, sent), CryptoStatus::kIndexUsed);
  }
  const PlainPacket other = randomPacket(random, kSsrc + 1, 1);
  EXPECT_EQ(unprotect(*receiver, other.bytes), CryptoStatus::kMalformed) << "another SSRC";
  for (const size_t length : {size_t{0}, size_t{1}, size_t{11}}) {
    EXPECT_EQ(unprotect(*receiver, Bytes(length, 0x80)), CryptoStatus::kMalformed) << length;
  }
}

TEST_P(ClearTest, a_sender_that_began_again_goes_on_ahead_after_two_packets_in_order) {
  auto receiver = backend->openReceive(keys, kSsrc, 0, kReplayWindowVideo);
  const auto receive = [&](uint16_t sequence) {
    return unprotect(*receiver, randomPacket(random, kSsrc, sequence).bytes);
  };
  ASSERT_EQ(receive(30'000), CryptoStatus::kOk);
  for (const int moved : {-110, -300, -5000, 3000, 20'000, 32'768, -1, 2999}) {
    const uint64_t highest = receiver->highestIndex();
    const auto far = static_cast<uint16_t>(highest + static_cast<uint64_t>(moved));
    const bool jump = moved < -100 || moved >= 3000;
    if (moved == -1) continue;
    EXPECT_EQ(receive(far), jump ? CryptoStatus::kOld : CryptoStatus::kOk) << moved;
    if (!jump) continue;
    EXPECT_EQ(receive(static_cast<uint16_t>(far + 7)), CryptoStatus::kOld) << "not in order";
    EXPECT_EQ(receiver->highestIndex(), highest);
    EXPECT_EQ(receive(static_cast<uint16_t>(far + 8)), CryptoStatus::kOk) << moved;
    EXPECT_GE(receiver->highestIndex(), highest + 3000) << "seen as a jump";
    EXPECT_EQ(receive(static_cast<uint16_t>(far + 8)), CryptoStatus::kReplayed);
  }
}

TEST_P(ClearTest, writes_nothing_beyond_the_destination) {
  auto sender = backend->openSend(keys, kSsrc, 0);
  const PlainPacket packet = randomPacket(random, kSsrc, 100);
  Bytes destination;
  ProtectJob small = job(*sender, packet, 100, destination);
  if (packet.bytes.size() == packet.header_length) return;
  small.destination = std::span(destination).first(packet.bytes.size() - 1);
  backend->protect({&small, 1});
  EXPECT_EQ(small.status, CryptoStatus::kNoSpace);
  EXPECT_TRUE(std::all_of(destination.begin() + static_cast<ptrdiff_t>(packet.header_length), destination.end(),
                          [](uint8_t byte) { return byte == 0xee; }));
}

TEST_P(ClearTest, a_burst_may_be_of_both_kinds) {
  for (const SrtpProfile profile : {SrtpProfile::kAes128CmHmacSha1_80, SrtpProfile::kAeadAes128Gcm}) {
    const contract::SrtpKey master = randomKey(random);
    const SessionKeys session = *deriveSessionKeys(profile, master, KeyUse::kRtp);
    const auto secret = backend->expand(profile, master);
    constexpr size_t kBurst = 37;
    std::vector<std::unique_ptr<SendStream>> senders;
    std::vector<std::unique_ptr<ReceiveStream>> receivers;
    std::vector<PlainPacket> packets;
    std::vector<Bytes> destinations(kBurst);
    std::vector<ProtectJob> jobs;
    std::vector<bool> clear;
    for (uint32_t i = 0; i < kBurst; ++i) {
      clear.push_back(random() % 2 == 0);
      const auto& of = clear[i] ? keys : secret;
      senders.push_back(backend->openSend(of, kSsrc + i, 0));
      receivers.push_back(backend->openReceive(of, kSsrc + i, 0, kReplayWindowVideo));
      packets.push_back(randomPacket(random, kSsrc + i, 500));
    }
    for (size_t i = 0; i < kBurst; ++i) jobs.push_back(job(*senders[i], packets[i], 500, destinations[i]));
    backend->protect(jobs);
    std::vector<UnprotectJob> back;
    for (size_t i = 0; i < kBurst; ++i) {
      ASSERT_EQ(jobs[i].status, CryptoStatus::kOk) << "seed " << seed;
      destinations[i].resize(jobs[i].length);
      ASSERT_EQ(destinations[i],
                clear[i] ? packets[i].bytes
                         : referenceProtect(profile, session, packets[i].bytes, packets[i].header_length, 500))
          << "seed " << seed;
      back.push_back({.stream = receivers[i].get(), .packet = destinations[i]});
    }
    backend->unprotect(back);
    for (size_t i = 0; i < kBurst; ++i) {
      ASSERT_EQ(back[i].status, CryptoStatus::kOk) << "seed " << seed;
      destinations[i].resize(back[i].length);
      ASSERT_EQ(destinations[i], packets[i].bytes) << "seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ClearTest, testing::Values(BackendChoice::kLibsrtp, BackendChoice::kIpsecMb),
                         [](const auto& parameter) {
                           return std::string(parameter.param == BackendChoice::kIpsecMb ? "ipsec_mb" : "libsrtp");
                         });

}  // namespace
}  // namespace penstock::srtp
