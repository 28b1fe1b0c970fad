// SRTCP against the vectors of RFC 7714 section 17, against libsrtp in both directions, and its refusals by name.
#include "dataplane/srtp/srtcp.h"

#include <gtest/gtest.h>
#include <srtp2/srtp.h>

#include "dataplane/srtp/libsrtp_backend.h"
#include "tests/srtp/reference.h"

namespace penstock::srtp {
namespace {

TEST(Srtcp, rfc_7714_section_17) {
  struct Case {
    int number;
    SrtpProfile profile;
    const char* sealed;
  };
  const Case cases[] = {
      {1, SrtpProfile::kAeadAes128Gcm,
       "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45"
       "8"
       "96cf4d2fc5abf87245d9eade800005d4"},
      {2, SrtpProfile::kAeadAes256Gcm,
       "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30"
       "c"
       "4446839f57ff6f6cb26ac3be800005d4"},
  };
  const Bytes plain = fromHex(
      "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef");
  SessionKeys keys;
  fill(keys.key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  fill(keys.salt, "517569642070726f2071756f");
  for (const Case& c : cases) {
    Bytes packet = plain;
    packet.resize(200);
    auto sender = SrtcpSender::open(c.profile, keys, 0x5d4);
    const SrtcpResult sent = sender->protect(packet, plain.size());
    ASSERT_EQ(sent.status, CryptoStatus::kOk) << "case " << c.number;
    packet.resize(sent.length);
    EXPECT_EQ(packet, fromHex(c.sealed)) << "case " << c.number;
    auto receiver = SrtcpReceiver::open(c.profile, keys);
    const SrtcpResult received = receiver->unprotect(packet);
    ASSERT_EQ(received.status, CryptoStatus::kOk) << "case " << c.number;
    packet.resize(received.length);
    EXPECT_EQ(packet, plain) << "case " << c.number;
  }
}

Bytes compound(std::mt19937_64& random, uint32_t ssrc) {
  const auto words = static_cast<uint16_t>(random() % 300);
  Bytes bytes = {0x80, 201, static_cast<uint8_t>((words + 1) >> 8), static_cast<uint8_t>(words + 1)};
  for (int i = 3; i >= 0; --i) bytes.push_back(static_cast<uint8_t>(ssrc >> (8 * i)));
  for (int i = 0; i < words * 4; ++i) bytes.push_back(static_cast<uint8_t>(random()));
  return bytes;
}

class SrtcpTest : public testing::TestWithParam<SrtpProfile> {
 protected:
  SrtcpTest() { RecordProperty("seed", std::to_string(seed)); }
  ~SrtcpTest() override {
    for (srtp_t session : sessions) srtp_dealloc(session);
  }

  srtp_t libsrtp(srtp_ssrc_type_t direction) {
    srtp_policy_t policy{};
    const auto lengths = *profileLengths(GetParam());
    switch (GetParam()) {
      case SrtpProfile::kAes128CmHmacSha1_80:
      case SrtpProfile::kAes128CmHmacSha1_32:
        srtp_crypto_policy_set_rtcp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        break;
      case SrtpProfile::kAeadAes128Gcm:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        break;
      default:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
    }
    Bytes key(master.key, master.key + lengths.key);
    key.insert(key.end(), master.salt, master.salt + lengths.salt);
    policy.key = key.data();
    policy.ssrc = {direction, 0};
    policy.window_size = 128;
    srtp_t session = nullptr;
    EXPECT_EQ(srtp_create(&session, &policy), srtp_err_status_ok);
    sessions.push_back(session);
    return session;
  }
  Bytes seal(SrtcpSender& sender, Bytes packet) {
    const size_t length = packet.size();
    packet.resize(length + kSrtcpTrailerMax, 0xee);
    const SrtcpResult result = sender.protect(packet, length);
    status = result.status;
    packet.resize(result.length);
    return packet;
  }
  Bytes open(SrtcpReceiver& receiver, Bytes packet) {
    const SrtcpResult result = receiver.unprotect(packet);
    status = result.status;
    packet.resize(result.length);
    return packet;
  }

  const uint64_t seed = std::random_device{}();
  std::mt19937_64 random{seed};
  std::unique_ptr<Backend> backend = makeLibsrtpBackend();  // starts libsrtp
  contract::SrtpKey master = randomKey(random);
  std::vector<srtp_t> sessions;
  CryptoStatus status{};
};

TEST_P(SrtcpTest, libsrtp_makes_the_same_bytes) {
  srtp_t oracle = libsrtp(ssrc_any_outbound);
  auto sender = SrtcpSender::open(GetParam(), master, 1);  // libsrtp begins with index 1
  for (int i = 0; i < 300; ++i) {
    const Bytes plain = compound(random, 0x1234'5678);
    Bytes expected = plain;
    expected.resize(plain.size() + 64);
    int length = static_cast<int>(plain.size());
    ASSERT_EQ(srtp_protect_rtcp(oracle, expected.data(), &length), srtp_err_status_ok);
    expected.resize(static_cast<size_t>(length));
    ASSERT_EQ(seal(*sender, plain), expected) << "seed " << seed << " packet " << i;
  }
  EXPECT_EQ(sender->nextIndex(), 301u);
}

TEST_P(SrtcpTest, libsrtp_reads_what_we_write_and_we_read_what_it_writes) {
  srtp_t reader = libsrtp(ssrc_any_inbound);
  srtp_t writer = libsrtp(ssrc_any_outbound);
  auto sender = SrtcpSender::open(GetParam(), master, 0x12'3456);
  auto receiver = SrtcpReceiver::open(GetParam(), master);
  for (uint32_t i = 0; i < 200; ++i) {
    const Bytes plain = compound(random, 1 + i % 5);
    Bytes packet = seal(*sender, plain);
    int length = static_cast<int>(packet.size());
    ASSERT_EQ(srtp_unprotect_rtcp(reader, packet.data(), &length), srtp_err_status_ok) << "seed " << seed;
    packet.resize(static_cast<size_t>(length));
    EXPECT_EQ(packet, plain);

    packet.resize(plain.size() + 64);
    length = static_cast<int>(plain.size());
    ASSERT_EQ(srtp_protect_rtcp(writer, packet.data(), &length), srtp_err_status_ok);
    packet.resize(static_cast<size_t>(length));
    EXPECT_EQ(open(*receiver, packet), plain) << "seed " << seed;
    open(*receiver, packet);
    EXPECT_EQ(status, CryptoStatus::kReplayed);
  }
}

TEST_P(SrtcpTest, forged_replayed_and_old_are_told_apart_and_change_nothing) {
  auto receiver = SrtcpReceiver::open(GetParam(), master);
  const auto sealed = [&](uint64_t index) {
    return seal(*SrtcpSender::open(GetParam(), master, index), compound(random, 7));
  };
  struct Case {
    int number;
    uint64_t index;
    CryptoStatus expected;
  };
  const Case cases[] = {
      {1, 100, CryptoStatus::kOk},      {2, 100, CryptoStatus::kReplayed},
      {3, 37, CryptoStatus::kOk},       {4, 36, CryptoStatus::kOld},
      {5, 37, CryptoStatus::kReplayed}, {6, 101, CryptoStatus::kOk},
      {7, 37, CryptoStatus::kOld},      {8, 38, CryptoStatus::kOk},
      {9, 5000, CryptoStatus::kOk},     {10, 4999, CryptoStatus::kOk},
      {11, 101, CryptoStatus::kOld},    {12, kSrtcpIndexMax, CryptoStatus::kOk},
      {13, 5001, CryptoStatus::kOld},   {14, kSrtcpIndexMax, CryptoStatus::kReplayed},
  };
  for (const Case& c : cases) {
    Bytes forged = sealed(c.index);
    for (size_t i = 0; i < 4; ++i) {
      Bytes bad = forged;
      bad[random() % 2 == 0 ? bad.size() - 1 - random() % 4 : random() % 2] ^= 0x01;
      bad[8 + random() % (bad.size() - 8 - 4)] ^= 0x10;  // the shortest packet is 8 bytes, its tag and its index
      open(*receiver, bad);
      EXPECT_NE(status, CryptoStatus::kOk) << "case " << c.number;
    }
    open(*receiver, sealed(c.index));
    EXPECT_EQ(status, c.expected) << "case " << c.number << " seed " << seed;
  }
}

TEST_P(SrtcpTest, packet_that_says_it_is_in_the_clear_is_refused) {
  auto sender = SrtcpSender::open(GetParam(), master, 3);
  auto receiver = SrtcpReceiver::open(GetParam(), master);
  Bytes packet = seal(*sender, compound(random, 7));
  const bool aead = profileLengths(GetParam())->auth_key == 0;
  packet[packet.size() - (aead ? 4 : 14)] &= 0x7f;
  open(*receiver, packet);
  EXPECT_EQ(status, CryptoStatus::kAuthenticationFailed);
}

TEST_P(SrtcpTest, any_length_is_survived) {
  auto sender = SrtcpSender::open(GetParam(), master, 0);
  auto receiver = SrtcpReceiver::open(GetParam(), master);
  const Bytes packet = seal(*sender, {0x80, 201, 0, 1, 0, 0, 0, 9});
  for (size_t length = 0; length < packet.size(); ++length) {
    open(*receiver, Bytes(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(length)));
    EXPECT_NE(status, CryptoStatus::kOk) << length;
  }
  EXPECT_EQ(open(*receiver, packet).size(), 8u);
  for (size_t length = 0; length < 8; ++length) {
    Bytes buffer(64);
    EXPECT_EQ(sender->protect(buffer, length).status, CryptoStatus::kMalformed);
  }
  Bytes buffer(8 + 4 + profileLengths(GetParam())->rtcp_tag);
  EXPECT_EQ(sender->protect(std::span(buffer).first(buffer.size() - 1), 8).status, CryptoStatus::kNoSpace);
  EXPECT_EQ(sender->protect(buffer, buffer.size() + 1).status, CryptoStatus::kMalformed);
  EXPECT_EQ(sender->nextIndex(), 1u) << "a refusal spends no index";
  EXPECT_EQ(sender->protect(buffer, 8).status, CryptoStatus::kOk);
}

TEST_P(SrtcpTest, index_ends_at_two_to_the_thirty_one) {
  auto sender = SrtcpSender::open(GetParam(), master, kSrtcpIndexMax);
  seal(*sender, compound(random, 7));
  EXPECT_EQ(status, CryptoStatus::kOk);
  seal(*sender, compound(random, 7));
  EXPECT_EQ(status, CryptoStatus::kIndexTooFar);
}

TEST_P(SrtcpTest, every_sender_is_heard_and_nothing_comes_twice) {
  constexpr uint32_t kSenders = kSrtcpSenderMax + kSrtcpForgottenMax;
  auto receiver = SrtcpReceiver::open(GetParam(), master);
  auto sender = SrtcpSender::open(GetParam(), master, 10);
  std::vector<Bytes> packets;
  for (int round = 0; round < 2; ++round) {
    for (uint32_t ssrc = 1; ssrc <= kSenders; ++ssrc) {
      packets.push_back(seal(*sender, compound(random, ssrc)));
      open(*receiver, packets.back());
      ASSERT_EQ(status, CryptoStatus::kOk) << ssrc;
    }
  }
  EXPECT_EQ(receiver->senderCount(), kSrtcpSenderMax);
  for (size_t i = 0; i < packets.size(); ++i) {
    open(*receiver, packets[i]);
    ASSERT_TRUE(status == CryptoStatus::kReplayed || status == CryptoStatus::kOld) << i;
  }
}

TEST_P(SrtcpTest, who_is_heard_keeps_its_place_when_others_come) {
  auto receiver = SrtcpReceiver::open(GetParam(), master);
  auto sender = SrtcpSender::open(GetParam(), master, 10);
  const Bytes late = seal(*sender, compound(random, 7));
  for (uint32_t other = 0; other < 3 * kSrtcpSenderMax; ++other) {
    open(*receiver, seal(*sender, compound(random, 1000 + other)));
    ASSERT_EQ(status, CryptoStatus::kOk);
    // Out of order by no more than its window: only a sender whose whole state is held may be.
    const Bytes first = seal(*sender, compound(random, 7)), second = seal(*sender, compound(random, 7));
    for (const Bytes& packet : {second, first}) {
      open(*receiver, packet);
      ASSERT_EQ(status, CryptoStatus::kOk) << other;
    }
  }
  open(*receiver, late);
  EXPECT_EQ(status, CryptoStatus::kOld);
}

TEST_P(SrtcpTest, a_receiver_resumed_takes_nothing_that_was_or_may_have_been_seen) {
  auto receiver = SrtcpReceiver::open(GetParam(), master);
  const auto sealed = [&](uint64_t index, uint32_t ssrc) {
    return seal(*SrtcpSender::open(GetParam(), master, index), compound(random, ssrc));
  };
  const Bytes first = sealed(0, 7), newest = sealed(300, 7), other = sealed(20, 8);
  for (const Bytes& packet : {first, newest, other}) {
    open(*receiver, packet);
    ASSERT_EQ(status, CryptoStatus::kOk);
  }
  std::array<contract::SrtcpSenderFlow, kSrtcpSenderMax> flow{};
  for (size_t i = 0; i < receiver->senderCount(); ++i) flow[i] = receiver->seen(i);
  auto resumed = SrtcpReceiver::open(GetParam(), master, flow);
  EXPECT_EQ(resumed->senderCount(), 2u);
  const struct {
    int number;
    uint64_t index;
    uint32_t ssrc;
    CryptoStatus expected;
  } cases[] = {
      {1, 300, 7, CryptoStatus::kReplayed}, {2, 299, 7, CryptoStatus::kReplayed}, {3, 0, 7, CryptoStatus::kOld},
      {4, 20, 8, CryptoStatus::kReplayed},  {5, 301, 7, CryptoStatus::kOk},       {6, 301, 7, CryptoStatus::kReplayed},
      {7, 21, 8, CryptoStatus::kOk},        {8, 0, 9, CryptoStatus::kOk},
  };
  for (const auto& c : cases) {
    open(*resumed, sealed(c.index, c.ssrc));
    EXPECT_EQ(status, c.expected) << "case " << c.number << " seed " << seed;
  }
  EXPECT_EQ(resumed->senderCount(), 3u);
  EXPECT_EQ(resumed->seen(1).ssrc, 8u);
  EXPECT_EQ(resumed->seen(1).index_end, 22u);
}

TEST(Srtcp, unknown_profile_is_refused) {
  EXPECT_EQ(SrtcpSender::open(SrtpProfile::kNone, contract::SrtpKey{}, 0), nullptr);
  EXPECT_EQ(SrtcpReceiver::open(SrtpProfile::kNone, contract::SrtpKey{}), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Profiles, SrtcpTest, testing::ValuesIn(kProfiles),
                         [](const auto& parameter) { return nameOf(parameter.param); });

}  // namespace
}  // namespace penstock::srtp
