// intel-ipsec-mb's dispatch table and queues: one per thread, as its hash lanes are shared by all jobs in flight.
#pragma once

#include <intel-ipsec-mb.h>

#include <memory>

namespace penstock::srtp {

struct FreeManager {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using MbManager = std::unique_ptr<IMB_MGR, FreeManager>;

/// Null if the CPU lacks AES or carry-less multiplication, or the library's self-test fails.
MbManager makeMbManager();

}  // namespace penstock::srtp
