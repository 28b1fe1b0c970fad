// See key_memory.h.
#include "dataplane/srtp/key_memory.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

namespace penstock::srtp {
namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kChunkSize = kHugePage;

}  // namespace

KeyMemory::KeyMemory(size_t slot_size) : slot_size_((slot_size + kCacheLine - 1) / kCacheLine * kCacheLine) {}

KeyMemory::~KeyMemory() = default;

void* KeyMemory::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) addChunk();
  void* slot = free_.back();
  free_.pop_back();
  return slot;
}

void KeyMemory::giveBack(void* slot) noexcept {
  OPENSSL_cleanse(slot, slot_size_);
  const std::lock_guard lock(mutex_);
  free_.push_back(slot);  // does not allocate: addChunk() made room for every slot
}

void KeyMemory::addChunk() {
  const size_t count = kChunkSize / slot_size_;
  free_.reserve((chunks_.size() + 1) * count);
  chunks_.reserve(chunks_.size() + 1);
  HugeMemory memory = takeHugeMemory(kChunkSize);
  void* const chunk = memory.get();
  // Both are precautions: where the limit on locked memory forbids the first, keys are as safe as the swap space is.
  (void)mlock2(chunk, kChunkSize, MLOCK_ONFAULT);
  (void)madvise(chunk, kChunkSize, MADV_DONTDUMP);
  chunks_.push_back(std::move(memory));
  // The lowest address is taken first.
  for (size_t i = count; i-- > 0;) free_.push_back(static_cast<std::byte*>(chunk) + i * slot_size_);
}

}  // namespace penstock::srtp
