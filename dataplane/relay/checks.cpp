#include "dataplane/relay/checks.h"

#include <algorithm>

#include "dataplane/packet/stun.h"
#include "dataplane/relay/requests.h"
#include "dataplane/relay/steer.h"
#include "dataplane/relay/transmit.h"

namespace penstock {

namespace {

Remote* findRemote(TransportState& transport, const Address& address) {
  for (uint32_t i = 0; i < transport.remote_count; ++i) {
    if (transport.remotes[i].address == address) return &transport.remotes[i];
  }
  return nullptr;
}

/// Removes one of its addresses, of which media goes to none.
void removeRemote(TransportState& transport, Remote& remote) {
  if (transport.former == remote.address) transport.former = {};
  remote = transport.remotes[--transport.remote_count];
}

/// A place for a new address: a free one, or that of the longest silent among those that count least.
Remote& placeFor(RelayState& s, uint32_t index) {
  TransportState& transport = s.transports[index];
  if (transport.remote_count == kRemoteMax) {
    const auto worth = [&](const Remote& r) {
      const int rank = r.address == transport.nominated ? 3 : r.address == transport.former ? 2 : r.proven ? 1 : 0;
      return std::pair(rank, r.last_check_ns);
    };
    Remote& least = *std::ranges::min_element(transport.remotes, {}, worth);
    s.by_remote.erase(least.address);
    tellRemoteGone(s, index, least.address);
    removeRemote(transport, least);
  }
  return transport.remotes[transport.remote_count++] = {};
}

/// The transport has another address; who had it before loses it. A client that comes back from the same port has a new
/// transport.
Remote& addRemote(RelayState& s, uint32_t index, const Address& address, uint64_t now_ns) {
  if (const uint32_t* other = s.ownAt(address); other != nullptr && *other != index) {
    loseAddress(s, *other, address, now_ns);
  }
  Remote& remote = placeFor(s, index);
  remote = {.address = address, .last_check_ns = now_ns};
  s.by_remote.set(address, index);
  tellRemotes(s, index);
  return remote;
}

/// Whether authentic packets came from the address, which leads to that transport, a short while ago. Of another
/// worker's transport, what its statistics say has to do.
bool isInUse(const RelayState& s, uint32_t index, const Address& address, uint64_t now_ns) {
  const contract::TransportStats& stats = s.reports.transport[index];
  const uint32_t authentic_ticks = __atomic_load_n(&stats.authentic_ticks, __ATOMIC_RELAXED);
  const bool authentic =
      authentic_ticks != 0 && contract::ticksOf(now_ns) - authentic_ticks < contract::ticksOf(kAddressKeptNs);
  if (!s.owns(index)) return authentic && stats.nominated != 0 && stats.remote == address;
  const TransportState& transport = s.transports[index];
  if (transport.row.flags & contract::kTransportEnded) return false;  // its client may come back from the same port
  if (transport.nominated == address) return authentic;
  for (uint32_t i = 0; i < transport.remote_count; ++i) {
    const Remote& remote = transport.remotes[i];
    if (remote.address == address) return now_ns - remote.last_check_ns < kAddressKeptNs;
  }
  return false;
}

/// The answer goes back the way the request came: no route, no neighbour, nothing kept.
void answer(RelayState& s, const FrameView& view, auto&& write) {
  const HeaderTemplate header({.source_mac = s.config.mac,
                               .destination_mac = view.source_mac,
                               .source = view.destination,
                               .destination = view.source,
                               .vlan = s.config.vlan},
                              UdpChecksum::kSoftware);
  transmitFrame(s, [&](std::span<uint8_t> out) -> size_t {
    const size_t length = write(out.subspan(header.size()));
    if (length == 0) return 0;
    header.stamp(out.data(), length);
    return header.size() + length;
  });
}

void tellControl(RelayState& s, contract::EventKind kind, uint32_t index, uint64_t now_ns) {
  const TransportState& transport = s.transports[index];
  s.report.event(
      {.kind = kind, .subject = {index, transport.row.generation}, .address = transport.nominated, .time_ns = now_ns});
}

/// The client checks from there: its packets are taken, whether or not it nominates the address one day.
void learnAddress(RelayState& s, uint32_t index, const FrameView& view, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  Remote* remote = findRemote(transport, view.source);
  if (remote == nullptr) {
    remote = &addRemote(s, index, view.source, now_ns);
    // Asks for the next hop's MAC address before the first answer to DTLS needs it.
    if (const auto route = s.routes.find(view.source)) s.neighbours.want(route->next_hop, now_ns);
  }
  remote->last_check_ns = now_ns;
  remote->credit_bytes += (kUnprovenFactor - 1) * view.payload.size();  // once that, the answer takes
  contract::TransportStats& stats = s.reports.transport[index];
  stats.last_check_ns = now_ns;
  if (transport.nominated == view.source) stats.authentic_ticks = contract::ticksOf(now_ns);
}

}  // namespace

Counter answerCheck(RelayState& s, const FrameView& view, uint64_t now_ns) {
  if (!s.routes.isSourceAllowed(view.source)) return Counter::udp_source_forbidden;
  if (s.routes.isDenied(view.source)) return Counter::udp_source_denied;
  // The answer could go back the way the request came, but media could not. RFC 8445 section 7.2.5.2.3: a pair whose
  // check gets no answer fails, so that the client takes one that works.
  if (!s.routes.find(view.source)) return Counter::stun_source_unroutable;
  const auto request = parseStunRequest(view.payload);
  if (!request) return request.error();
  const uint32_t* found = findByUfrag(s, request->ownUfrag());
  if (found == nullptr || !s.owns(*found) || s.is_plain[*found]) return Counter::stun_ufrag_unknown;
  const uint32_t index = *found;
  TransportState& transport = s.transports[index];
  if (!transport.check_budget.allow(now_ns)) return Counter::stun_budget_spent;
  if (!integrityGood(*request, transport.check_key)) return Counter::stun_integrity_bad;

  const auto refuse = [&](StunError error) {
    answer(s, view, [&](std::span<uint8_t> out) { return writeStunError(*request, error, transport.check_key, out); });
    return Counter::answered;
  };
  // RFC 7675 section 5.2: who is told 403 must cease to send at once. Nothing is learned, nor kept alive.
  if (transport.row.flags & contract::kTransportEnded) {
    s.count(Counter::checks_refused);
    return refuse(StunError::kForbidden);
  }
  if (request->unknown_count > 0) return refuse(StunError::kUnknownAttribute);
  // RFC 8445 section 7.3.1.1: a lite agent is controlled; an agent that thinks it is, too, must change its role.
  if (request->role == IceRole::kControlled) return refuse(StunError::kRoleConflict);

  const uint32_t* other = s.by_remote.find(view.source);
  const bool elsewhere = other != nullptr && *other != index;
  // An address that the API gave, or that SRTP proved, is nobody else's to nominate.
  if (elsewhere && s.is_plain[*other] && request->use_candidate) return Counter::stun_source_plain;
  // Nor is one that another client uses: whoever sent this has the password of one transport, not of both.
  if (elsewhere && (s.is_plain[*other] || isInUse(s, *other, view.source, now_ns))) {
    if (request->use_candidate) s.count(Counter::stun_source_taken);
  } else {
    learnAddress(s, index, view, now_ns);
    if (request->use_candidate) nominate(s, index, view.source, /*proven=*/false, now_ns);
  }
  answer(s, view,
         [&](std::span<uint8_t> out) { return writeStunSuccess(*request, view.source, transport.check_key, out); });
  s.count(Counter::checks_answered);
  return Counter::answered;
}

void addRtcpAddress(RelayState& s, uint32_t index, const Address& address, uint64_t now_ns) {
  if (findRemote(s.transports[index], address) == nullptr) addRemote(s, index, address, now_ns);
}

void nominate(RelayState& s, uint32_t index, const Address& address, bool proven, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (transport.nominated == address) return;
  Remote* remote = findRemote(transport, address);
  if (remote == nullptr) remote = &addRemote(s, index, address, now_ns);
  remote->proven |= proven;
  const bool first = !transport.sendable();
  if (!first && !transport.limited) transport.former = transport.nominated;
  transport.nominated = address;
  transport.nominated_ns = now_ns;
  transport.limited = transport.placed && !remote->proven;
  transport.placed |= transport.row.srtp_profile != contract::SrtpProfile::kNone;
  transport.header = {};
  if (!transport.limited) s.flows.transport[index].remote = address;
  contract::TransportStats& stats = s.reports.transport[index];
  stats.remote = address;
  stats.nominated = 1;
  stats.authentic_ticks = contract::ticksOf(now_ns);
  s.count(Counter::nominations);
  tellControl(s, contract::EventKind::kTransportNominated, index, now_ns);
  unreachable(s, transport, now_ns);  // asks for the next hop's MAC address before the first packet needs it
  if (first) requestKeyFramesFor(s, index, now_ns);
}

void proveAddress(RelayState& s, uint32_t index, const Address& address) {
  TransportState& transport = s.transports[index];
  if (Remote* remote = findRemote(transport, address)) remote->proven = true;
  if (!transport.limited || transport.nominated != address) return;
  transport.limited = false;
  s.flows.transport[index].remote = address;
}

void onKeys(RelayState& s, uint32_t index) {
  TransportState& transport = s.transports[index];
  if (transport.remote_count == 0) return;  // keys that came with the row, before any check
  transport.placed = true;
  if (transport.answered_at.port_be != 0 && !transport.answered_twice) {
    if (Remote* remote = findRemote(transport, transport.answered_at)) remote->proven = true;
  }
  const Remote* remote = findRemote(transport, transport.nominated);
  transport.limited = remote != nullptr && !remote->proven;
}

bool spendCredit(TransportState& transport, size_t bytes) {
  Remote* remote = findRemote(transport, transport.nominated);
  if (remote == nullptr || remote->credit_bytes < bytes) return false;
  remote->credit_bytes -= bytes;
  return true;
}

void forgetRemotes(RelayState& s, uint32_t index) {
  TransportState& transport = s.transports[index];
  for (uint32_t i = 0; i < transport.remote_count; ++i) {
    s.by_remote.erase(transport.remotes[i].address);
    tellRemoteGone(s, index, transport.remotes[i].address);
  }
  transport.remote_count = 0;
  transport.nominated = transport.former = transport.punted_from = {};
  transport.limited = false;
  transport.header = {};
  s.flows.transport[index].remote = {};
  s.reports.transport[index].nominated = 0;
}

void loseAddress(RelayState& s, uint32_t index, const Address& address, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (transport.nominated != address) {
    if (Remote* remote = findRemote(transport, address)) removeRemote(transport, *remote);
    return;
  }
  s.count(Counter::consents_lost);
  tellControl(s, contract::EventKind::kTransportAddressTaken, index, now_ns);
  forgetRemotes(s, index);
}

namespace {

/// Media may not go to the transport's addresses any more: control is told, and they are forgotten.
void loseConsent(RelayState& s, uint32_t index, uint64_t now_ns) {
  s.count(Counter::consents_lost);
  tellControl(s, contract::EventKind::kTransportConsentLost, index, now_ns);
  forgetRemotes(s, index);
}

}  // namespace

void reviewAddresses(RelayState& s, uint32_t index, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (transport.remote_count == 0 || s.is_plain[index]) return;  // nobody checks: it ends when control says so
  uint64_t last_ns = 0;
  for (uint32_t i = 0; i < transport.remote_count; ++i) last_ns = std::max(last_ns, transport.remotes[i].last_check_ns);
  if (now_ns - last_ns >= kConsentNs)
    return transport.sendable() ? loseConsent(s, index, now_ns) : forgetRemotes(s, index);
  if (transport.limited && now_ns - transport.nominated_ns >= kAddressProofNs && transport.former.port_be != 0) {
    s.count(Counter::addresses_reverted);
    nominate(s, index, Address(transport.former), /*proven=*/true, now_ns);
  }
}

}  // namespace penstock
