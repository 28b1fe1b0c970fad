// How a secret that somebody shows is compared with the one that it should be: a token, a signature, a URL's secret.
#pragma once

#include <string_view>

#include <openssl/crypto.h>

namespace penstock {

/// Takes as long for a wrong first byte as for a wrong last one.
inline bool equalInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace penstock
