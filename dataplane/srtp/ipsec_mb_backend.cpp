// See ipsec_mb_backend.h.
#include "dataplane/srtp/ipsec_mb_backend.h"

#include "dataplane/srtp/clear.h"
#include "dataplane/srtp/ipsec_mb_cm.h"
#include "dataplane/srtp/ipsec_mb_gcm.h"
#include "dataplane/srtp/ipsec_mb_manager.h"
#include "dataplane/srtp/key_memory.h"

namespace penstock::srtp {
namespace {

constexpr size_t kCountSize = 128;  // that std::allocate_shared adds, padding included

/// What a thread needs to work on bursts: made by its first one, in memory near to it, and kept.
struct ThreadState {
  static MbManager managerOrThrow() {
    MbManager manager = makeMbManager();
    if (manager == nullptr) throw std::bad_alloc();  // there was one when the backend was made
    return manager;
  }

  MbManager manager = managerOrThrow();
  CmBurst cm{*manager};
};

ThreadState& threadState() {
  static thread_local ThreadState state;
  return state;
}

class IpsecMbBackend final : public Backend {
 public:
  explicit IpsecMbBackend(MbManager manager) : manager_(std::move(manager)) {}

  std::string_view name() const override { return "ipsec-mb"; }

  std::shared_ptr<const Keys> expand(contract::SrtpProfile profile, const contract::SrtpKey& key) override {
    if (isInTheClear(profile)) return clearKeys();
    const auto session = deriveSessionKeys(profile, key, KeyUse::kRtp);
    if (!session) return nullptr;
    if (profileLengths(profile)->auth_key == 0) {
      return std::allocate_shared<GcmKeys>(KeyAllocator<GcmKeys>(gcm_memory_), *manager_, profile, *session);
    }
    return std::allocate_shared<CmKeys>(KeyAllocator<CmKeys>(cm_memory_), *manager_, profile, *session);
  }

  std::unique_ptr<SendStream> openSend(std::shared_ptr<const Keys> keys, uint32_t ssrc, uint64_t first_index) override {
    if (keys == nullptr || ssrc == 0 || first_index > kPacketIndexMax) return nullptr;
    if (isInTheClear(keys->profile())) return openClearSend(ssrc, first_index);
    const size_t key_bytes = static_cast<const MbKeys&>(*keys).isGcm() ? sizeof(GcmKeys) : sizeof(CmKeys);
    return std::make_unique<MbSendStream>(std::move(keys), key_bytes, ssrc, first_index);
  }

  std::unique_ptr<ReceiveStream> openReceive(std::shared_ptr<const Keys> keys, uint32_t ssrc, uint64_t highest_index,
                                             uint32_t window) override {
    if (keys == nullptr || highest_index > kPacketIndexMax) return nullptr;
    if (isInTheClear(keys->profile())) return openClearReceive(ssrc, highest_index, window);
    return std::make_unique<MbReceiveStream>(std::move(keys), ssrc, highest_index, window);
  }

  void prepareThread() override { threadState(); }
  void protect(std::span<ProtectJob> jobs) override {
    ThreadState& state = threadState();
    for (; jobs.size() > kMbBurst; jobs = jobs.subspan(kMbBurst)) protectSome(state, jobs.first(kMbBurst));
    protectSome(state, jobs);
  }
  void unprotect(std::span<UnprotectJob> jobs) override {
    ThreadState& state = threadState();
    for (; jobs.size() > kMbBurst; jobs = jobs.subspan(kMbBurst)) unprotectSome(state, jobs.first(kMbBurst));
    unprotectSome(state, jobs);
  }

 private:
  // So many packets ahead their keys are asked for: a thousand expanded keys fit in no cache of a core.
  static constexpr size_t kKeysAhead = 3;

  static void prefetchKeys(const SendStream& stream) {
    if (!stream.inTheClear()) static_cast<const MbSendStream&>(stream).prefetchKeys();
  }

  static void protectSome(ThreadState& state, std::span<ProtectJob> jobs) {
    for (size_t i = 0; i < jobs.size(); ++i) {
      ProtectJob& job = jobs[i];
      if (i + kKeysAhead < jobs.size()) prefetchKeys(*jobs[i + kKeysAhead].stream);
      if (job.stream->inTheClear()) {
        protectClear(job);
        continue;
      }
      auto& stream = static_cast<MbSendStream&>(*job.stream);
      job.status = stream.examine(job);
      if (job.status != CryptoStatus::kOk) continue;
      stream.use(job.index);
      if (stream.keys().isGcm()) {
        protectGcm(*state.manager, stream, job);
      } else {
        state.cm.add(stream, job);
      }
    }
    state.cm.protect();
  }

  static void unprotectSome(ThreadState& state, std::span<UnprotectJob> jobs) {
    for (UnprotectJob& job : jobs) {
      if (job.stream->inTheClear()) {
        unprotectClear(job);
        continue;
      }
      auto& stream = static_cast<MbReceiveStream&>(*job.stream);
      if (stream.keys().isGcm()) {
        job.status = unprotectGcm(*state.manager, stream, job);
      } else {
        state.cm.add(job);
      }
    }
    state.cm.unprotect();
  }

  MbManager manager_;  // for the expansion of keys, which takes nothing from it but the table of functions
  std::shared_ptr<KeyMemory> gcm_memory_ = std::make_shared<KeyMemory>(sizeof(GcmKeys) + kCountSize);
  std::shared_ptr<KeyMemory> cm_memory_ = std::make_shared<KeyMemory>(sizeof(CmKeys) + kCountSize);
};

}  // namespace

std::unique_ptr<Backend> makeIpsecMbBackend() {
  MbManager manager = makeMbManager();
  if (manager == nullptr) return nullptr;
  return std::make_unique<IpsecMbBackend>(std::move(manager));
}

}  // namespace penstock::srtp
