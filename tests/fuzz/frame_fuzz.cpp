// Any bytes as an Ethernet frame, as they are and with the IPv4 checksum made right, so that what lies behind is
// reached.
#include <cstring>
#include <vector>

#include "dataplane/packet/build.h"
#include "dataplane/packet/classify.h"
#include "dataplane/packet/parse.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

void parse(std::span<const uint8_t> frame) {
  const auto view = parseFrame(frame);
  if (!view) {
    FUZZ_CHECK(contract::isReceiveDrop(static_cast<size_t>(view.error())));
    return;
  }
  FUZZ_CHECK(view->payload_offset + view->payload.size() <= frame.size());
  FUZZ_CHECK(view->payload.data() == frame.data() + view->payload_offset);
  if (view->kind != FrameKind::kUdp) return;
  FUZZ_CHECK(isV4(view->source) == (view->family == Family::kIpv4));
  FUZZ_CHECK(isV4(view->destination) == (view->family == Family::kIpv4));
  (void)udpChecksumGood(frame, *view);
  (void)classify(view->payload);
  if (view->payload.size() > contract::kDatagramMax) return;

  // Whatever was understood can be sent back, and is understood again.
  const HeaderTemplate header({.source_mac = view->destination_mac,
                               .destination_mac = view->source_mac,
                               .source = view->destination,
                               .destination = view->source,
                               .vlan = view->vlan},
                              UdpChecksum::kSoftware);
  std::vector<uint8_t> answer(header.size() + view->payload.size());
  if (!view->payload.empty()) std::memcpy(answer.data() + header.size(), view->payload.data(), view->payload.size());
  header.stamp(answer.data(), view->payload.size());
  const auto again = parseFrame(answer);
  FUZZ_CHECK(again && again->source == view->destination && again->destination == view->source);
  FUZZ_CHECK(again->vlan == view->vlan && again->payload.size() == view->payload.size());
  FUZZ_CHECK(udpChecksumGood(answer, *again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  parse({data, size});
  std::vector<uint8_t> frame(data, data + size);
  const size_t ip = size > 14 && frame[12] == 0x81 && frame[13] == 0 ? 18 : 14;
  const size_t header_size = size > ip ? (frame[ip] & 15u) * 4 : 0;
  if (header_size < 20 || ip + header_size > size) return 0;
  std::memset(frame.data() + ip + 10, 0, 2);
  const auto sum = static_cast<uint16_t>(~checksumFold(checksumAdd(0, std::span(frame).subspan(ip, header_size))));
  std::memcpy(frame.data() + ip + 10, &sum, 2);
  parse(frame);
  return 0;
}
