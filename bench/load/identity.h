// Where each participant of a scenario is and which keys it has: both processes of a run compute it alike.
#pragma once

#include <cstdint>
#include <string>

#include "bench/load/scenario.h"
#include "dataplane/packet/address.h"

namespace penstock::bench {

/// Participants sit behind one router, as most do: the relay has one neighbour.
inline constexpr const char* kRelayNetwork = "198.18.0.1/16";
inline constexpr const char* kRelayAddress = "198.18.0.1:10000";
inline constexpr const char* kRouterAddress = "198.18.0.2";
inline constexpr MacAddress kRelayMacAddress{{0x02, 0, 0, 0, 0, 0x01}};
inline constexpr MacAddress kRouterMacAddress{{0x02, 0, 0, 0, 0, 0x02}};

/// In 198.19.0.0/16: 250 of each 256 addresses.
Address addressOf(uint32_t participant);

std::string ufragOf(uint32_t participant);
std::string passwordOf(uint32_t participant);

/// Different for each participant and direction.
contract::SrtpKey keyOf(uint32_t participant, bool to_relay);

inline constexpr uint32_t kTrackSsrc = 0x1000'0000;
inline constexpr uint32_t kSubscriptionSsrc = 0x2000'0000;
constexpr uint32_t ssrcOfTrack(uint32_t track) {
  return kTrackSsrc + track * 2;
}
/// The RTX stream's is the next one.
constexpr uint32_t ssrcOfSubscription(uint32_t subscription) {
  return kSubscriptionSsrc + subscription * 2;
}

inline constexpr uint8_t kPublishedPayloadType = 96;
inline constexpr uint8_t kMidExtension = 1;
inline constexpr uint8_t kAudioLevelExtension = 4;
inline constexpr uint8_t kAbsSendTimeExtension = 5;
inline constexpr uint8_t kTransportCcExtension = 7;

contract::TransportRow transportRow(uint32_t participant, contract::SrtpProfile profile);
contract::TrackRow trackRow(const Scenario& scenario, uint32_t track);
contract::SubscriptionRow subscriptionRow(const Scenario& scenario, uint32_t subscription);

}  // namespace penstock::bench
