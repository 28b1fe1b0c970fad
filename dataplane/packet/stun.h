// STUN Binding requests as ICE sends them, and our answers (RFC 8489, RFC 8445 section 7.1).
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/contract/counters.h"
#include "dataplane/packet/address.h"
#include "dataplane/packet/hmac_sha1.h"

namespace penstock {

using contract::Counter;

inline constexpr uint32_t kStunMagicCookie = 0x2112'a442;
inline constexpr size_t kStunHeaderSize = 20;
/// Attributes looked at in one request; more is stun_malformed.
inline constexpr size_t kStunAttributeMax = 24;
inline constexpr size_t kStunUnknownMax = 8;
/// Bytes of the longest answer we make.
inline constexpr size_t kStunAnswerMax = 96;

enum class IceRole : uint8_t { kNone, kControlling, kControlled };

/// Views into the datagram; valid as long as its bytes are.
struct StunRequest {
  std::span<const uint8_t> message;         // the whole of it
  std::span<const uint8_t> transaction_id;  // 12 bytes
  std::string_view username;                // empty: missing
  uint64_t tie_breaker = 0;
  uint32_t priority = 0;  // 0: missing
  IceRole role = IceRole::kNone;
  bool use_candidate = false;
  uint8_t unknown_count = 0;
  uint16_t integrity_offset = 0;                    // of the MESSAGE-INTEGRITY attribute; 0: missing
  std::array<uint16_t, kStunUnknownMax> unknown{};  // comprehension-required types we do not know (answer 420)

  /// USERNAME = "<ours>:<theirs>" (RFC 8445 section 7.2.2). Both empty when there is no colon.
  std::string_view ownUfrag() const;
  std::string_view peerUfrag() const;
};

/// A Binding request with a right FINGERPRINT, or why not: stun_malformed, stun_not_binding_request,
/// stun_fingerprint_bad. Says nothing yet of who sent it: that is integrityGood().
std::expected<StunRequest, Counter> parseStunRequest(std::span<const uint8_t> datagram);

/// Whether MESSAGE-INTEGRITY is there and made with `key`: HmacSha1Key(our ice-pwd), prepared once per transport.
bool integrityGood(const StunRequest& request, const HmacSha1Key& key);

enum class StunError : uint16_t {
  kBadRequest = 400,
  kForbidden = 403,  // RFC 7675 section 5.2: consent is revoked
  kUnknownAttribute = 420,
  kRoleConflict = 487,
};

/// Success response: where the request came from, integrity, fingerprint. Returns the size, 0 if `out` is too small.
size_t writeStunSuccess(const StunRequest& request, const Address& mapped, const HmacSha1Key& key,
                        std::span<uint8_t> out);

/// Error response, without a reason phrase (never more bytes out than needed); for 420 with request.unknown. Only after
/// integrityGood(). Returns the size, 0 if `out` is too small.
size_t writeStunError(const StunRequest& request, StunError error, const HmacSha1Key& key, std::span<uint8_t> out);

/// RFC 8489 section 14.7.
uint32_t stunFingerprint(std::span<const uint8_t> before_attribute);

}  // namespace penstock
