#include "control/transport/certificate.h"

#include <stdexcept>

#include <openssl/rand.h>

#include "control/transport/openssl.h"

namespace penstock {
namespace {

constexpr long kDayS = 24L * 3600;

void check(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("cannot make a certificate: ") + what + ": " + openSslError());
}

std::string textOf(BIO* bio) {
  const char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(length)};
}

}  // namespace

X509Ptr readCertificate(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

KeyPtr readPrivateKey(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return KeyPtr(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

std::string digestText(const X509* certificate, const EVP_MD* digest) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (X509_digest(certificate, digest, bytes, &length) != 1) return "";
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    if (i > 0) text += ':';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

Certificate makeCertificate() {
  KeyPtr key(EVP_EC_gen("P-256"));
  check(key != nullptr, "key");
  X509Ptr certificate(X509_new());
  check(certificate != nullptr, "certificate");

  uint64_t serial = 0;
  check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1, "serial number");
  check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1) == 1, "serial number");
  check(X509_set_version(certificate.get(), X509_VERSION_3) == 1, "version");
  // Peers compare the fingerprint and nothing else (RFC 8827 section 6.5); a clock that is wrong must not matter.
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDayS);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3650 * kDayS);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("penstock"), -1, -1,
                                   0) == 1,
        "name");
  check(X509_set_issuer_name(certificate.get(), name) == 1, "name");
  check(X509_set_pubkey(certificate.get(), key.get()) == 1, "key");
  check(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "signature");

  BioPtr certificate_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_secmem()));
  check(PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1, "text");
  check(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "text");
  return {.certificate_pem = textOf(certificate_text.get()), .private_key_pem = textOf(key_text.get())};
}

std::string fingerprintOf(const Certificate& certificate) {
  const X509Ptr parsed = readCertificate(certificate.certificate_pem);
  const std::string digest = parsed ? digestText(parsed.get(), EVP_sha256()) : "";
  if (digest.empty()) throw std::runtime_error("not a certificate: " + openSslError());
  return "sha-256 " + digest;
}

}  // namespace penstock
