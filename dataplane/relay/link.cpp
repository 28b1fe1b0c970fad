#include "dataplane/relay/link.h"

#include <algorithm>
#include <array>

#include "dataplane/packet/arp.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/mld.h"
#include "dataplane/packet/nd.h"
#include "dataplane/relay/transmit.h"

namespace penstock {

namespace {

/// Requests sent in one turn of the timers.
constexpr size_t kRequestsPerTurn = 8;

/// A MAC address became known, changed or was lost: every path is looked up again at its next packet.
void forgetHeaders(RelayState& s) {
  for (const uint32_t index : s.active) s.transports[index].header = {};
}

/// Answers come to one queue, whichever worker asked.
void learnForAll(RelayState& s, const Neighbour& neighbour, bool solicited, uint64_t now_ns) {
  learn(s, neighbour, solicited, now_ns);
  s.peers.forEach([&](uint32_t worker) { s.peers.tell(worker, handover::Seen{neighbour, solicited}); });
}

Address ownAddressFor(const RelayState& s, const FrameView& view) {
  if (s.routes.isOurs(view.destination)) return withPort(view.destination, 0);
  for (const Cidr& local : s.config.addresses) {
    if (familyOf(local.address) == view.family) return local.address;
  }
  return view.destination;
}

/// A frame of the relay's own, that nothing received led to.
void transmitOwn(RelayState& s, Counter counter, auto&& write) {
  transmitFrame(s, [&](std::span<uint8_t> out) {
    const size_t size = write(out);
    if (size > 0) s.count(counter);
    return size;
  });
}

/// RFC 3810 section 5.2.13: reports come from a link-local address, or from the unspecified one where there is none; to
/// that snooping switches listen too (RFC 3590 section 4).
Address reportSource(const RelayState& s) {
  for (const Cidr& local : s.config.addresses) {
    if (!isV4(local.address) && isLinkLocal(local.address)) return local.address;
  }
  return {};
}

/// "We listen to the solicited-node groups of our addresses."
void reportGroups(RelayState& s, ListenerRecord record) {
  std::array<Address, kListenerGroupMax> groups;
  size_t count = 0;
  const auto send = [&] {
    if (count == 0) return;
    transmitOwn(s, Counter::announcements, [&](std::span<uint8_t> out) {
      return writeListenerReport(s.config.mac, reportSource(s), std::span(groups).first(count), record, s.config.vlan,
                                 out);
    });
    count = 0;
  };
  for (const Cidr& local : s.config.addresses) {
    if (isV4(local.address)) continue;
    const Address group = solicitedNode(local.address);
    if (std::ranges::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count) continue;
    groups[count++] = group;
    if (count == groups.size()) send();
  }
  send();
}

}  // namespace

void learn(RelayState& s, const Neighbour& neighbour, bool solicited, uint64_t now_ns) {
  if (s.neighbours.learn(neighbour, solicited, now_ns)) forgetHeaders(s);
}

Counter answerArp(RelayState& s, const FrameView& view, uint64_t now_ns) {
  const auto message = parseArp(view);
  if (!message) return message.error();
  if (!s.routes.isOurs(message->target)) return Counter::arp_not_ours;
  if (!message->probe && s.routes.isOnLink(message->sender.ip))
    learnForAll(s, message->sender, !message->request, now_ns);
  if (message->request) {
    transmitFrame(s, [&](std::span<uint8_t> out) {
      return writeArpReply(*message, {message->target, s.config.mac}, s.config.vlan, out);
    });
  }
  return Counter::answered;
}

Counter answerNeighbourDiscovery(RelayState& s, const FrameView& view, uint64_t now_ns) {
  const auto message = parseNeighbourDiscovery(view);
  if (!message) return message.error();
  if (const auto neighbour = message->neighbour()) {
    learnForAll(s, *neighbour, !message->solicitation && message->solicited, now_ns);
  }
  if (!message->solicitation) return Counter::answered;
  if (!s.routes.isOurs(message->target)) return Counter::ip_not_ours;
  transmitFrame(s, [&](std::span<uint8_t> out) {
    return writeNeighbourAdvertisement(*message, view.source_mac, s.config.mac, s.config.vlan, out);
  });
  return Counter::answered;
}

Counter answerListenerQuery(RelayState& s, const FrameView& view, uint64_t now_ns) {
  const auto query = parseListenerQuery(view);
  if (!query) return query.error();
  // RFC 3810 section 6.2: "selects a random delay in the range (0, [Maximum Response Delay])".
  s.announcements.answerAt(now_ns + mixBits(s.config.seed ^ now_ns) % (query->response_max_ns + 1));
  return Counter::answered;
}

Counter answerEcho(RelayState& s, const FrameView& view) {
  if (s.routes.isDenied(view.source)) return Counter::udp_source_denied;
  if (!s.routes.isOurs(view.destination) && !isMulticast(view.destination)) return Counter::ip_not_ours;
  Counter outcome = Counter::answered;
  transmitFrame(s, [&](std::span<uint8_t> out) -> size_t {
    const auto size = writeEchoReply(view, s.config.mac, ownAddressFor(s, view), out);
    if (!size) outcome = size.error();
    return size.value_or(0);
  });
  return outcome;
}

void announce(RelayState& s, uint64_t now_ns) {
  AnnouncementSchedule::Due due = s.announcements.poll(now_ns);
  if (s.peers.self() != 0) due.arp = due.advertisement = due.report = false;  // one says it for all
  for (const Cidr& local : s.config.addresses) {
    const Neighbour own{local.address, s.config.mac};
    const bool v4 = isV4(local.address);
    if (!(v4 ? due.arp : due.advertisement)) continue;
    transmitOwn(s, Counter::announcements, [&](std::span<uint8_t> out) {
      return v4 ? writeArpAnnouncement(own, s.config.vlan, out)
                : writeUnsolicitedAdvertisement(own, s.config.vlan, out);
    });
  }
  if (due.report) reportGroups(s, ListenerRecord::kChangeToExclude);
  if (due.answer) reportGroups(s, ListenerRecord::kIsExclude);
}

void pollNeighbours(RelayState& s, uint64_t now_ns) {
  const bool forgotten = s.neighbours.poll(now_ns, kRequestsPerTurn, [&](const NeighbourRequest& request) {
    const auto route = s.routes.find(request.target);
    if (!route) return;
    const Neighbour own{route->source, s.config.mac};
    transmitOwn(s, Counter::neighbour_requests, [&](std::span<uint8_t> out) {
      return isV4(request.target) ? writeArpRequest(own, request.target, request.known, s.config.vlan, out)
                                  : writeNeighbourSolicitation(own, request.target, request.known, s.config.vlan, out);
    });
  });
  if (forgotten) forgetHeaders(s);
}

}  // namespace penstock
