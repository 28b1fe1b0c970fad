// See ipsec_mb_cm.h.
#include "dataplane/srtp/ipsec_mb_cm.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace penstock::srtp {
namespace {

constexpr size_t kBlock = 16;
constexpr size_t kRocLength = 4;

/// RFC 2104: the state of SHA-1 after one block of the key, padded with zeros, XOR `pad`.
void hashPaddedKey(IMB_MGR& manager, const std::array<uint8_t, 20>& key, uint8_t pad, std::array<uint8_t, 20>& state) {
  alignas(64) std::array<uint8_t, IMB_SHA1_BLOCK_SIZE> block;
  block.fill(pad);
  for (size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
  IMB_SHA1_ONE_BLOCK(&manager, block.data(), state.data());
  OPENSSL_cleanse(block.data(), block.size());
}

}  // namespace

CmKeys::CmKeys(IMB_MGR& manager, contract::SrtpProfile profile, const SessionKeys& session)
    : MbKeys(profile, /*is_gcm=*/false, session.salt) {
  alignas(16) std::array<uint8_t, size_t{16} * 11> decryption;  // made along, and of no use in counter mode
  IMB_AES_KEYEXP_128(&manager, session.key.data(), round_keys_.data(), decryption.data());
  OPENSSL_cleanse(decryption.data(), decryption.size());
  hashPaddedKey(manager, session.auth_key, 0x36, inner_);
  hashPaddedKey(manager, session.auth_key, 0x5c, outer_);
}

CmKeys::~CmKeys() {
  OPENSSL_cleanse(round_keys_.data(), round_keys_.size());
  OPENSSL_cleanse(inner_.data(), inner_.size());
  OPENSSL_cleanse(outer_.data(), outer_.size());
}

CmBurst::CmBurst(IMB_MGR& manager) : manager_(manager), few_(makeFewHashes(manager)) {
  for (size_t i = 0; i < cipher_.size(); ++i) {
    IMB_JOB& job = cipher_[i] = {};
    job.cipher_mode = IMB_CIPHER_CNTR;
    job.cipher_direction = IMB_DIR_ENCRYPT;
    job.chain_order = IMB_ORDER_CIPHER_HASH;
    job.hash_alg = IMB_AUTH_NULL;
    job.key_len_in_bytes = IMB_KEY_128_BYTES;
    job.iv = iv_[i].data();
    job.iv_len_in_bytes = iv_[i].size();
  }
  for (size_t i = 0; i < hash_.size(); ++i) {
    IMB_JOB& job = hash_[i] = {};
    job.cipher_mode = IMB_CIPHER_NULL;
    job.cipher_direction = IMB_DIR_ENCRYPT;
    job.chain_order = IMB_ORDER_HASH_CIPHER;
    job.hash_alg = IMB_AUTH_HMAC_SHA_1;
    job.auth_tag_output = tag_[i].data();
    job.auth_tag_output_len_in_bytes = tag_[i].size();
  }
}

void CmBurst::addCipher(const CmKeys& keys, const Iv& iv, const uint8_t* from, uint8_t* to, size_t length) {
  if (length == 0) return;
  IMB_JOB& job = cipher_[cipher_count_];
  keys.fillCipher(job);
  iv_[cipher_count_++] = iv;
  job.src = from;
  job.dst = to;
  job.msg_len_to_cipher_in_bytes = length;
}

/// RFC 3711 section 4.2: "M = Authenticated Portion || ROC". The counter is written behind the packet, where the tag
/// is or will be, so there is room.
size_t CmBurst::addHash(const CmKeys& keys, uint8_t* packet, size_t length, uint64_t index) {
  const uint32_t roc = __builtin_bswap32(static_cast<uint32_t>(index >> 16));
  std::memcpy(packet + length, &roc, kRocLength);
  IMB_JOB& job = hash_[hash_count_];
  keys.fillHash(job);
  job.src = packet;
  job.msg_len_to_hash_in_bytes = length + kRocLength;
  return hash_count_++;
}

void CmBurst::runCiphers() {
  if (cipher_count_ == 0) return;
  IMB_SUBMIT_CIPHER_BURST_NOCHECK(&manager_, cipher_.data(), static_cast<uint32_t>(cipher_count_), IMB_CIPHER_CNTR,
                                  IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES);
  cipher_count_ = 0;
}

void CmBurst::runHashes(size_t first) {
  const size_t count = hash_count_ - first;
  if (count == 0) return;
  IMB_MGR* const manager = count <= few_.max ? few_.manager.get() : &manager_;
  IMB_SUBMIT_HASH_BURST_NOCHECK(manager, &hash_[first], static_cast<uint32_t>(count), IMB_AUTH_HMAC_SHA_1);
}

void CmBurst::add(const MbSendStream& stream, ProtectJob& job) {
  const auto& keys = static_cast<const CmKeys&>(stream.keys());
  Iv iv = keys.iv(stream.ssrc(), job.index);
  uint8_t* const packet = job.destination.data();
  uint8_t* to = packet + job.written_length;
  std::span<const uint8_t> payload = job.payload;
  if (const size_t lead = job.written_length - job.header_length; lead > 0) {
    // Payload that was written already is completed to whole blocks of the key stream, the rest comes from where it is.
    const size_t completion = std::min((kBlock - lead % kBlock) % kBlock, payload.size());
    if (completion > 0) std::memcpy(to, payload.data(), completion);
    addCipher(keys, iv, packet + job.header_length, packet + job.header_length, lead + completion);
    to += completion;
    payload = payload.subspan(completion);
    const auto block = static_cast<uint16_t>((lead + completion) / kBlock);
    iv[14] = static_cast<uint8_t>(block >> 8);
    iv[15] = static_cast<uint8_t>(block);
  }
  addCipher(keys, iv, payload.data(), to, payload.size());
  addHash(keys, packet, job.written_length + job.payload.size(), job.index);
  sent_[sent_count_++] = &job;
}

void CmBurst::protect() {
  runCiphers();
  runHashes(0);
  for (size_t i = 0; i < sent_count_; ++i) {
    ProtectJob& job = *sent_[i];
    const size_t plain_length = job.written_length + job.payload.size();
    const size_t tag_length = job.stream->tagLength();
    std::memcpy(job.destination.data() + plain_length, tag_[i].data(), tag_length);
    job.length = plain_length + tag_length;
    job.status = CryptoStatus::kOk;
  }
  hash_count_ = sent_count_ = 0;
}

void CmBurst::add(UnprotectJob& job) {
  const auto& stream = static_cast<const MbReceiveStream&>(*job.stream);
  Received& received = received_[received_count_++];
  received = {.job = &job, .hashed_index = kNoIndex};
  const MbReceiveStream::Claim claim = stream.examine(job);
  if (claim.status != CryptoStatus::kOk) return;
  const size_t plain_length = job.packet.size() - stream.tagLength();
  std::memcpy(received.tag.data(), job.packet.data() + plain_length, stream.tagLength());
  received.hash = addHash(static_cast<const CmKeys&>(stream.keys()), job.packet.data(), plain_length, claim.index);
  received.hashed_index = claim.index;
}

void CmBurst::unprotect() {
  runHashes(0);
  // The order of this loop is that of the burst: what a packet is told depends on those before it.
  for (size_t i = 0; i < received_count_; ++i) received_[i].job->status = settle(received_[i]);
  runCiphers();
  hash_count_ = received_count_ = 0;
}

CryptoStatus CmBurst::settle(Received& received) {
  UnprotectJob& job = *received.job;
  auto& stream = static_cast<MbReceiveStream&>(*job.stream);
  MbReceiveStream::Claim claim = stream.examine(job);
  if (claim.status != CryptoStatus::kOk) return claim.status;
  const auto& keys = static_cast<const CmKeys&>(stream.keys());
  uint8_t* const packet = job.packet.data();
  const size_t tag_length = stream.tagLength();
  const size_t plain_length = job.packet.size() - tag_length;
  const auto hashAgain = [&] {  // once for a packet at most: there is room for that
    const size_t first = hash_count_;
    received.hash = addHash(keys, packet, plain_length, claim.index);
    runHashes(first);
  };
  if (received.hashed_index != claim.index) {
    // A packet of the same burst moved the stream on, and this one's roll-over counter is now guessed otherwise.
    if (received.hashed_index == kNoIndex) std::memcpy(received.tag.data(), packet + plain_length, tag_length);
    hashAgain();
  }
  const auto authentic = [&] {
    return CRYPTO_memcmp(tag_[received.hash].data(), received.tag.data(), tag_length) == 0;
  };
  if (!authentic()) {
    if (!stream.assumeRollOver(claim)) return CryptoStatus::kAuthenticationFailed;
    hashAgain();
    if (!authentic()) return CryptoStatus::kAuthenticationFailed;
  }
  addCipher(keys, keys.iv(claim.ssrc, claim.index), packet + claim.header_length, packet + claim.header_length,
            plain_length - claim.header_length);
  stream.accept(claim);
  job.length = plain_length;
  job.index = claim.index;
  return CryptoStatus::kOk;
}

}  // namespace penstock::srtp
