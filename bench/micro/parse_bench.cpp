// What it costs to take packets apart: frame, RTP header and extensions, STUN check, RTCP.
#include "bench/micro/cycles.h"
#include "dataplane/packet/classify.h"
#include "dataplane/packet/parse.h"
#include "dataplane/packet/rtcp.h"
#include "dataplane/packet/rtp_extension.h"
#include "dataplane/packet/stun.h"
#include "tests/support/packet_builder.h"

namespace penstock::bench {
namespace {

using test::Bytes;

Bytes videoPacket() {
  return test::rtpPacket(
      {.extensions = {{1, test::bytesOf("0")}, {5, Bytes(3)}, {7, Bytes(2)}}, .payload = Bytes(1160)});
}

void parse_frame(benchmark::State& state) {
  const Bytes frame = test::udpFrame({}, videoPacket());
  const Cycles cycles;
  for (auto _ : state) benchmark::DoNotOptimize(parseFrame(frame));
  cycles.report(state, static_cast<uint64_t>(state.iterations()));
}
BENCHMARK(parse_frame);

void parse_rtp_and_extensions(benchmark::State& state) {
  const Bytes packet = videoPacket();
  const Cycles cycles;
  for (auto _ : state) {
    const auto view = parseRtpHeader(packet);
    benchmark::DoNotOptimize(RtpExtensions::parse(*view));
  }
  cycles.report(state, static_cast<uint64_t>(state.iterations()));
}
BENCHMARK(parse_rtp_and_extensions);

void check_stun(benchmark::State& state) {
  const test::StunSpec spec;
  const Bytes message = test::stunMessage(spec);
  const HmacSha1Key key(spec.password);
  const Cycles cycles;
  for (auto _ : state) {
    const auto request = parseStunRequest(message);
    benchmark::DoNotOptimize(integrityGood(*request, key));
  }
  cycles.report(state, static_cast<uint64_t>(state.iterations()));
}
BENCHMARK(check_stun);

void read_rtcp_compound(benchmark::State& state) {
  Bytes compound = test::rtcpReceiverReport(9);
  test::append(compound, test::rtcpNack(9, 1, 100, 0xffff));
  const Cycles cycles;
  for (auto _ : state) {
    RtcpReader reader(compound);
    while (const auto member = reader.next()) benchmark::DoNotOptimize(member->kind());
  }
  cycles.report(state, static_cast<uint64_t>(state.iterations()));
}
BENCHMARK(read_rtcp_compound);

}  // namespace
}  // namespace penstock::bench
