#include "dataplane/relay/link.h"

#include "dataplane/packet/arp.h"
#include "dataplane/packet/icmp.h"
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

void learn(RelayState& s, const Neighbour& neighbour, bool solicited, uint64_t now_ns) {
  if (s.neighbours.learn(neighbour, solicited, now_ns)) forgetHeaders(s);
}

Address ownAddressFor(const RelayState& s, const FrameView& view) {
  if (s.routes.isOurs(view.destination)) return withPort(view.destination, 0);
  for (const Cidr& local : s.config.addresses) {
    if (familyOf(local.address) == view.family) return local.address;
  }
  return view.destination;
}

}  // namespace

Counter answerArp(RelayState& s, const FrameView& view, uint64_t now_ns) {
  const auto message = parseArp(view);
  if (!message) return message.error();
  if (!s.routes.isOurs(message->target)) return Counter::arp_not_ours;
  if (!message->probe && s.routes.isOnLink(message->sender.ip)) learn(s, message->sender, !message->request, now_ns);
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
    learn(s, *neighbour, !message->solicitation && message->solicited, now_ns);
  }
  if (!message->solicitation) return Counter::answered;
  if (!s.routes.isOurs(message->target)) return Counter::ip_not_ours;
  transmitFrame(s, [&](std::span<uint8_t> out) {
    return writeNeighbourAdvertisement(*message, view.source_mac, s.config.mac, s.config.vlan, out);
  });
  return Counter::answered;
}

Counter answerEcho(RelayState& s, const FrameView& view) {
  if (!s.routes.isOurs(view.destination) && !isMulticast(view.destination)) return Counter::ip_not_ours;
  Counter outcome = Counter::answered;
  transmitFrame(s, [&](std::span<uint8_t> out) -> size_t {
    const auto size = writeEchoReply(view, s.config.mac, ownAddressFor(s, view), out);
    if (!size) outcome = size.error();
    return size.value_or(0);
  });
  return outcome;
}

void pollNeighbours(RelayState& s, uint64_t now_ns) {
  const bool forgotten = s.neighbours.poll(now_ns, kRequestsPerTurn, [&](const NeighbourRequest& request) {
    const auto route = s.routes.find(request.target);
    if (!route) return;
    const Neighbour own{route->source, s.config.mac};
    transmitFrame(s, [&](std::span<uint8_t> out) {
      return isV4(request.target) ? writeArpRequest(own, request.target, request.known, s.config.vlan, out)
                                  : writeNeighbourSolicitation(own, request.target, request.known, s.config.vlan, out);
    });
  });
  if (forgotten) forgetHeaders(s);
}

}  // namespace penstock
