// What an association and the OpenSSL callbacks under it have in common. For control/transport alone.
#pragma once

#include "control/transport/dtls_association.h"
#include "control/transport/openssl.h"

namespace penstock {

/// Fits every path that carries a conference; flights are split by it, not by IP.
inline constexpr long kDtlsMtuBytes = 1200;

/// Of one association, as OpenSSL's BIO and callbacks see it. A datagram in is a read, a write is a datagram out: no
/// write ever has to wait, so that OpenSSL never keeps half a flight.
struct DtlsWire {
  std::span<const uint8_t> input;  // one datagram; empty = none
  DtlsAssociation::Datagrams output;
  std::string fingerprint;
  bool fingerprint_mismatch = false;
  unsigned first_retransmission_us = 0;
};

struct DtlsContext::State {
  SslContextPtr context;
  BioMethodPtr method;
  unsigned first_retransmission_us = 0;
};

}  // namespace penstock
