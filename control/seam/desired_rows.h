// What the rows should be: from the room model to the rows of the forwarding tables. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/room/model.h"
#include "dataplane/contract/rows.h"

namespace penstock {

/// nullopt where the model does not fit the row (a ufrag, mid or key of a wrong length): nothing is written. `partner`:
/// that of `place`, generation 0 = none.
std::optional<contract::TransportRow> transportRow(contract::RowReference self, const Transport& transport,
                                                   const TransportPlace& place = {},
                                                   contract::RowReference partner = {});

/// Codecs beyond kPayloadTypeMax are left out.
std::optional<contract::TrackRow> trackRow(contract::RowReference self, contract::RowReference transport,
                                           const Track& track);

/// `mapping` holds the publisher's payload types that the subscriber takes; it may be empty.
std::optional<contract::SubscriptionRow> subscriptionRow(contract::RowReference self, contract::RowReference track,
                                                         contract::RowReference transport, const Track& published,
                                                         const Subscription& subscription);

/// How the publisher's payload types are called by the subscriber: each by the codec that decodes it
/// (control/room/codec.h).
std::vector<contract::PayloadTypeMapping> payloadTypeMapping(const std::vector<Codec>& published,
                                                             const std::vector<Codec>& accepted);

/// Keys that are absent give profile kNone; nullopt for hexadecimal of the wrong length.
std::optional<contract::SrtpKey> srtpKey(uint16_t profile, const std::string& key_hex, const std::string& salt_hex);

}  // namespace penstock
