#include "bench/load/backend.h"

#include <array>

#include "dataplane/srtp/make_backend.h"

namespace penstock::bench {

namespace {

struct ProfileName {
  contract::SrtpProfile profile;
  std::string_view name, long_name;
};
constexpr std::array kProfiles = {
    ProfileName{contract::SrtpProfile::kAeadAes128Gcm, "gcm", "AEAD_AES_128_GCM"},
    ProfileName{contract::SrtpProfile::kAeadAes256Gcm, "gcm256", "AEAD_AES_256_GCM"},
    ProfileName{contract::SrtpProfile::kAes128CmHmacSha1_80, "cm", "AES_CM_128_HMAC_SHA1_80"},
    ProfileName{contract::SrtpProfile::kAes128CmHmacSha1_32, "cm32", "AES_CM_128_HMAC_SHA1_32"},
    ProfileName{contract::SrtpProfile::kUnprotected, "null", "RTP in the clear"},
};

}  // namespace

std::unique_ptr<srtp::Backend> makeBackend(std::string_view name) {
  if (name == "auto") return srtp::makeBackend(srtp::BackendChoice::kAuto);
  if (name == "ipsec-mb") return srtp::makeBackend(srtp::BackendChoice::kIpsecMb);
  if (name == "libsrtp") return srtp::makeBackend(srtp::BackendChoice::kLibsrtp);
  return nullptr;
}

std::string backendName(std::string_view name) {
  const auto backend = makeBackend(name);
  return std::string(backend ? backend->name() : name);
}

std::optional<contract::SrtpProfile> profileOf(std::string_view name) {
  for (const ProfileName& entry : kProfiles) {
    if (entry.name == name) return entry.profile;
  }
  return std::nullopt;
}

std::string_view nameOf(contract::SrtpProfile profile) {
  for (const ProfileName& entry : kProfiles) {
    if (entry.profile == profile) return entry.name;
  }
  return "none";
}

std::string_view longNameOf(contract::SrtpProfile profile) {
  for (const ProfileName& entry : kProfiles) {
    if (entry.profile == profile) return entry.long_name;
  }
  return "none";
}

}  // namespace penstock::bench
