// ARP, neighbour discovery, listener queries and echo from anybody: answers fit their buffers, and the table learns
// nothing unasked.
#include <array>
#include <cstring>
#include <vector>

#include "dataplane/packet/arp.h"
#include "dataplane/packet/build.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/mld.h"
#include "dataplane/packet/nd.h"
#include "dataplane/packet/neighbour_table.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

constexpr MacAddress kOwnMac{{2, 0, 0, 0, 0, 1}};

void learn(const Neighbour& neighbour) {
  NeighbourTable table(2);
  const Address asked = addressFromV4(std::array<uint8_t, 4>{198, 18, 0, 254}.data());
  table.want(asked, 0);
  (void)table.learn(neighbour, true, 1);
  FUZZ_CHECK(table.size() == 1);
  FUZZ_CHECK(sameIp(neighbour.ip, asked) || !table.find(neighbour.ip));
}

void answer(std::span<const uint8_t> frame) {
  const auto view = parseFrame(frame);
  if (!view) return;
  std::array<uint8_t, 2048> out;
  size_t size = 0;
  if (view->kind == FrameKind::kArp) {
    const auto arp = parseArp(*view);
    if (!arp) return;
    learn(arp->sender);
    size = writeArpReply(*arp, {arp->target, kOwnMac}, view->vlan, out);
    FUZZ_CHECK(size > 0 && size <= kArpFrameMax);
  } else if (view->kind == FrameKind::kNeighbourDiscovery) {
    const auto message = parseNeighbourDiscovery(*view);
    if (!message) return;
    if (const auto neighbour = message->neighbour()) learn(*neighbour);
    size = writeNeighbourAdvertisement(*message, view->source_mac, kOwnMac, view->vlan, out);
    FUZZ_CHECK(size > 0 && size <= kNdFrameMax);
  } else if (view->kind == FrameKind::kListenerQuery) {
    const auto query = parseListenerQuery(*view);
    FUZZ_CHECK(!query || query->response_max_ns <= 8'387'584'000'000);
    return;
  } else if (view->kind == FrameKind::kEchoRequest) {
    const auto reply = writeEchoReply(*view, kOwnMac, view->destination, out);
    if (!reply) return;
    size = *reply;
    FUZZ_CHECK(size <= frame.size());
  } else {
    return;
  }
  // What we answer is a frame that the parser takes, or an echo reply, which it does not handle.
  const auto sent = parseFrame(std::span(out).first(size));
  FUZZ_CHECK(sent || sent.error() == Counter::icmp_unhandled);
}

/// The checksums made right, so that mutations get past them.
void repair(std::vector<uint8_t>& frame) {
  const size_t ip = frame.size() > 14 && frame[12] == 0x81 && frame[13] == 0 ? 18 : 14;
  if (frame.size() > ip + 20 && frame[ip] == 0x45) {
    std::memset(frame.data() + ip + 10, 0, 2);
    const auto sum = static_cast<uint16_t>(~checksumFold(checksumAdd(0, std::span(frame).subspan(ip, 20))));
    std::memcpy(frame.data() + ip + 10, &sum, 2);
  }
  const auto view = parseFrame(frame);
  if (!view || view->kind == FrameKind::kArp || view->kind == FrameKind::kUdp) return;
  uint8_t* checksum = frame.data() + view->payload_offset + 2;
  std::memset(checksum, 0, 2);
  uint64_t sum = checksumAdd(0, view->payload);
  if (view->family == Family::kIpv6) {
    sum += pseudoHeaderSum(view->source, view->destination, kProtocolIcmpv6, view->payload.size());
  }
  const auto folded = static_cast<uint16_t>(~checksumFold(sum));
  std::memcpy(checksum, &folded, 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  answer({data, size});
  std::vector<uint8_t> frame(data, data + size);
  repair(frame);
  answer(frame);
  return 0;
}
