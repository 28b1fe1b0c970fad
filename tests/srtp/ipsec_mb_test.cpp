// What is ipsec-mb's own: session keys straight from the RFCs' vectors, and what becomes of keys in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "dataplane/srtp/ipsec_mb_backend.h"
#include "dataplane/srtp/ipsec_mb_cm.h"
#include "dataplane/srtp/ipsec_mb_gcm.h"
#include "dataplane/srtp/ipsec_mb_manager.h"
#include "dataplane/srtp/key_memory.h"
#include "tests/srtp/reference.h"

namespace penstock::srtp {
namespace {

class IpsecMbTest : public testing::Test {
 protected:
  void SetUp() override {
    if (backend == nullptr) GTEST_SKIP() << "this CPU has no AES instructions";
  }

  std::shared_ptr<const Keys> expanded(SrtpProfile profile, const SessionKeys& session) {
    if (profileLengths(profile)->auth_key == 0) return std::make_shared<const GcmKeys>(*manager, profile, session);
    return std::make_shared<const CmKeys>(*manager, profile, session);
  }
  /// `packet` protected as it is, with the header as long as it says.
  Bytes protect(SrtpProfile profile, const SessionKeys& session, const Bytes& packet, size_t header, uint64_t index) {
    const auto ssrc = static_cast<uint32_t>(packet[8] << 24 | packet[9] << 16 | packet[10] << 8 | packet[11]);
    const auto stream = backend->openSend(expanded(profile, session), ssrc, index);
    Bytes destination(packet.size() + kTagMax);
    std::copy_n(packet.begin(), header, destination.begin());
    ProtectJob job{.stream = stream.get(),
                   .destination = destination,
                   .payload = std::span(packet).subspan(header),
                   .index = index,
                   .header_length = static_cast<uint16_t>(header),
                   .written_length = static_cast<uint16_t>(header)};
    backend->protect({&job, 1});
    if (job.status != CryptoStatus::kOk) return {};
    destination.resize(job.length);
    return destination;
  }
  Bytes unprotect(SrtpProfile profile, const SessionKeys& session, Bytes packet) {
    const auto stream = backend->openReceive(expanded(profile, session), 0, 0, kReplayWindowVideo);
    UnprotectJob job{.stream = stream.get(), .packet = packet};
    backend->unprotect({&job, 1});
    if (job.status != CryptoStatus::kOk) return {};
    packet.resize(job.length);
    return packet;
  }

  std::unique_ptr<Backend> backend = makeIpsecMbBackend();
  MbManager manager = makeMbManager();
};

TEST_F(IpsecMbTest, rfc_7714_section_16) {
  SessionKeys keys;
  fill(keys.key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  fill(keys.salt, "517569642070726f2071756f");
  const Bytes plain = fromHex(
      "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e697320646976"
      "69736120696e207061727465732074726573");
  const struct {
    SrtpProfile profile;
    Bytes expected;
  } cases[] = {
      // 16.1.1 and 16.1.2
      {SrtpProfile::kAeadAes128Gcm, fromHex("8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42"
                                            "a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce")},
      // 16.2.1 and 16.2.2
      {SrtpProfile::kAeadAes256Gcm, fromHex("8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b5"
                                            "0b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13")},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(protect(c.profile, keys, plain, 12, 0xf17b), c.expected) << nameOf(c.profile);
    EXPECT_EQ(unprotect(c.profile, keys, c.expected), plain) << nameOf(c.profile);
  }
}

TEST_F(IpsecMbTest, rfc_3711_b_2) {
  // "Session Key: 2B7E...", "Session Salt: F0F1...", "SSRC: 00000000": an SSRC that no stream has, so it is 1 here, and
  // taken out of the salt again.
  SessionKeys keys;
  fill(keys.key, "2B7E151628AED2A6ABF7158809CF4F3C");
  fill(keys.salt, "F0F1F2F3F4F5F6F6F8F9FAFBFCFD");
  Bytes packet = fromHex("800000000000000000000001");
  packet.resize(12 + 0xff02 * 16);  // zeros: the key stream is what comes out
  for (const SrtpProfile profile : {SrtpProfile::kAes128CmHmacSha1_80, SrtpProfile::kAes128CmHmacSha1_32}) {
    const Bytes sent = protect(profile, keys, packet, 12, 0);
    ASSERT_EQ(sent.size(), packet.size() + tagLength(profile));
    const auto block = [&](size_t counter) {
      const auto at = sent.begin() + static_cast<ptrdiff_t>(12 + counter * 16);
      return Bytes(at, at + 16);
    };
    EXPECT_EQ(block(0x0000), fromHex("E03EAD0935C95E80E166B16DD92B4EB4"));
    EXPECT_EQ(block(0x0001), fromHex("D23513162B02D0F72A43A2FE4A5F97AB"));
    EXPECT_EQ(block(0x0002), fromHex("41E95B3BB0A2E8DD477901E4FCA894C0"));
    EXPECT_EQ(block(0xfeff), fromHex("EC8CDF7398607CB0F2D21675EA9EA1E4"));
    EXPECT_EQ(block(0xff00), fromHex("362B7C3C6773516318A077D7FC5073AE"));
    EXPECT_EQ(block(0xff01), fromHex("6A2CC3787889374FBEB4C81B17BA6C44"));
    EXPECT_EQ(unprotect(profile, keys, sent), packet);
  }
}

TEST_F(IpsecMbTest, master_key_of_rfc_3711_b_3_leads_to_its_session_keys) {
  contract::SrtpKey master{};
  const Bytes key = fromHex("E1F97A0D3E018BE0D64FA32C06DE4139"), salt = fromHex("0EC675AD498AFEEBB6960B3AABE6");
  std::copy(key.begin(), key.end(), master.key);
  std::copy(salt.begin(), salt.end(), master.salt);
  SessionKeys session;
  fill(session.key, "C61E7A93744F39EE10734AFE3FF7A087");
  fill(session.salt, "30CBBC08863D8C85D49DB34A9AE1");
  fill(session.auth_key, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
  std::mt19937_64 random(1);
  const PlainPacket plain = randomPacket(random, 0xcafe'babe, 77);
  for (const SrtpProfile profile : {SrtpProfile::kAes128CmHmacSha1_80, SrtpProfile::kAes128CmHmacSha1_32}) {
    Bytes sent = referenceProtect(profile, session, plain.bytes, plain.header_length, 77);
    EXPECT_EQ(protect(profile, session, plain.bytes, plain.header_length, 77), sent);
    const auto stream = backend->openReceive(backend->expand(profile, master), 0xcafe'babe, 0, kReplayWindowVideo);
    UnprotectJob job{.stream = stream.get(), .packet = sent};
    backend->unprotect({&job, 1});
    EXPECT_EQ(job.status, CryptoStatus::kOk) << nameOf(profile);
  }
}

TEST_F(IpsecMbTest, nothing_of_a_forged_packet_is_left_in_the_clear) {
  std::mt19937_64 random(2);
  for (const SrtpProfile profile : kProfiles) {
    const contract::SrtpKey master = randomKey(random);
    const SessionKeys session = *deriveSessionKeys(profile, master, KeyUse::kRtp);
    PlainPacket plain = randomPacket(random, 5, 9);
    plain.bytes.resize(plain.header_length + 400, 'x');
    Bytes packet = referenceProtect(profile, session, plain.bytes, plain.header_length, 9);
    packet.back() ^= 1;
    const auto stream = backend->openReceive(backend->expand(profile, master), 5, 0, kReplayWindowVideo);
    UnprotectJob job{.stream = stream.get(), .packet = packet};
    backend->unprotect({&job, 1});
    EXPECT_EQ(job.status, CryptoStatus::kAuthenticationFailed);
    const Bytes secret(8, 'x');
    const auto payload = packet.begin() + static_cast<ptrdiff_t>(plain.header_length);
    EXPECT_EQ(std::search(payload, packet.end(), secret.begin(), secret.end()), packet.end()) << nameOf(profile);
  }
}

TEST_F(IpsecMbTest, threads_work_side_by_side_with_keys_of_one_backend) {
  std::mt19937_64 random(3);
  const SrtpProfile profile = SrtpProfile::kAes128CmHmacSha1_80;
  const contract::SrtpKey master = randomKey(random);
  const SessionKeys session = *deriveSessionKeys(profile, master, KeyUse::kRtp);
  const auto keys = backend->expand(profile, master);
  const auto work = [&](uint32_t ssrc) {
    std::mt19937_64 own_random(ssrc);
    const auto stream = backend->openReceive(keys, ssrc, 0, kReplayWindowVideo);
    for (uint16_t base = 0; base < 3200; base = static_cast<uint16_t>(base + 32)) {
      std::vector<Bytes> packets;
      std::vector<UnprotectJob> jobs;
      for (uint16_t i = 0; i < 32; ++i) {
        const PlainPacket plain = randomPacket(own_random, ssrc, static_cast<uint16_t>(base + i));
        packets.push_back(referenceProtect(profile, session, plain.bytes, plain.header_length, base + i));
      }
      for (Bytes& packet : packets) jobs.push_back({.stream = stream.get(), .packet = packet});
      backend->unprotect(jobs);
      for (const UnprotectJob& job : jobs) ASSERT_EQ(job.status, CryptoStatus::kOk) << ssrc << ' ' << base;
    }
  };
  std::thread other([&] { work(1); });
  work(2);
  other.join();
}

TEST(KeyMemory, is_wiped_when_given_back_and_used_again) {
  KeyMemory memory(100);
  EXPECT_EQ(memory.slotSize(), 128u);
  auto* const slot = static_cast<uint8_t*>(memory.take());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(slot) % 64, 0u);
  std::fill_n(slot, 128, 0xaa);
  memory.giveBack(slot);
  EXPECT_TRUE(std::all_of(slot, slot + 128, [](uint8_t byte) { return byte == 0; }));
  EXPECT_EQ(memory.take(), slot);
}

TEST(KeyMemory, gives_each_slot_once_however_many_there_are) {
  KeyMemory memory(1200);
  std::vector<uint8_t*> slots;
  for (int i = 0; i < 1000; ++i) {
    slots.push_back(static_cast<uint8_t*>(memory.take()));
    std::fill_n(slots.back(), memory.slotSize(), 0xaa);
  }
  std::sort(slots.begin(), slots.end());
  for (size_t i = 1; i < slots.size(); ++i) {
    EXPECT_GE(slots[i], slots[i - 1] + memory.slotSize());
  }
  for (uint8_t* slot : slots) memory.giveBack(slot);
}

TEST(KeyMemory, outlives_the_backend_as_long_as_a_key_does) {
  auto backend = makeIpsecMbBackend();
  if (backend == nullptr) GTEST_SKIP() << "this CPU has no AES instructions";
  auto keys = backend->expand(SrtpProfile::kAeadAes128Gcm, contract::SrtpKey{});
  auto stream = backend->openSend(keys, 1, 0);
  keys.reset();
  backend.reset();
  stream.reset();
}

}  // namespace
}  // namespace penstock::srtp
