// The whole packet path against arbitrary frames, datagrams and, by a hostile participant, authentic RTP and RTCP of
// any content: never a crash, never a packet unaccounted for, never a buffer lost.
#include <cstdint>
#include <span>

#include "tests/fuzz/fuzz_check.h"
#include "tests/support/relay_world.h"

namespace {

using namespace penstock;
using test::Bytes;

struct Conference : test::World {
  test::Client& publisher = addConnected(1, "198.18.0.11:4001");
  test::Client& subscriber = addConnected(2, "[2001:db8::12]:4002", contract::SrtpProfile::kAes128CmHmacSha1_80);
  uint32_t sent_packets = 0;

  Conference() {
    addTrack(publisher, {.rtx_ssrc = 0x1111'1112});
    addTrack(publisher,
             {.index = 1, .ssrc = 0, .kind = contract::MediaKind::kAudio, .mid = "a", .red_payload_type = 63});
    addSubscription(subscriber, {});
    addSubscription(subscriber, {.index = 1, .track = 1, .ssrc = 0x5555, .rtx_ssrc = 0});
    addSubscription(subscriber,
                    {.index = 2, .track = 1, .ssrc = 0x6666, .rtx_ssrc = 0, .mid = "8", .red_from = 63, .red_to = 120});
  }

  /// The bytes as RTP under the publisher's keys; what cannot be RTP is sent in the clear.
  void sendAuthentic(Bytes rtp) {
    if (const auto view = parseRtpHeader(rtp)) {
      const auto next = static_cast<uint16_t>(++sent_packets);
      storeBigEndian(rtp.data() + 2, next);
      storeBigEndian(rtp.data() + 8, view->ssrc % 2 ? 0x1111'1111u : 0xabcu);
      rtp = protect(publisher, rtp, sent_packets >> 16);
    }
    receiveUdp(publisher, rtp);
  }

  void play(uint8_t kind, std::span<const uint8_t> bytes) {
    const Bytes copy(bytes.begin(), bytes.end());
    switch (kind % 5) {
      case 0:
        return receive(copy);
      case 1:
        return receiveUdp(publisher, copy);
      case 2:
        return sendAuthentic(copy);
      case 3:
        return copy.size() >= 8 ? sendRtcp(subscriber, copy) : void();
      default:
        return advance(uint64_t{kind} * 10'000'000);
    }
  }
};

}  // namespace

/// Input: records of one byte of kind, one of length, then so many bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Conference* conference = new Conference;
  std::span<const uint8_t> rest(data, size);
  while (rest.size() >= 2) {
    const size_t length = std::min<size_t>(rest[1] * 4u, rest.size() - 2);
    conference->play(rest[0], rest.subspan(2, std::min<size_t>(length, 1400)));
    rest = rest.subspan(2 + length);
  }
  FUZZ_CHECK(conference->conserved());
  FUZZ_CHECK(conference->io.live.size() < 2000);
  conference->io.sent.clear();
  // Each input begins alike: checks keep consent, and the clients' SRTCP indices go on.
  conference->check(conference->publisher);
  conference->check(conference->subscriber);
  return 0;
}
