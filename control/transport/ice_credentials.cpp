#include "control/transport/ice_credentials.h"

#include <array>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace penstock {

IceCredentials iceCredentials(std::span<const uint8_t, 32> random) {
  // RFC 8839 section 5.4: ice-char = ALPHA / DIGIT / "+" / "/". There are 64, so that no character is likelier.
  static constexpr char kIceChars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  IceCredentials credentials;
  for (size_t i = 0; i < random.size(); ++i) (i < 8 ? credentials.ufrag : credentials.pwd) += kIceChars[random[i] & 63];
  return credentials;
}

IceCredentials makeIceCredentials() {
  std::array<uint8_t, 32> random;
  if (RAND_bytes(random.data(), random.size()) != 1) throw std::runtime_error("no random numbers");
  IceCredentials credentials = iceCredentials(random);
  OPENSSL_cleanse(random.data(), random.size());
  return credentials;
}

}  // namespace penstock
