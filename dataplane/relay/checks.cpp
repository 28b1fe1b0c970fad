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

/// A place for a newly nominated address: a free one, or that of the longest silent.
Remote& placeFor(RelayState& s, uint32_t index) {
  TransportState& transport = s.transports[index];
  if (transport.remote_count < kRemoteMax) return transport.remotes[transport.remote_count++];
  Remote& oldest = *std::ranges::min_element(transport.remotes, {}, &Remote::last_check_ns);
  s.by_remote.erase(oldest.address);
  tellRemoteGone(s, index, oldest.address);
  return oldest;
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

void tell(RelayState& s, contract::EventKind kind, uint32_t index, uint64_t now_ns) {
  const TransportState& transport = s.transports[index];
  s.report.event(
      {.kind = kind, .subject = {index, transport.row.generation}, .address = transport.nominated, .time_ns = now_ns});
}

}  // namespace

Counter answerCheck(RelayState& s, const FrameView& view, uint64_t now_ns) {
  if (!s.routes.isSourceAllowed(view.source)) return Counter::udp_source_forbidden;
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
  if (request->unknown_count > 0) return refuse(StunError::kUnknownAttribute);
  // RFC 8445 section 7.3.1.1: a lite agent is controlled; an agent that thinks it is, too, must change its role.
  if (request->role == IceRole::kControlled) return refuse(StunError::kRoleConflict);

  // An address that the API gave, or that SRTP proved, is nobody else's to nominate.
  if (const uint32_t* other = s.by_remote.find(view.source);
      request->use_candidate && other != nullptr && s.is_plain[*other]) {
    return Counter::stun_source_plain;
  }

  if (Remote* remote = findRemote(transport, view.source)) remote->last_check_ns = now_ns;
  s.reports.transport[index].last_check_ns = now_ns;
  if (request->use_candidate) nominate(s, index, view.source, now_ns);
  answer(s, view,
         [&](std::span<uint8_t> out) { return writeStunSuccess(*request, view.source, transport.check_key, out); });
  s.count(Counter::checks_answered);
  return Counter::answered;
}

void nominate(RelayState& s, uint32_t index, const Address& address, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (transport.nominated == address) return;
  if (findRemote(transport, address) == nullptr) {
    // A client that comes back from the same port has a new transport: its old one loses the address.
    if (const uint32_t* other = s.ownAt(address); other != nullptr && *other != index) loseConsent(s, *other, now_ns);
    placeFor(s, index) = {address, now_ns};
    s.by_remote.set(address, index);
    tellRemotes(s, index);
  }
  const bool first = !transport.sendable();
  transport.nominated = address;
  transport.header = {};
  s.flows.transport[index].remote = address;
  contract::TransportStats& stats = s.reports.transport[index];
  stats.remote = address;
  stats.nominated = 1;
  s.count(Counter::nominations);
  tell(s, contract::EventKind::kTransportNominated, index, now_ns);
  unreachable(s, transport, now_ns);  // asks for the next hop's MAC address before the first packet needs it
  if (first) requestKeyFramesFor(s, index, now_ns);
}

void forgetRemotes(RelayState& s, uint32_t index) {
  TransportState& transport = s.transports[index];
  for (uint32_t i = 0; i < transport.remote_count; ++i) {
    s.by_remote.erase(transport.remotes[i].address);
    tellRemoteGone(s, index, transport.remotes[i].address);
  }
  transport.remote_count = 0;
  transport.nominated = {};
  transport.header = {};
  s.flows.transport[index].remote = {};
  s.reports.transport[index].nominated = 0;
}

void loseConsent(RelayState& s, uint32_t index, uint64_t now_ns) {
  s.count(Counter::consents_lost);
  tell(s, contract::EventKind::kTransportConsentLost, index, now_ns);
  forgetRemotes(s, index);
}

void expireConsent(RelayState& s, uint32_t index, uint64_t now_ns) {
  TransportState& transport = s.transports[index];
  if (!transport.sendable() || s.is_plain[index]) return;  // nobody checks: it ends when control says so
  uint64_t last_ns = 0;
  for (uint32_t i = 0; i < transport.remote_count; ++i) last_ns = std::max(last_ns, transport.remotes[i].last_check_ns);
  if (now_ns - last_ns >= kConsentNs) loseConsent(s, index, now_ns);
}

}  // namespace penstock
