// Keys and streams as the two halves of the ipsec-mb backend know them, and what GCM and CM have in common.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "dataplane/srtp/crypto.h"

namespace penstock::srtp {

/// Packets that are looked at together; longer bursts are cut.
inline constexpr size_t kMbBurst = 64;

class MbKeys : public Keys {
 public:
  /// GCM: the IV of RFC 7714 section 8.1, 12 bytes. CM: that of RFC 3711 section 4.1.1, 16 bytes.
  std::array<uint8_t, 16> iv(uint32_t ssrc, uint64_t index) const {
    std::array<uint8_t, 16> iv;
    uint64_t high = 0, low = 0;
    std::memcpy(&high, salt_.data(), 8);
    std::memcpy(&low, salt_.data() + 8, 8);
    if (is_gcm_) {
      high ^= bigEndian(uint64_t{ssrc} << 16 | index >> 32);
      low ^= bigEndian(index << 32);
    } else {
      high ^= bigEndian(ssrc);
      low ^= bigEndian(index << 16);
    }
    std::memcpy(iv.data(), &high, 8);
    std::memcpy(iv.data() + 8, &low, 8);
    return iv;
  }
  bool isGcm() const { return is_gcm_; }

 protected:
  MbKeys(contract::SrtpProfile profile, bool is_gcm, const std::array<uint8_t, 14>& salt)
      : Keys(profile), is_gcm_(is_gcm) {
    std::memcpy(salt_.data(), salt.data(), salt.size());
  }

 private:
  static uint64_t bigEndian(uint64_t value) {
    static_assert(std::endian::native == std::endian::little);
    return __builtin_bswap64(value);
  }

  alignas(16) std::array<uint8_t, 16> salt_{};  // zero behind the salt
  bool is_gcm_;
};

class MbSendStream final : public SendStream {
 public:
  MbSendStream(std::shared_ptr<const Keys> keys, size_t key_bytes, uint32_t ssrc, uint64_t first_index)
      : SendStream(ssrc, srtp::tagLength(keys->profile()), first_index),
        keys_(std::move(keys)),
        key_bytes_(key_bytes) {}

  using SendStream::examine;
  void use(uint64_t index) { used_.add(index); }
  const MbKeys& keys() const { return static_cast<const MbKeys&>(*keys_); }
  /// Without looking at them, which would wait for the first line.
  void prefetchKeys() const {
    const char* const begin = reinterpret_cast<const char*>(keys_.get());
    for (size_t offset = 0; offset < key_bytes_; offset += 64) __builtin_prefetch(begin + offset);
  }

 private:
  std::shared_ptr<const Keys> keys_;
  size_t key_bytes_;
};

class MbReceiveStream final : public ReceiveStream {
 public:
  MbReceiveStream(std::shared_ptr<const Keys> keys, uint32_t ssrc, uint64_t highest_index, uint32_t window)
      : ReceiveStream(ssrc, srtp::tagLength(keys->profile()), window, highest_index), keys_(std::move(keys)) {}

  std::unique_ptr<ReceiveStream> another(uint32_t ssrc, uint64_t highest_index) const override {
    return std::make_unique<MbReceiveStream>(keys_, ssrc, highest_index, seen_.size());
  }
  using ReceiveStream::accept;
  using ReceiveStream::assumeRollOver;
  using ReceiveStream::Claim;
  using ReceiveStream::examine;
  const MbKeys& keys() const { return static_cast<const MbKeys&>(*keys_); }

 private:
  std::shared_ptr<const Keys> keys_;
};

}  // namespace penstock::srtp
