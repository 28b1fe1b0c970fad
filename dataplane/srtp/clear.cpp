// See clear.h.
#include "dataplane/srtp/clear.h"

#include <cstring>
#include <optional>

#include "dataplane/packet/bytes.h"
#include "dataplane/packet/serial.h"

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

/// Without keys nothing tells a sender that began again from a stray packet but RFC 3550 appendix A.1: two packets in
/// order. Its indices go on ahead of all that were before.
struct ClearReceiveStream final : ReceiveStream {
  ClearReceiveStream(uint32_t ssrc, uint64_t highest_index, uint32_t window)
      : ReceiveStream(ssrc, 0, window, highest_index) {}
  std::unique_ptr<ReceiveStream> another(uint32_t ssrc, uint64_t highest_index) const override {
    return std::make_unique<ClearReceiveStream>(ssrc, highest_index, seen_.size());
  }

  CryptoStatus unprotect(UnprotectJob& job) {
    Claim claim = examine(job);
    if (claim.status == CryptoStatus::kMalformed) return claim.status;
    const uint16_t sequence = load16(job.packet.data() + 2);
    if (started() && isJump(serialDifference(sequence, static_cast<uint16_t>(seen_.highest())))) {
      const bool in_order = jump_next_ == sequence;
      jump_next_ = static_cast<uint16_t>(sequence + 1);
      if (!in_order) return CryptoStatus::kOld;
      claim = {CryptoStatus::kOk, claim.header_length, load32(job.packet.data() + 8), indexAhead(sequence)};
    }
    jump_next_.reset();
    if (claim.status != CryptoStatus::kOk) return claim.status;
    accept(claim);
    job.length = job.packet.size();
    job.index = claim.index;
    return CryptoStatus::kOk;
  }

 private:
  uint64_t indexAhead(uint16_t sequence) const {
    const uint64_t index = (seen_.highest() & ~uint64_t{0xffff}) | sequence;
    return index > seen_.highest() ? index : index + 0x1'0000;
  }

  std::optional<uint16_t> jump_next_;  // what would follow a packet that was far off
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
