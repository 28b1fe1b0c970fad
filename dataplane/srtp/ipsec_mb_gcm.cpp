// See ipsec_mb_gcm.h.
#include "dataplane/srtp/ipsec_mb_gcm.h"

#include <openssl/crypto.h>

namespace penstock::srtp {
namespace {

constexpr size_t kTag = 16;

bool isLong(const Keys& keys) {
  return keys.profile() == contract::SrtpProfile::kAeadAes256Gcm;
}

/// Payload in two parts: bytes behind the header that are there already, then the shared rest.
void encryptParts(IMB_MGR& manager, const GcmKeys& keys, const ProtectJob& job, const uint8_t* iv, uint8_t* tag) {
  gcm_context_data context;
  uint8_t* const header = job.destination.data();
  uint8_t* const lead = header + job.header_length;
  uint8_t* const rest = header + job.written_length;
  const uint64_t lead_length = job.written_length - job.header_length;
  if (isLong(keys)) {
    IMB_AES256_GCM_INIT(&manager, &keys.expanded(), &context, iv, header, job.header_length);
    IMB_AES256_GCM_ENC_UPDATE(&manager, &keys.expanded(), &context, lead, lead, lead_length);
    IMB_AES256_GCM_ENC_UPDATE(&manager, &keys.expanded(), &context, rest, job.payload.data(), job.payload.size());
    IMB_AES256_GCM_ENC_FINALIZE(&manager, &keys.expanded(), &context, tag, kTag);
  } else {
    IMB_AES128_GCM_INIT(&manager, &keys.expanded(), &context, iv, header, job.header_length);
    IMB_AES128_GCM_ENC_UPDATE(&manager, &keys.expanded(), &context, lead, lead, lead_length);
    IMB_AES128_GCM_ENC_UPDATE(&manager, &keys.expanded(), &context, rest, job.payload.data(), job.payload.size());
    IMB_AES128_GCM_ENC_FINALIZE(&manager, &keys.expanded(), &context, tag, kTag);
  }
}

/// XORs the keystream of the claim's index over the payload, and writes the tag that goes with it.
void crypt(IMB_MGR& manager, const GcmKeys& keys, UnprotectJob& job, const MbReceiveStream::Claim& claim, bool decrypts,
           std::array<uint8_t, kTag>& tag) {
  const auto iv = keys.iv(claim.ssrc, claim.index);
  uint8_t* const packet = job.packet.data();
  uint8_t* const payload = packet + claim.header_length;
  gcm_context_data context;
  const auto decrypt = isLong(keys) ? manager.gcm256_dec : manager.gcm128_dec;
  const auto encrypt = isLong(keys) ? manager.gcm256_enc : manager.gcm128_enc;
  (decrypts ? decrypt : encrypt)(&keys.expanded(), &context, payload, payload,
                                 job.packet.size() - claim.header_length - kTag, iv.data(), packet, claim.header_length,
                                 tag.data(), kTag);
}

}  // namespace

GcmKeys::GcmKeys(IMB_MGR& manager, contract::SrtpProfile profile, const SessionKeys& session)
    : MbKeys(profile, /*is_gcm=*/true, session.salt) {
  if (isLong(*this)) {
    IMB_AES256_GCM_PRE(&manager, session.key.data(), &expanded_);
  } else {
    IMB_AES128_GCM_PRE(&manager, session.key.data(), &expanded_);
  }
}

GcmKeys::~GcmKeys() {
  OPENSSL_cleanse(&expanded_, sizeof(expanded_));
}

void protectGcm(IMB_MGR& manager, const MbSendStream& stream, ProtectJob& job) {
  const auto& keys = static_cast<const GcmKeys&>(stream.keys());
  const auto iv = keys.iv(stream.ssrc(), job.index);
  uint8_t* const header = job.destination.data();
  uint8_t* const tag = header + job.written_length + job.payload.size();
  job.length = job.written_length + job.payload.size() + kTag;
  if (job.written_length != job.header_length) return encryptParts(manager, keys, job, iv.data(), tag);
  gcm_context_data context;
  const auto encrypt = isLong(keys) ? manager.gcm256_enc : manager.gcm128_enc;
  encrypt(&keys.expanded(), &context, header + job.header_length, job.payload.data(), job.payload.size(), iv.data(),
          header, job.header_length, tag, kTag);
}

CryptoStatus unprotectGcm(IMB_MGR& manager, MbReceiveStream& stream, UnprotectJob& job) {
  MbReceiveStream::Claim claim = stream.examine(job);
  if (claim.status != CryptoStatus::kOk) return claim.status;
  const auto& keys = static_cast<const GcmKeys&>(stream.keys());
  const size_t length = job.packet.size() - kTag;
  alignas(16) std::array<uint8_t, kTag> tag;
  const auto authentic = [&] {
    crypt(manager, keys, job, claim, /*decrypts=*/true, tag);
    return CRYPTO_memcmp(tag.data(), job.packet.data() + length, kTag) == 0;
  };
  bool good = authentic();
  if (!good && !stream.started()) [[unlikely]] {
    crypt(manager, keys, job, claim, /*decrypts=*/false, tag);  // as it came
    good = stream.assumeRollOver(claim) && authentic();
  }
  if (!good) {
    // Decrypted on the way to the tag, and not to be seen by anybody.
    if (length > claim.header_length) {
      std::memset(job.packet.data() + claim.header_length, 0, length - claim.header_length);
    }
    return CryptoStatus::kAuthenticationFailed;
  }
  stream.accept(claim);
  job.length = length;
  job.index = claim.index;
  return CryptoStatus::kOk;
}

}  // namespace penstock::srtp
