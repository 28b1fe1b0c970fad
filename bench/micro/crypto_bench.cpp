// Protect and unprotect by profile, payload size and number of keys, in bursts of 64.
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/micro/cycles.h"
#include "dataplane/packet/rtp.h"
#include "dataplane/srtp/libsrtp_backend.h"
#include "tests/support/packet_builder.h"

namespace penstock::bench {
namespace {

constexpr size_t kBurst = 64;
constexpr size_t kHeader = 12;

std::shared_ptr<const srtp::Keys> keysFor(srtp::Backend& backend, contract::SrtpProfile profile, size_t number) {
  contract::SrtpKey key{};
  std::memcpy(key.key, &number, sizeof(number));
  return backend.expand(profile, key);
}

/// Arguments: profile code point, payload bytes, keys.
void protect(benchmark::State& state) {
  const auto backend = srtp::makeLibsrtpBackend();
  const auto profile = static_cast<contract::SrtpProfile>(state.range(0));
  const auto keys = static_cast<size_t>(state.range(2));
  const test::Bytes payload(static_cast<size_t>(state.range(1)), 0x55);
  std::vector<std::unique_ptr<srtp::SendStream>> streams;
  for (size_t i = 0; i < keys; ++i) streams.push_back(backend->openSend(keysFor(*backend, profile, i), 1, 0));
  std::vector<std::array<uint8_t, 1500>> buffers(kBurst);
  std::array<srtp::ProtectJob, kBurst> jobs;
  std::vector<uint64_t> next(keys, 1);
  size_t stream = 0;
  const Cycles cycles;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      stream = stream + 1 == keys ? 0 : stream + 1;
      const uint64_t index = next[stream]++;
      writeRtpHeader(buffers[i].data(), {.payload_type = 96, .sequence = static_cast<uint16_t>(index), .ssrc = 1},
                     false);
      jobs[i] = {.stream = streams[stream].get(),
                 .destination = buffers[i],
                 .payload = payload,
                 .index = index,
                 .header_length = kHeader,
                 .written_length = kHeader};
    }
    backend->protect(jobs);
    if (jobs[0].status != srtp::CryptoStatus::kOk) return state.SkipWithError("protect failed");
  }
  cycles.report(state, static_cast<uint64_t>(state.iterations()) * kBurst);
}

/// The same arguments. Packets are made ahead: each can be accepted once.
void unprotect(benchmark::State& state) {
  const auto backend = srtp::makeLibsrtpBackend();
  const auto profile = static_cast<contract::SrtpProfile>(state.range(0));
  const auto keys = static_cast<size_t>(state.range(2));
  const test::Bytes payload(static_cast<size_t>(state.range(1)), 0x55);
  const size_t packets = static_cast<size_t>(state.max_iterations) * kBurst;
  std::vector<std::unique_ptr<srtp::ReceiveStream>> streams;
  std::vector<test::Bytes> made;
  std::vector<std::unique_ptr<srtp::SendStream>> senders;
  for (size_t i = 0; i < keys; ++i) {
    const auto key = keysFor(*backend, profile, i);
    streams.push_back(backend->openReceive(key, 1, 0, srtp::kReplayWindowVideo));
    senders.push_back(backend->openSend(key, 1, 0));
  }
  for (size_t i = 0; i < packets; ++i) {
    test::Bytes packet(1500);
    const uint64_t index = 1 + i / keys;
    writeRtpHeader(packet.data(), {.payload_type = 96, .sequence = static_cast<uint16_t>(index), .ssrc = 1}, false);
    srtp::ProtectJob job{.stream = senders[i % keys].get(),
                         .destination = packet,
                         .payload = payload,
                         .index = index,
                         .header_length = kHeader,
                         .written_length = kHeader};
    backend->protect(std::span(&job, 1));
    packet.resize(job.length);
    made.push_back(std::move(packet));
  }
  std::array<srtp::UnprotectJob, kBurst> jobs;
  size_t next = 0;
  const Cycles cycles;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i, ++next) jobs[i] = {.stream = streams[next % keys].get(), .packet = made[next]};
    backend->unprotect(jobs);
    if (jobs[0].status != srtp::CryptoStatus::kOk) return state.SkipWithError("unprotect failed");
  }
  cycles.report(state, static_cast<uint64_t>(state.iterations()) * kBurst);
}

void combinations(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"profile", "bytes", "keys"});
  for (const int profile : {0x0007, 0x0001}) {
    for (const int bytes : {100, 1200}) {
      for (const int keys : {1, 1000}) benchmark->Args({profile, bytes, keys});
    }
  }
}
BENCHMARK(protect)->Apply(combinations);
BENCHMARK(unprotect)->Apply(combinations)->Iterations(200);

}  // namespace
}  // namespace penstock::bench
