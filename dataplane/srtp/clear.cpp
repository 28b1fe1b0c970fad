// See clear.h.
#include "dataplane/srtp/clear.h"

#include <cstring>

namespace penstock::srtp {
namespace {

struct ClearKeys final : Keys {
  ClearKeys() : Keys(contract::SrtpProfile::kUnprotected) {}
};

struct ClearSendStream final : SendStream {
  ClearSendStream(uint32_t ssrc, uint64_t first_index) : SendStream(ssrc, 0, first_index) {}

  CryptoStatus protect(ProtectJob& job) {
    const CryptoStatus status = examine(job);
    if (status != CryptoStatus::kOk) return status;
    if (!job.payload.empty()) {
      std::memcpy(job.destination.data() + job.written_length, job.payload.data(), job.payload.size());
    }
    used_.add(job.index);
    job.length = job.written_length + job.payload.size();
    return CryptoStatus::kOk;
  }
};

struct ClearReceiveStream final : ReceiveStream {
  ClearReceiveStream(uint32_t ssrc, uint64_t highest_index, uint32_t window)
      : ReceiveStream(ssrc, 0, window, highest_index) {}

  CryptoStatus unprotect(UnprotectJob& job) {
    const Claim claim = examine(job);
    if (claim.status != CryptoStatus::kOk) return claim.status;
    accept(claim);
    job.length = job.packet.size();
    job.index = claim.index;
    return CryptoStatus::kOk;
  }
};

}  // namespace

std::shared_ptr<const Keys> clearKeys() {
  return std::make_shared<const ClearKeys>();
}

std::unique_ptr<SendStream> openClearSend(uint32_t ssrc, uint64_t first_index) {
  return std::make_unique<ClearSendStream>(ssrc, first_index);
}

std::unique_ptr<ReceiveStream> openClearReceive(uint32_t ssrc, uint64_t highest_index, uint32_t window) {
  return std::make_unique<ClearReceiveStream>(ssrc, highest_index, window);
}

void protectClear(ProtectJob& job) {
  job.status = static_cast<ClearSendStream*>(job.stream)->protect(job);
}

void unprotectClear(UnprotectJob& job) {
  job.status = static_cast<ClearReceiveStream*>(job.stream)->unprotect(job);
}

}  // namespace penstock::srtp
