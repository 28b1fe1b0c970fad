// A crypto backend that does everything but crypto: index and replay rules, lengths, tags of zeros. Payloads stay where
// they are.
#pragma once

#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::bench {

class NoCrypto final : public srtp::Backend {
  struct NoKeys final : srtp::Keys {
    explicit NoKeys(contract::SrtpProfile profile) : Keys(profile) {}
  };
  struct Sending final : srtp::SendStream {
    Sending(uint32_t ssrc, size_t tag_length, uint64_t first_index) : SendStream(ssrc, tag_length, first_index) {}
    void protect(srtp::ProtectJob& job) {
      job.status = examine(job);
      if (job.status != srtp::CryptoStatus::kOk) return;
      used_.add(job.index);
      job.length = job.written_length + job.payload.size() + tagLength();
    }
  };
  struct Receiving final : srtp::ReceiveStream {
    Receiving(uint32_t ssrc, size_t tag_length, uint32_t window, uint64_t highest)
        : ReceiveStream(ssrc, tag_length, window, highest) {}
    std::unique_ptr<srtp::ReceiveStream> another(uint32_t ssrc, uint64_t highest) const override {
      return std::make_unique<Receiving>(ssrc, tagLength(), seen_.size(), highest);
    }
    void unprotect(srtp::UnprotectJob& job) {
      const Claim claim = examine(job);
      job.status = claim.status;
      if (job.status != srtp::CryptoStatus::kOk) return;
      accept(claim);
      job.index = claim.index;
      job.length = job.packet.size() - tagLength();
    }
  };

 public:
  std::string_view name() const override { return "none"; }
  std::shared_ptr<const srtp::Keys> expand(contract::SrtpProfile profile, const contract::SrtpKey&) override {
    return std::make_shared<const NoKeys>(profile);
  }
  std::unique_ptr<srtp::SendStream> openSend(std::shared_ptr<const srtp::Keys> keys, uint32_t ssrc,
                                             uint64_t first_index) override {
    return std::make_unique<Sending>(ssrc, srtp::tagLength(keys->profile()), first_index);
  }
  std::unique_ptr<srtp::ReceiveStream> openReceive(std::shared_ptr<const srtp::Keys> keys, uint32_t ssrc,
                                                   uint64_t highest_index, uint32_t window) override {
    return std::make_unique<Receiving>(ssrc, srtp::tagLength(keys->profile()), window, highest_index);
  }
  void protect(std::span<srtp::ProtectJob> jobs) override {
    for (srtp::ProtectJob& job : jobs) static_cast<Sending*>(job.stream)->protect(job);
  }
  void unprotect(std::span<srtp::UnprotectJob> jobs) override {
    for (srtp::UnprotectJob& job : jobs) static_cast<Receiving*>(job.stream)->unprotect(job);
  }
};

}  // namespace penstock::bench
