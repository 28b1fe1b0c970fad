// See srtcp.h.
#include "dataplane/srtp/srtcp.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>

namespace penstock::srtp {
namespace {

constexpr size_t kRtcpHeader = 8;  // RFC 3711 section 3.4: the first eight octets stay in the clear
constexpr size_t kIndexWord = 4;
constexpr uint32_t kEncrypted = 0x8000'0000;  // the E flag in front of the index

uint32_t read32(const uint8_t* from) {
  return uint32_t{from[0]} << 24 | uint32_t{from[1]} << 16 | uint32_t{from[2]} << 8 | from[3];
}
void write32(uint8_t* to, uint32_t value) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}
void xor32(uint8_t* to, uint32_t value) {
  write32(to, read32(to) ^ value);
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

}  // namespace

/// The cipher contexts hold the expanded keys; OpenSSL wipes them when they are freed.
class SrtcpCipher {
 public:
  static std::unique_ptr<SrtcpCipher> open(contract::SrtpProfile profile, const SessionKeys& session, bool sending) {
    const auto lengths = profileLengths(profile);
    if (!lengths) return nullptr;
    auto made = std::unique_ptr<SrtcpCipher>(new SrtcpCipher);
    made->aead_ = lengths->auth_key == 0;
    made->tag_length_ = lengths->rtcp_tag;
    made->salt_ = session.salt;
    if (!made->openCipher(lengths->key, session, sending)) return nullptr;
    if (!made->aead_ && !made->openMac(session)) return nullptr;
    return made;
  }
  ~SrtcpCipher() { OPENSSL_cleanse(salt_.data(), salt_.size()); }

  size_t trailerLength() const { return kIndexWord + tag_length_; }
  /// Where the index word stands: before the tag of RFC 3711, behind that of RFC 7714.
  size_t indexWordOffset(size_t protected_length) const {
    return protected_length - kIndexWord - (aead_ ? 0 : tag_length_);
  }

  /// Both leave the trailer to be found by its offsets; `length` is that of the compound without it.
  bool protect(uint8_t* packet, size_t length, uint32_t index_word) {
    return aead_ ? sealAead(packet, length, index_word) : sealMac(packet, length, index_word);
  }
  bool unprotect(uint8_t* packet, size_t length, uint32_t index_word) {
    return aead_ ? openAead(packet, length, index_word) : checkMac(packet, length, index_word);
  }

 private:
  bool openCipher(size_t key_length, const SessionKeys& session, bool sending) {
    cipher_.reset(EVP_CIPHER_CTX_new());
    const EVP_CIPHER* type = !aead_ ? EVP_aes_128_ctr() : key_length == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    return cipher_ != nullptr &&
           EVP_CipherInit_ex(cipher_.get(), type, nullptr, session.key.data(), nullptr, sending ? 1 : 0) == 1;
  }
  bool openMac(const SessionKeys& session) {
    EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (hmac == nullptr) return false;
    mac_.reset(EVP_MAC_CTX_new(hmac));
    EVP_MAC_free(hmac);
    char digest[] = "SHA1";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    return mac_ != nullptr &&
           EVP_MAC_init(mac_.get(), session.auth_key.data(), session.auth_key.size(), parameters) == 1;
  }

  /// RFC 3711 section 4.1.1: "IV = (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16)"
  bool crypt(uint8_t* packet, size_t length, uint32_t index_word) {
    std::array<uint8_t, 16> iv{};
    std::memcpy(iv.data(), salt_.data(), 14);
    xor32(iv.data() + 4, read32(packet + 4));
    xor32(iv.data() + 10, index_word & ~kEncrypted);
    int written = 0;
    return EVP_CipherInit_ex(cipher_.get(), nullptr, nullptr, nullptr, iv.data(), -1) == 1 &&
           EVP_CipherUpdate(cipher_.get(), packet + kRtcpHeader, &written, packet + kRtcpHeader,
                            static_cast<int>(length - kRtcpHeader)) == 1;
  }
  bool digest(const uint8_t* packet, size_t length, uint8_t (&out)[20]) {
    size_t written = 0;
    return EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) == 1 && EVP_MAC_update(mac_.get(), packet, length) == 1 &&
           EVP_MAC_final(mac_.get(), out, &written, sizeof(out)) == 1 && written == sizeof(out);
  }
  bool sealMac(uint8_t* packet, size_t length, uint32_t index_word) {
    uint8_t tag[20];
    if (!crypt(packet, length, index_word)) return false;
    write32(packet + length, index_word);
    if (!digest(packet, length + kIndexWord, tag)) return false;
    std::memcpy(packet + length + kIndexWord, tag, tag_length_);
    return true;
  }
  bool checkMac(uint8_t* packet, size_t length, uint32_t index_word) {
    uint8_t tag[20];
    return digest(packet, length + kIndexWord, tag) &&
           CRYPTO_memcmp(tag, packet + length + kIndexWord, tag_length_) == 0 && crypt(packet, length, index_word);
  }

  /// RFC 7714 section 9.1: IV from 0x0000, SSRC, 0x0000 and the index, XOR salt. Section 9.2: the associated data are
  /// the first eight octets and the index word with its E flag.
  bool beginAead(uint8_t* packet, uint32_t index_word) {
    std::array<uint8_t, 12> iv{};
    std::memcpy(iv.data(), salt_.data(), iv.size());
    xor32(iv.data() + 2, read32(packet + 4));
    xor32(iv.data() + 8, index_word & ~kEncrypted);
    uint8_t word[kIndexWord];
    write32(word, index_word);
    int written = 0;
    return EVP_CipherInit_ex(cipher_.get(), nullptr, nullptr, nullptr, iv.data(), -1) == 1 &&
           EVP_CipherUpdate(cipher_.get(), nullptr, &written, packet, kRtcpHeader) == 1 &&
           EVP_CipherUpdate(cipher_.get(), nullptr, &written, word, sizeof(word)) == 1;
  }
  bool sealAead(uint8_t* packet, size_t length, uint32_t index_word) {
    int written = 0;
    if (!beginAead(packet, index_word) ||
        EVP_CipherUpdate(cipher_.get(), packet + kRtcpHeader, &written, packet + kRtcpHeader,
                         static_cast<int>(length - kRtcpHeader)) != 1 ||
        EVP_CipherFinal_ex(cipher_.get(), packet + length, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_length_), packet + length) !=
            1) {
      return false;
    }
    write32(packet + length + tag_length_, index_word);
    return true;
  }
  bool openAead(uint8_t* packet, size_t length, uint32_t index_word) {
    int written = 0;
    return beginAead(packet, index_word) &&
           EVP_CIPHER_CTX_ctrl(cipher_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_length_), packet + length) ==
               1 &&
           EVP_CipherUpdate(cipher_.get(), packet + kRtcpHeader, &written, packet + kRtcpHeader,
                            static_cast<int>(length - kRtcpHeader)) == 1 &&
           EVP_CipherFinal_ex(cipher_.get(), packet + length, &written) == 1;
  }

  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> cipher_;
  std::unique_ptr<EVP_MAC_CTX, FreeMac> mac_;
  std::array<uint8_t, 14> salt_{};
  size_t tag_length_ = 0;
  bool aead_ = false;
};

SrtcpSender::SrtcpSender(std::unique_ptr<SrtcpCipher> cipher, uint64_t first_index)
    : cipher_(std::move(cipher)), next_index_(first_index) {}
SrtcpSender::~SrtcpSender() = default;

std::unique_ptr<SrtcpSender> SrtcpSender::open(contract::SrtpProfile profile, const contract::SrtpKey& key,
                                               uint64_t first_index) {
  if (isInTheClear(profile)) return std::unique_ptr<SrtcpSender>(new SrtcpSender(nullptr, first_index));
  const auto keys = deriveSessionKeys(profile, key, KeyUse::kRtcp);
  return keys ? open(profile, *keys, first_index) : nullptr;
}

std::unique_ptr<SrtcpSender> SrtcpSender::open(contract::SrtpProfile profile, const SessionKeys& keys,
                                               uint64_t first_index) {
  auto cipher = SrtcpCipher::open(profile, keys, true);
  if (cipher == nullptr) return nullptr;
  return std::unique_ptr<SrtcpSender>(new SrtcpSender(std::move(cipher), first_index));
}

SrtcpResult SrtcpSender::protect(std::span<uint8_t> buffer, size_t length) {
  if (length < kRtcpHeader || length > buffer.size()) return {.status = CryptoStatus::kMalformed};
  if (cipher_ == nullptr) return {.length = length, .status = CryptoStatus::kOk};
  if (buffer.size() - length < cipher_->trailerLength()) return {.status = CryptoStatus::kNoSpace};
  if (next_index_ > kSrtcpIndexMax) return {.status = CryptoStatus::kIndexTooFar};
  const auto index = static_cast<uint32_t>(next_index_++);  // spent even if OpenSSL fails
  if (!cipher_->protect(buffer.data(), length, kEncrypted | index)) return {.status = CryptoStatus::kFailed};
  return {.length = length + cipher_->trailerLength(), .status = CryptoStatus::kOk};
}

SrtcpReceiver::SrtcpReceiver(std::unique_ptr<SrtcpCipher> cipher) : cipher_(std::move(cipher)) {}
SrtcpReceiver::~SrtcpReceiver() = default;

std::unique_ptr<SrtcpReceiver> SrtcpReceiver::open(contract::SrtpProfile profile, const contract::SrtpKey& key,
                                                   std::span<const contract::SrtcpSenderFlow> seen) {
  if (isInTheClear(profile)) return std::unique_ptr<SrtcpReceiver>(new SrtcpReceiver(nullptr));
  const auto keys = deriveSessionKeys(profile, key, KeyUse::kRtcp);
  return keys ? open(profile, *keys, seen) : nullptr;
}

std::unique_ptr<SrtcpReceiver> SrtcpReceiver::open(contract::SrtpProfile profile, const SessionKeys& keys,
                                                   std::span<const contract::SrtcpSenderFlow> seen) {
  auto cipher = SrtcpCipher::open(profile, keys, false);
  if (cipher == nullptr) return nullptr;
  auto made = std::unique_ptr<SrtcpReceiver>(new SrtcpReceiver(std::move(cipher)));
  made->resume(seen);
  return made;
}

/// Which of the last indices the earlier process saw is not known: so all of them count as seen.
void SrtcpReceiver::resume(std::span<const contract::SrtcpSenderFlow> seen) {
  for (const contract::SrtcpSenderFlow& sender : seen) {
    const uint32_t index_end = __atomic_load_n(&sender.index_end, __ATOMIC_ACQUIRE);
    if (index_end == 0 || sender_count_ == senders_.size()) return;
    senders_[sender_count_++] = {.ssrc = sender.ssrc, .highest = index_end - 1, .seen = ~uint64_t{0}, .heard = 0};
  }
}

SrtcpReceiver::SenderState* SrtcpReceiver::find(uint32_t ssrc) {
  for (size_t i = 0; i < sender_count_; ++i) {
    if (senders_[i].ssrc == ssrc) return &senders_[i];
  }
  return nullptr;
}

contract::SrtcpSenderFlow* SrtcpReceiver::findForgotten(uint32_t ssrc) {
  const auto found = std::ranges::find_if(
      forgotten_, [&](const auto& sender) { return sender.index_end != 0 && sender.ssrc == ssrc; });
  return found == forgotten_.end() ? nullptr : &*found;
}

/// An authentic packet came from it, and it has no place.
SrtcpReceiver::SenderState& SrtcpReceiver::admit(uint32_t ssrc, uint32_t index) {
  SenderState* place = &senders_[sender_count_];
  // Of one that comes back all that it may have sent before counts as seen.
  contract::SrtcpSenderFlow* before = findForgotten(ssrc);
  const SenderState state =
      before != nullptr ? SenderState{ssrc, before->index_end - 1, ~uint64_t{0}, 0} : SenderState{ssrc, index, 0, 0};
  if (before != nullptr) *before = {};
  if (sender_count_ < senders_.size()) {
    ++sender_count_;
  } else {
    place = &*std::ranges::min_element(senders_, {}, &SenderState::heard);
    forgotten_[forgotten_next_++ % forgotten_.size()] = {place->ssrc, place->highest + 1};
  }
  return *place = state;
}

CryptoStatus SrtcpReceiver::checkReplay(const SenderState& sender, uint32_t index) {
  if (index > sender.highest) return CryptoStatus::kOk;
  const uint32_t behind = sender.highest - index;
  if (behind >= 64) return CryptoStatus::kOld;
  return sender.seen >> behind & 1 ? CryptoStatus::kReplayed : CryptoStatus::kOk;
}

void SrtcpReceiver::markSeen(SenderState& sender, uint32_t index) {
  if (index > sender.highest) {
    const uint32_t ahead = index - sender.highest;
    sender.seen = ahead >= 64 ? 1 : sender.seen << ahead | 1;
    sender.highest = index;
  } else {
    sender.seen |= uint64_t{1} << (sender.highest - index);
  }
}

SrtcpResult SrtcpReceiver::unprotect(std::span<uint8_t> packet) {
  if (cipher_ == nullptr) return {.length = packet.size(), .status = CryptoStatus::kOk};
  if (packet.size() < kRtcpHeader + cipher_->trailerLength() || packet[0] >> 6 != 2) {
    return {.status = CryptoStatus::kMalformed};
  }
  const size_t length = packet.size() - cipher_->trailerLength();
  const uint32_t index_word = read32(packet.data() + cipher_->indexWordOffset(packet.size()));
  // Every profile here encrypts; a packet that says it is in the clear is not from our client.
  if ((index_word & kEncrypted) == 0) return {.status = CryptoStatus::kAuthenticationFailed};
  const uint32_t index = index_word & ~kEncrypted;
  const uint32_t ssrc = read32(packet.data() + 4);
  SenderState* sender = find(ssrc);
  if (sender != nullptr) {
    const CryptoStatus replay = checkReplay(*sender, index);
    if (replay != CryptoStatus::kOk) return {.status = replay};
  } else if (const auto* forgotten = findForgotten(ssrc); forgotten != nullptr && index < forgotten->index_end) {
    return {.status = CryptoStatus::kOld};
  }
  if (!cipher_->unprotect(packet.data(), length, index_word)) return {.status = CryptoStatus::kAuthenticationFailed};
  if (sender == nullptr) sender = &admit(ssrc, index);
  markSeen(*sender, index);
  sender->heard = ++packets_;
  return {.length = length, .status = CryptoStatus::kOk, .sender = static_cast<size_t>(sender - senders_.data())};
}

}  // namespace penstock::srtp
