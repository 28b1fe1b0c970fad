// intel-ipsec-mb's dispatch table and queues: one per thread, as its hash lanes are shared by all jobs in flight.
#pragma once

#include <intel-ipsec-mb.h>

#include <cstddef>
#include <memory>

namespace penstock::srtp {

struct FreeManager {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using MbManager = std::unique_ptr<IMB_MGR, FreeManager>;

/// Null if the CPU lacks AES or carry-less multiplication, or the library's self-test fails.
MbManager makeMbManager();

/// SHA-1 side by side in vector units costs the same for one packet as for 16 (8 with AVX2); few packets are faster
/// with the CPU's SHA instructions, which ipsec-mb uses in its SSE flavour only.
struct FewHashes {
  MbManager manager;  // null: no use for one
  size_t max = 0;     // so many packets are few
};
FewHashes makeFewHashes(const IMB_MGR& many);

}  // namespace penstock::srtp
