// Multicast listener discovery (RFC 3810): a switch that snoops delivers neighbour solicitations only to whom has said
// that it listens to their groups, and goes on saying so when it is asked.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "dataplane/packet/parse.h"

namespace penstock {

struct ListenerQuery {
  uint64_t response_max_ns;  // an answer is wanted at some time within this
};

/// Queries of both versions; `view` of kind kListenerQuery. Those about one group are not told apart from general ones:
/// an answer that names all groups answers them too.
std::expected<ListenerQuery, Counter> parseListenerQuery(const FrameView& view);

/// Groups in one report.
inline constexpr size_t kListenerGroupMax = 64;
/// Bytes of a report on `groups` groups, with a tag.
constexpr size_t listenerReportSize(size_t groups) {
  return kEthernetSize + kVlanTagSize + kIpv6Size + 8 + 8 + 20 * groups;
}

enum class ListenerRecord : uint8_t {
  kIsExclude = 2,        // MODE_IS_EXCLUDE: an answer
  kChangeToExclude = 4,  // CHANGE_TO_EXCLUDE_MODE: unasked, listening has begun
};

/// Writes "I listen to `groups`, whoever sends there". `source`: a link-local address of ours, or unspecified. Returns
/// the size, 0 if `out` is too small or there are too many groups.
size_t writeListenerReport(const MacAddress& own_mac, const Address& source, std::span<const Address> groups,
                           ListenerRecord record, uint16_t vlan, std::span<uint8_t> out);

}  // namespace penstock
