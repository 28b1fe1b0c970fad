// Protect and unprotect by backend, profile, payload size, burst and number of keys. ipsec_mb_bench.cpp has the
// ceiling.
#include "bench/micro/crypto_bench.h"

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/packet/rtp.h"
#include "dataplane/srtp/make_backend.h"

namespace penstock::bench {
namespace {

constexpr size_t kBatchMax = 64;
constexpr size_t kCapacity = 1536;

/// One transport per key, one stream per transport, and buffers for one pass.
struct Material {
  explicit Material(const benchmark::State& state)
      : what(cryptoCase(state, 1)),
        backend(srtp::makeBackend(state.range(0) == 1 ? srtp::BackendChoice::kIpsecMb : srtp::BackendChoice::kLibsrtp)),
        payload(what.payload, 0x55),
        next(what.keys, 1),
        buffers(kPass) {
    if (backend == nullptr) return;
    for (size_t i = 0; i < what.keys; ++i) {
      contract::SrtpKey key{};
      std::memcpy(key.key, &i, sizeof(i));
      keys.push_back(backend->expand(what.profile, key));
      senders.push_back(backend->openSend(keys.back(), 1, 0));
    }
  }

  /// Protects one pass, round robin over the keys, into `buffers`; false if it failed.
  bool protectPass() {
    std::array<srtp::ProtectJob, kBatchMax> jobs;
    for (size_t done = 0; done < kPass; done += what.batch) {
      for (size_t i = 0; i < what.batch; ++i) {
        at = at + 1 == what.keys ? 0 : at + 1;
        const uint64_t index = next[at]++;
        auto& buffer = buffers[done + i];
        writeRtpHeader(buffer.data(), {.payload_type = 96, .sequence = static_cast<uint16_t>(index), .ssrc = 1}, false);
        jobs[i] = {.stream = senders[at].get(),
                   .destination = buffer,
                   .payload = payload,
                   .index = index,
                   .header_length = kRtpHeader,
                   .written_length = kRtpHeader};
      }
      backend->protect(std::span(jobs).first(what.batch));
      if (jobs[0].status != srtp::CryptoStatus::kOk) return false;
    }
    return true;
  }

  CryptoCase what;
  std::unique_ptr<srtp::Backend> backend;
  std::vector<uint8_t> payload;
  std::vector<uint64_t> next;
  std::vector<std::array<uint8_t, kCapacity>> buffers;
  std::vector<std::shared_ptr<const srtp::Keys>> keys;
  std::vector<std::unique_ptr<srtp::SendStream>> senders;
  size_t at = 0;
};

/// Arguments: backend (0: libsrtp, 1: ipsec-mb), profile code point, payload bytes, burst, keys.
void protect(benchmark::State& state) {
  Material material(state);
  if (material.backend == nullptr) return state.SkipWithError("not in this build, or not on this CPU");
  bool good = material.protectPass();
  PassTimer timer;
  for (auto _ : state) timer.time(state, [&] { good = good && material.protectPass(); });
  if (!good) return state.SkipWithError("protect failed");
  timer.report(state);
}

/// The same arguments. A pass of packets is made before each that is timed: a packet is accepted once.
void unprotect(benchmark::State& state) {
  Material material(state);
  if (material.backend == nullptr) return state.SkipWithError("not in this build, or not on this CPU");
  const CryptoCase& what = material.what;
  std::vector<std::unique_ptr<srtp::ReceiveStream>> streams;
  for (size_t i = 0; i < what.keys; ++i) {
    streams.push_back(material.backend->openReceive(material.keys[i], 1, 0, srtp::kReplayWindowVideo));
  }
  const size_t length = kRtpHeader + what.payload + srtp::tagLength(what.profile);
  std::array<srtp::UnprotectJob, kBatchMax> jobs;
  bool good = true;
  PassTimer timer;
  for (auto _ : state) {
    size_t at = material.at;
    good = good && material.protectPass();
    timer.time(state, [&] {
      for (size_t done = 0; done < kPass; done += what.batch) {
        for (size_t i = 0; i < what.batch; ++i) {
          at = at + 1 == what.keys ? 0 : at + 1;
          jobs[i] = {.stream = streams[at].get(), .packet = std::span(material.buffers[done + i]).first(length)};
        }
        material.backend->unprotect(std::span(jobs).first(what.batch));
        good = good && jobs[0].status == srtp::CryptoStatus::kOk;
      }
    });
  }
  if (!good) return state.SkipWithError("unprotect failed");
  timer.report(state);
}

void cases(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"backend", "profile", "bytes", "burst", "keys"})->UseManualTime();
  for (const int64_t backend : {1, 0}) {
    forEachCryptoCase([&](int64_t profile, int64_t bytes, int64_t batch, int64_t keys) {
      // A burst is a loop to libsrtp.
      if (backend == 1 || batch == 64) benchmark->Args({backend, profile, bytes, batch, keys});
    });
  }
}
BENCHMARK(protect)->Apply(cases);
BENCHMARK(unprotect)->Apply(cases);

}  // namespace
}  // namespace penstock::bench
