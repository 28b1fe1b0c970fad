#include "bench/load/crypto_alone.h"

#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/load/cpu_clock.h"
#include "bench/load/identity.h"
#include "bench/load/ipsec_mb_alone.h"
#include "dataplane/packet/rtp.h"

namespace penstock::bench {

namespace {

constexpr size_t kBurst = 64;
constexpr size_t kAhead = 16 * kBurst;  // protected ahead of one timed stretch of unprotecting

class Alone {
 public:
  Alone(srtp::Backend& backend, contract::SrtpProfile profile, uint16_t payload_bytes, uint32_t keys)
      : backend_(backend), payload_(payload_bytes, 0x5a), packets_(kAhead), next_index_(keys, 1) {
    for (uint32_t i = 0; i < keys; ++i) {
      const auto expanded = backend.expand(profile, keyOf(i, false));
      senders_.push_back(backend.openSend(expanded, 1, 0));
      receivers_.push_back(backend.openReceive(expanded, 1, 0, srtp::kReplayWindowVideo));
      if (!senders_.back() || !receivers_.back()) throw std::runtime_error("the backend refused a key");
    }
  }

  double protectNs(double seconds) {
    uint64_t spent_ns = 0, packets = 0;
    protect(0);  // once through, not timed
    while (static_cast<double>(spent_ns) < seconds * 1e9) {
      const uint64_t begin_ns = threadCpuNs();
      for (size_t i = 0; i < 16; ++i, packets += kBurst) protect(0);
      spent_ns += threadCpuNs() - begin_ns;
    }
    return static_cast<double>(spent_ns) / static_cast<double>(packets);
  }

  double unprotectNs(double seconds) {
    uint64_t spent_ns = 0, packets = 0;
    while (static_cast<double>(spent_ns) < seconds * 1e9) {
      const size_t first = key_;
      for (size_t at = 0; at < kAhead; at += kBurst) protect(at);
      key_ = first;
      const uint64_t begin_ns = threadCpuNs();
      for (size_t at = 0; at < kAhead; at += kBurst) unprotect(at);
      spent_ns += threadCpuNs() - begin_ns;
      packets += kAhead;
    }
    return static_cast<double>(spent_ns) / static_cast<double>(packets);
  }

 private:
  size_t nextKey() { return key_ = key_ + 1 >= senders_.size() ? 0 : key_ + 1; }

  /// One burst into packets_[at...].
  void protect(size_t at) {
    std::array<srtp::ProtectJob, kBurst> jobs;
    for (size_t i = 0; i < kBurst; ++i) {
      const size_t key = nextKey();
      const uint64_t index = next_index_[key]++;
      writeRtpHeader(packets_[at + i].bytes.data(),
                     {.payload_type = 96, .sequence = static_cast<uint16_t>(index), .ssrc = 1}, false);
      jobs[i] = {.stream = senders_[key].get(),
                 .destination = packets_[at + i].bytes,
                 .payload = payload_,
                 .index = index,
                 .header_length = kRtpHeaderSize,
                 .written_length = kRtpHeaderSize};
    }
    backend_.protect(jobs);
    for (size_t i = 0; i < kBurst; ++i) packets_[at + i].length = jobs[i].length;
    if (jobs[0].status != srtp::CryptoStatus::kOk) throw std::runtime_error("the backend did not protect");
  }

  void unprotect(size_t at) {
    std::array<srtp::UnprotectJob, kBurst> jobs;
    for (size_t i = 0; i < kBurst; ++i) {
      Buffer& buffer = packets_[at + i];
      jobs[i] = {.stream = receivers_[nextKey()].get(), .packet = std::span(buffer.bytes).first(buffer.length)};
    }
    backend_.unprotect(jobs);
    if (jobs[0].status != srtp::CryptoStatus::kOk) throw std::runtime_error("the backend did not unprotect");
  }

  struct Buffer {
    std::array<uint8_t, 1500> bytes;
    size_t length = 0;
  };

  srtp::Backend& backend_;
  std::vector<uint8_t> payload_;
  std::vector<Buffer> packets_;
  std::vector<uint64_t> next_index_;
  std::vector<std::unique_ptr<srtp::SendStream>> senders_;
  std::vector<std::unique_ptr<srtp::ReceiveStream>> receivers_;
  size_t key_ = 0;
};

double bareNs(contract::SrtpProfile profile, uint16_t payload_bytes, uint32_t keys, bool sending, double seconds) {
  IpsecMbAlone bare(profile, payload_bytes, kBurst, keys);
  bare.pass(sending);  // not timed
  uint64_t packets = 0, spent_ns = 0;
  for (const uint64_t begin_ns = threadCpuNs(); static_cast<double>(spent_ns) < seconds * 1e9;) {
    bare.pass(sending);
    packets += IpsecMbAlone::kPass;
    spent_ns = threadCpuNs() - begin_ns;
  }
  return static_cast<double>(spent_ns) / static_cast<double>(packets);
}

}  // namespace

CryptoRates measureCryptoAlone(srtp::Backend& backend, contract::SrtpProfile profile, uint16_t payload_bytes,
                               uint32_t receivers, uint32_t senders, double seconds) {
  CryptoRates rates;
  const double protect_ns = Alone(backend, profile, payload_bytes, std::max(receivers, 1u)).protectNs(seconds);
  const double unprotect_ns = Alone(backend, profile, payload_bytes, std::max(senders, 1u)).unprotectNs(seconds);
  rates.protect_per_second = 1e9 / protect_ns;
  rates.unprotect_per_second = 1e9 / unprotect_ns;
  rates.protect_cycles = protect_ns * cyclesPerNs();
  rates.unprotect_cycles = unprotect_ns * cyclesPerNs();
  if (IpsecMbAlone::can(profile)) {
    rates.bare_protect_per_second = 1e9 / bareNs(profile, payload_bytes, std::max(receivers, 1u), true, seconds);
    rates.bare_unprotect_per_second = 1e9 / bareNs(profile, payload_bytes, std::max(senders, 1u), false, seconds);
  }
  return rates;
}

}  // namespace penstock::bench
