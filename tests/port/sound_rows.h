// Rows that are right, for tests to spoil one field of.
#pragma once

#include <cstring>
#include <string_view>

#include "dataplane/contract/rows.h"

namespace penstock::test {

inline void copyText(uint8_t* field, uint8_t& length_bytes, std::string_view text) {
  std::memcpy(field, text.data(), text.size());
  length_bytes = static_cast<uint8_t>(text.size());
}

inline contract::TransportRow soundTransport(uint32_t generation = 1, std::string_view ufrag = "abcd1234") {
  contract::TransportRow row{};
  row.generation = generation;
  row.state = contract::RowState::kUsed;
  copyText(row.ice_ufrag, row.ufrag_length_bytes, ufrag);
  copyText(row.ice_pwd, row.pwd_length_bytes, "aaaaaaaaaaaaaaaaaaaaaaaa");
  row.extension_id[0] = 1;
  row.extension_id[3] = 4;
  row.rtcp_ssrc = 77;
  return row;
}

inline contract::TransportRow keyed(contract::TransportRow row, uint8_t key = 1) {
  row.srtp_profile = contract::SrtpProfile::kAeadAes128Gcm;
  row.receive_key.key[0] = key;
  row.send_key.key[0] = static_cast<uint8_t>(key + 1);
  return row;
}

inline contract::TrackRow soundTrack(contract::RowReference transport = {0, 1}, uint32_t generation = 1,
                                     uint32_t ssrc = 1000) {
  contract::TrackRow row{};
  row.generation = generation;
  row.state = contract::RowState::kUsed;
  row.kind = contract::MediaKind::kVideo;
  copyText(row.mid, row.mid_length_bytes, "0");
  row.transport = transport;
  row.encoding_count = 1;
  row.encoding[0].ssrc = ssrc;
  row.encoding[0].rtx_ssrc = ssrc + 1;
  row.payload_type_count = 2;
  row.payload_type[0] = {.payload_type = 96,
                         .associated = contract::kNotRtx,
                         .codec = contract::Codec::kVp8,
                         .reserved = 0,
                         .clock_rate_hz = 90'000};
  row.payload_type[1] = {
      .payload_type = 97, .associated = 96, .codec = contract::Codec::kOther, .reserved = 0, .clock_rate_hz = 90'000};
  return row;
}

inline contract::SubscriptionRow soundSubscription(contract::RowReference track = {0, 1},
                                                   contract::RowReference transport = {1, 1}, uint32_t generation = 1,
                                                   uint32_t ssrc = 5000) {
  contract::SubscriptionRow row{};
  row.generation = generation;
  row.state = contract::RowState::kUsed;
  row.track = track;
  row.transport = transport;
  row.ssrc = ssrc;
  row.rtx_ssrc = ssrc + 1;
  copyText(row.mid, row.mid_length_bytes, "1");
  row.mapping_count = 1;
  row.mapping[0] = {.from = 96, .to = 100, .rtx_to = 101, .reserved = 0};
  return row;
}

}  // namespace penstock::test
