#include "control/transport/dtls_association.h"

#include <array>
#include <utility>

#include "control/transport/dtls_context.h"
#include "control/transport/dtls_filter.h"

namespace penstock {
namespace {

using contract::SrtpProfile;

constexpr std::string_view kExporterLabel = "EXTRACTOR-dtls_srtp";  // RFC 5764 section 4.2

constexpr unsigned kRetransmissionMaxUs = 4'000'000;

/// In the client role: FFmpeg 9 as a server never answers the first ClientHello, which finds it unprepared.
constexpr unsigned kClientRetransmissionUs = 50'000;

/// RFC 6347 section 4.2.4.1 starts at one second, for networks of old; a lost flight at join is a second of silence.
unsigned nextRetransmissionUs(SSL* ssl, unsigned last_us) {
  const auto* wire = static_cast<const DtlsWire*>(SSL_get_app_data(ssl));
  return last_us == 0 ? wire->first_retransmission_us : std::min(2 * last_us, kRetransmissionMaxUs);
}

std::string hex(const unsigned char* bytes, size_t length) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * length);
  for (size_t i = 0; i < length; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

/// RFC 5764 section 4.2: client key, server key, client salt, server salt.
std::optional<SrtpKeys> exportKeys(SSL* ssl, DtlsRole role) {
  const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl);
  if (profile == nullptr) return std::nullopt;
  size_t key_length = 16, salt_length = 14;
  switch (static_cast<SrtpProfile>(profile->id)) {
    case SrtpProfile::kAes128CmHmacSha1_80:
    case SrtpProfile::kAes128CmHmacSha1_32:
      break;
    case SrtpProfile::kAeadAes256Gcm:
      key_length = 32;
      [[fallthrough]];
    case SrtpProfile::kAeadAes128Gcm:
      salt_length = 12;
      break;
    default:
      return std::nullopt;
  }
  std::array<unsigned char, 2 * (contract::kSrtpKeyMax + contract::kSrtpSaltMax)> material;
  if (SSL_export_keying_material(ssl, material.data(), 2 * (key_length + salt_length), kExporterLabel.data(),
                                 kExporterLabel.size(), nullptr, 0, 0) != 1)
    return std::nullopt;
  const unsigned char* client_key = material.data();
  const unsigned char* server_key = client_key + key_length;
  const unsigned char* client_salt = server_key + key_length;
  const unsigned char* server_salt = client_salt + salt_length;
  SrtpKeys keys{.profile = static_cast<uint16_t>(profile->id),
                .receive_key = hex(client_key, key_length),
                .receive_salt = hex(client_salt, salt_length),
                .send_key = hex(server_key, key_length),
                .send_salt = hex(server_salt, salt_length)};
  if (role == DtlsRole::client) {
    std::swap(keys.receive_key, keys.send_key);
    std::swap(keys.receive_salt, keys.send_salt);
  }
  OPENSSL_cleanse(material.data(), material.size());
  return keys;
}

}  // namespace

std::string_view nameOf(DtlsFailure failure) {
  switch (failure) {
    case DtlsFailure::kFingerprintMismatch:
      return "fingerprint_mismatch";
    case DtlsFailure::kNoSrtpProfile:
      return "no_srtp_profile";
    case DtlsFailure::kProtocol:
      return "protocol";
    case DtlsFailure::kTimeout:
      return "timeout";
  }
  return "unknown";
}

struct DtlsAssociation::Impl {
  Impl(const DtlsContext::State& context, DtlsRole our_role) : shared(context), role(our_role), filter(our_role) {}

  const DtlsContext::State& shared;
  DtlsWire wire;
  SslPtr ssl;
  const DtlsRole role;
  DtlsFilter filter;
  uint64_t ignored = 0;
  State state = State::kHandshaking;
  DtlsFailure failure = DtlsFailure::kProtocol;
  SrtpKeys keys;

  void open() {
    ssl.reset(SSL_new(shared.context.get()));
    BIO* bio = BIO_new(shared.method.get());
    if (ssl == nullptr || bio == nullptr) {
      BIO_free(bio);
      return fail(DtlsFailure::kProtocol);  // out of memory
    }
    BIO_set_data(bio, &wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl.get(), bio, bio);
    SSL_set_app_data(ssl.get(), &wire);
    DTLS_set_timer_cb(ssl.get(), nextRetransmissionUs);
    SSL_set_mtu(ssl.get(), kDtlsMtuBytes);
    if (role == DtlsRole::client)
      SSL_set_connect_state(ssl.get());
    else
      SSL_set_accept_state(ssl.get());
  }

  bool isLive() const { return state == State::kHandshaking || state == State::kSecured; }

  DtlsFilter::Phase phase() const {
    if (state == State::kSecured) return DtlsFilter::Phase::kSecured;
    switch (SSL_get_state(ssl.get())) {
      case TLS_ST_SR_CHANGE:
      case TLS_ST_CR_CHANGE:
        return DtlsFilter::Phase::kCipher;
      default:
        return DtlsFilter::Phase::kPlaintext;
    }
  }

  /// An alert under the cipher that is agreed on: the shortest record.
  size_t protectedMin() const {
    const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl.get());
    const bool chacha = cipher != nullptr && SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305;
    return 2 + (chacha ? 0 : 8) + 16;  // RFC 7905 section 2; RFC 5288 section 3: an explicit nonce
  }

  void receive(std::span<const uint8_t> datagram) {
    std::span<const uint8_t> record;
    while (!datagram.empty() && isLive()) {
      if (phase() != DtlsFilter::Phase::kPlaintext) filter.setProtectedMin(protectedMin());
      if (!filter.next(datagram, record, phase())) {
        ++ignored;
        continue;
      }
      if (filter.takeOtherHello()) {
        if (SSL_get_state(ssl.get()) != TLS_ST_BEFORE) continue;  // it was whole, and is answered
        open();
      }
      take(record);
    }
    if (!isLive() || phase() == DtlsFilter::Phase::kPlaintext) return;
    for (const auto& early : filter.takeEarly()) take(early);
  }

  void take(std::span<const uint8_t> record) {
    if (!isLive()) return;
    wire.input = record;
    advance();
    wire.input = {};
  }

  void fail(DtlsFailure why) {
    state = State::kFailed;
    failure = why;
  }

  /// Drives OpenSSL as far as it goes with what has come in.
  void advance() {
    ERR_clear_error();
    if (state == State::kHandshaking) handshake();
    if (state == State::kSecured) readRecords();
    ERR_clear_error();
  }

  void handshake() {
    const int result = SSL_do_handshake(ssl.get());
    if (result == 1) {
      auto exported = exportKeys(ssl.get(), role);
      if (!exported) return fail(DtlsFailure::kNoSrtpProfile);
      keys = std::move(*exported);
      state = State::kSecured;
      return;
    }
    const int error = SSL_get_error(ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    fail(wire.fingerprint_mismatch ? DtlsFailure::kFingerprintMismatch : DtlsFailure::kProtocol);
  }

  /// After the handshake: retransmissions of the client's last flight are answered inside, application data is not
  /// ours, and close_notify is believed because records are authenticated.
  void readRecords() {
    std::array<unsigned char, 2048> discarded;
    for (int i = 0; i < 64; ++i) {
      const int result = SSL_read(ssl.get(), discarded.data(), discarded.size());
      if (result > 0) continue;
      if (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) state = State::kClosed;
      return;
    }
  }
};

DtlsAssociation::DtlsAssociation(const DtlsContext& context, DtlsRole role, const std::string& remote_fingerprint)
    : impl_(std::make_unique<Impl>(*context.state_, role)) {
  const unsigned first_us = context.state_->first_retransmission_us;
  impl_->wire.fingerprint = remote_fingerprint;
  impl_->wire.first_retransmission_us =
      role == DtlsRole::client ? std::min(first_us, kClientRetransmissionUs) : first_us;
  impl_->open();
}

DtlsAssociation::~DtlsAssociation() = default;

void DtlsAssociation::start() {
  if (impl_->role == DtlsRole::client && impl_->state == State::kHandshaking) impl_->advance();
}

void DtlsAssociation::receive(std::span<const uint8_t> datagram) {
  if (impl_->isLive()) impl_->receive(datagram);
}

void DtlsAssociation::onTimeout() {
  if (!impl_->isLive()) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(impl_->ssl.get()) < 0 && impl_->state == State::kHandshaking)
    impl_->fail(DtlsFailure::kTimeout);  // OpenSSL gave up
  ERR_clear_error();
}

std::optional<std::chrono::microseconds> DtlsAssociation::timeout() const {
  if (!impl_->isLive()) return std::nullopt;
  timeval left{};
  if (DTLSv1_get_timeout(impl_->ssl.get(), &left) != 1) return std::nullopt;
  return std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
}

void DtlsAssociation::close() {
  if (impl_->state != State::kSecured) return;
  SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
  impl_->state = State::kClosed;
}

DtlsAssociation::State DtlsAssociation::state() const {
  return impl_->state;
}
DtlsFailure DtlsAssociation::failure() const {
  return impl_->failure;
}
const SrtpKeys& DtlsAssociation::keys() const {
  return impl_->keys;
}
uint64_t DtlsAssociation::takeIgnored() {
  return std::exchange(impl_->ignored, 0);
}
DtlsAssociation::Datagrams DtlsAssociation::takeOutput() {
  return std::exchange(impl_->wire.output, {});
}

}  // namespace penstock
