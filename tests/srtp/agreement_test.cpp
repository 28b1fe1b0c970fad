// The fast backend against libsrtp: the same random bursts, of many keys, profiles and streams, good and bad packets
// mixed, have to come to the same bytes, the same statuses and the same state.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>

#include "dataplane/srtp/make_backend.h"
#include "tests/srtp/reference.h"

namespace penstock::srtp {
namespace {

constexpr size_t kTransports = 9, kStreams = 20;
constexpr size_t kCapacity = 1700;

uint64_t seedOfThisRun() {
  const char* wish = std::getenv("SEED");
  return wish != nullptr ? std::strtoull(wish, nullptr, 0) : std::random_device{}();
}

/// The same things opened with each of the two backends: libsrtp's first.
struct Both {
  std::array<std::unique_ptr<SendStream>, 2> sender;
  std::array<std::unique_ptr<ReceiveStream>, 2> receiver;
  std::array<std::shared_ptr<const Keys>, 2> keys;
  uint32_t ssrc = 0;
  uint64_t next = 0;         // index of the next packet
  std::deque<Bytes> sent{};  // protected packets, the latest behind
};

class AgreementTest : public testing::Test {
 protected:
  void SetUp() override {
    if (backends[1] == nullptr) GTEST_SKIP() << "ipsec-mb is not in this build, or not on this CPU";
  }

  uint64_t below(uint64_t limit) { return random() % limit; }
  bool once(uint64_t in) { return below(in) == 0; }

  void open() {
    streams.clear();
    std::array<std::array<std::shared_ptr<const Keys>, 2>, kTransports> keys;
    for (size_t i = 0; i < kTransports; ++i) {
      const contract::SrtpKey master = randomKey(random);
      for (size_t b = 0; b < 2; ++b) keys[i][b] = backends[b]->expand(kProfiles[i % std::size(kProfiles)], master);
    }
    for (uint32_t i = 0; i < kStreams; ++i) {
      Both& both = streams.emplace_back();
      both.keys = keys[below(kTransports)];
      both.ssrc = 1 + i * 0x1000'0001;
      // New, or going on where another process stopped; a roll-over is near either way.
      const uint64_t stopped = once(2) ? 0 : (below(0x1'0000'0000) << 16 | (0xff00 + below(0x200))) & kPacketIndexMax;
      both.next = stopped != 0 ? stopped + 1 : 0xffff - below(100);
      // libsrtp cannot be told the roll-over counter of a stream whose SSRC it does not know.
      const bool unbound = stopped == 0 && once(3);
      const uint32_t window = once(2) ? kReplayWindowAudio : kReplayWindowVideo;
      for (size_t b = 0; b < 2; ++b) {
        both.sender[b] = backends[b]->openSend(both.keys[b], both.ssrc, stopped != 0 ? stopped + 1 : 0);
        both.receiver[b] = backends[b]->openReceive(both.keys[b], unbound ? 0 : both.ssrc, stopped, window);
      }
    }
  }

  /// One packet to protect, as the relay would make it, or spoilt.
  struct Sending {
    size_t stream;
    Bytes payload;
    std::array<Bytes, 2> destination{};
    ProtectJob job;
  };
  Sending sending() {
    Sending s{.stream = below(kStreams)};
    Both& both = streams[s.stream];
    uint64_t index = both.next;
    const uint64_t fate = below(40);
    if (fate < 28) {
      both.next += 1;
    } else if (fate < 32) {
      both.next += 1 + below(300);  // a gap before the next
    } else if (fate < 36) {
      index -= std::min(index, 1 + below(1200));  // again, or late
    } else if (fate == 36) {
      index += 0x8000 + below(0x10000);
    }
    const uint32_t ssrc = fate == 37 ? both.ssrc + 1 : both.ssrc;
    PlainPacket packet = randomPacket(random, ssrc, static_cast<uint16_t>(fate == 38 ? index + 1 : index), 1461);
    const size_t lead =
        once(4) ? std::min<size_t>(below(once(2) ? 3 : 40), packet.bytes.size() - packet.header_length) : 0;
    const size_t written = packet.header_length + lead;
    s.payload.assign(packet.bytes.begin() + static_cast<ptrdiff_t>(written), packet.bytes.end());
    Bytes destination(kCapacity, 0xee);
    std::copy_n(packet.bytes.begin(), written, destination.begin());
    s.destination.fill(destination);
    const size_t needed = packet.bytes.size() + both.sender[0]->tagLength();
    s.job = {.index = index,
             .header_length = static_cast<uint16_t>(packet.header_length + (fate == 39 ? 4 : 0)),
             .written_length = static_cast<uint16_t>(written)};
    s.job.destination = std::span(s.destination[0]).first(once(40) ? below(needed) : once(4) ? needed : kCapacity);
    return s;
  }

  void protectBurst(size_t count) {
    std::vector<Sending> burst(count);
    std::generate(burst.begin(), burst.end(), [&] { return sending(); });
    std::array<std::vector<ProtectJob>, 2> jobs;
    for (size_t b = 0; b < 2; ++b) {
      for (Sending& s : burst) {
        ProtectJob job = s.job;
        job.stream = streams[s.stream].sender[b].get();
        job.destination = std::span(s.destination[b]).first(s.job.destination.size());
        job.payload = s.payload;
        jobs[b].push_back(job);
      }
      backends[b]->protect(jobs[b]);
    }
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(jobs[0][i].status, jobs[1][i].status) << "job " << i;
      counted[static_cast<size_t>(jobs[0][i].status)] += 1;
      if (jobs[0][i].status != CryptoStatus::kOk) continue;
      ASSERT_EQ(jobs[0][i].length, jobs[1][i].length) << "job " << i;
      ASSERT_EQ(burst[i].destination[0], burst[i].destination[1]) << "job " << i;  // what is behind the packet too
      Bytes& packet = burst[i].destination[0];
      packet.resize(jobs[0][i].length);
      auto& sent = streams[burst[i].stream].sent;
      sent.push_back(std::move(packet));
      if (sent.size() > 2000) sent.pop_front();
    }
    for (const Both& both : streams) ASSERT_EQ(both.sender[0]->nextIndex(), both.sender[1]->nextIndex());
  }

  /// One packet as the network would bring it: mostly a late one or the latest, untouched.
  Bytes arriving(Both& both) {
    if (both.sent.empty()) return Bytes(below(40), 0x80);
    const size_t age = once(20) ? below(both.sent.size()) : std::min(below(12), both.sent.size() - 1);
    Bytes packet = both.sent[both.sent.size() - 1 - age];
    const uint64_t fate = below(20);
    if (fate == 0) packet[below(packet.size())] ^= static_cast<uint8_t>(1 << below(8));
    if (fate == 1) packet.resize(below(packet.size()));
    if (fate == 2) packet.back() ^= 0x80;
    if (fate == 3) packet.push_back(0);
    return packet;
  }

  void unprotectBurst(size_t count) {
    std::vector<std::array<Bytes, 2>> packets(count);
    std::array<std::vector<UnprotectJob>, 2> jobs;
    for (size_t i = 0; i < count; ++i) {
      Both& both = streams[below(kStreams)];
      packets[i].fill(i > 0 && once(10) ? packets[i - 1][0] : arriving(once(50) ? streams[below(kStreams)] : both));
      for (size_t b = 0; b < 2; ++b) jobs[b].push_back({.stream = both.receiver[b].get()});
    }
    for (size_t b = 0; b < 2; ++b) {
      for (size_t i = 0; i < count; ++i) jobs[b][i].packet = packets[i][b];
      backends[b]->unprotect(jobs[b]);
    }
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(jobs[0][i].status, jobs[1][i].status) << "job " << i << ", " << packets[i][0].size() << " bytes";
      counted[16 + static_cast<size_t>(jobs[0][i].status)] += 1;
      if (jobs[0][i].status != CryptoStatus::kOk) continue;
      ASSERT_EQ(jobs[0][i].length, jobs[1][i].length) << "job " << i;
      ASSERT_EQ(jobs[0][i].index, jobs[1][i].index) << "job " << i;
      for (Bytes& bytes : packets[i]) bytes.resize(jobs[0][i].length);
      ASSERT_EQ(packets[i][0], packets[i][1]) << "job " << i;
    }
    for (const Both& both : streams) {
      ASSERT_EQ(both.receiver[0]->ssrc(), both.receiver[1]->ssrc());
      ASSERT_EQ(both.receiver[0]->started(), both.receiver[1]->started());
      if (both.receiver[0]->started()) {
        ASSERT_EQ(both.receiver[0]->highestIndex(), both.receiver[1]->highestIndex());
      }
    }
  }

  const uint64_t seed = seedOfThisRun();
  std::mt19937_64 random{seed};
  std::array<std::unique_ptr<Backend>, 2> backends = {makeBackend(BackendChoice::kLibsrtp),
                                                      makeBackend(BackendChoice::kIpsecMb)};
  std::vector<Both> streams;
  std::array<size_t, 32> counted{};  // by status, those of unprotect from 16
};

TEST_F(AgreementTest, random_bursts_come_to_the_same_bytes_statuses_and_states) {
  SCOPED_TRACE("SEED=" + std::to_string(seed));
  for (int world = 0; world < 6; ++world) {
    open();
    for (int round = 0; round < 60; ++round) {
      ASSERT_NO_FATAL_FAILURE(protectBurst(once(8) ? 1 : below(150)));
      ASSERT_NO_FATAL_FAILURE(unprotectBurst(once(8) ? 1 : below(200)));
    }
  }
  // The bursts were what they are meant to be.
  for (const CryptoStatus status :
       {CryptoStatus::kOk, CryptoStatus::kMalformed, CryptoStatus::kNoSpace, CryptoStatus::kIndexUsed,
        CryptoStatus::kIndexMismatch, CryptoStatus::kIndexTooFar}) {
    EXPECT_GT(counted[static_cast<size_t>(status)], 10u) << "protect, status " << static_cast<int>(status);
  }
  for (const CryptoStatus status : {CryptoStatus::kOk, CryptoStatus::kAuthenticationFailed, CryptoStatus::kReplayed,
                                    CryptoStatus::kOld, CryptoStatus::kMalformed}) {
    EXPECT_GT(counted[16 + static_cast<size_t>(status)], 10u) << "unprotect, status " << static_cast<int>(status);
  }
  EXPECT_EQ(counted[static_cast<size_t>(CryptoStatus::kFailed)], 0u);
  EXPECT_EQ(counted[16 + static_cast<size_t>(CryptoStatus::kFailed)], 0u);
}

TEST_F(AgreementTest, one_burst_may_bind_a_stream_and_cross_the_roll_over) {
  SCOPED_TRACE("SEED=" + std::to_string(seed));
  for (const SrtpProfile profile : kProfiles) {
    const contract::SrtpKey master = randomKey(random);
    const SessionKeys session = *deriveSessionKeys(profile, master, KeyUse::kRtp);
    struct Case {
      uint32_t ssrc;
      uint64_t index;
      bool forged;
      CryptoStatus expected;
    };
    const Case cases[] = {
        {7, 0xfff0, true, CryptoStatus::kAuthenticationFailed},     // binds nothing
        {7, 0x2'0003, false, CryptoStatus::kAuthenticationFailed},  // nothing was received: roll-over counter 0 or 1
        {7, 0x1'0003, false, CryptoStatus::kOk},
        {7, 0xfff1, false, CryptoStatus::kOk},
        {7, 0xfff1, false, CryptoStatus::kReplayed},
        {8, 0xfff2, false, CryptoStatus::kMalformed},  // the stream is that of SSRC 7 now
        {7, 0x1'0004, true, CryptoStatus::kAuthenticationFailed},
        {7, 0x1'0004, false, CryptoStatus::kOk},
        {7, 0x1'0004, true, CryptoStatus::kReplayed},
        {7, 0x1'0003, false, CryptoStatus::kReplayed},
        {7, 0x1'0002, false, CryptoStatus::kOk},
        {7, 0xfff0, false, CryptoStatus::kOk},
        {7, 0x0004, false, CryptoStatus::kReplayed},  // of roll-over counter 0: taken for 0x10004
        {7, 0x0005, false, CryptoStatus::kAuthenticationFailed},
        {7, 0x1'7000, false, CryptoStatus::kOk},
        {7, 0x1'0005, false, CryptoStatus::kOld},
    };
    for (const auto& backend : backends) {
      const auto stream = backend->openReceive(backend->expand(profile, master), 0, 0, kReplayWindowVideo);
      std::vector<PlainPacket> plain;
      std::vector<Bytes> packets;
      std::vector<UnprotectJob> jobs;
      for (const Case& c : cases) {
        plain.push_back(randomPacket(random, c.ssrc, static_cast<uint16_t>(c.index)));
        packets.push_back(referenceProtect(profile, session, plain.back().bytes, plain.back().header_length, c.index));
        if (c.forged) packets.back().back() ^= 1;
      }
      for (Bytes& packet : packets) jobs.push_back({.stream = stream.get(), .packet = packet});
      backend->unprotect(jobs);
      for (size_t i = 0; i < std::size(cases); ++i) {
        EXPECT_EQ(jobs[i].status, cases[i].expected) << backend->name() << ' ' << nameOf(profile) << " case " << i;
        if (jobs[i].status != CryptoStatus::kOk) continue;
        packets[i].resize(jobs[i].length);
        EXPECT_EQ(packets[i], plain[i].bytes) << backend->name() << ' ' << nameOf(profile) << " case " << i;
        EXPECT_EQ(jobs[i].index, cases[i].index);
      }
    }
  }
}

}  // namespace
}  // namespace penstock::srtp
