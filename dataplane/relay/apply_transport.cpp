// Transports taken into the worker's state, and out of it.
#include <algorithm>
#include <utility>

#include "dataplane/relay/apply.h"
#include "dataplane/relay/checks.h"
#include "dataplane/relay/flows.h"
#include "dataplane/relay/speakers.h"

namespace penstock {

namespace {

UfragKey ufragOf(const contract::TransportRow& row) {
  UfragKey key{};
  std::copy_n(row.ice_ufrag, row.ufrag_length_bytes, key.begin());
  return key;
}

/// RFC 7022 section 4.2: a CNAME for one session is random, at least 96 bits of it, so that it tells nothing: neither
/// how many transports there are, nor that two of them are of one client. Of what each worker knows, under the seed.
std::array<char, 24> makeCname(uint64_t seed, uint32_t index, uint32_t generation) {
  const auto bytes = [](const auto& number) {
    return std::span(reinterpret_cast<const uint8_t*>(&number), sizeof number);
  };
  const Sha1Digest digest = HmacSha1Key(bytes(seed)).sign({bytes(index), bytes(generation)});
  std::array<char, 24> text;
  for (size_t i = 0; i < text.size(); ++i) text[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 * 4) & 15];
  return text;
}

/// A transport, or the publisher of foreign tracks.
TransportState& emplaceTransport(RelayState& s, uint32_t index, uint32_t generation) {
  TransportState& transport = s.transports.emplace(index);
  transport.cname = makeCname(s.config.seed, index, generation);
  transport.active_position = static_cast<uint32_t>(s.active.size());
  s.active.push_back(index);
  return transport;
}

void openTransport(RelayState& s, uint32_t index, const contract::TransportRow& row, uint64_t now_ns) {
  TransportState& transport = emplaceTransport(s, index, row.generation);
  // Spread over the interval, so that a storm of joins is not a storm of reports each second.
  transport.next_report_ns = now_ns + mixBits(index ^ s.config.seed) % kReportIntervalNs;
  s.owner_of[index] = static_cast<uint8_t>(s.peers.self());
  s.reports.transport[index] = {.generation = row.generation};
  contract::TransportFlow& flow = s.flows.transport[index];
  transport.placed = flow.generation == row.generation;  // by an earlier process
  if (flow.generation != row.generation) {
    flow = {};
    __atomic_store_n(&flow.generation, row.generation, __ATOMIC_RELEASE);  // last: see flows.h
  }
  transport.srtcp_reservation = stream::IndexReservation(flow.srtcp_index_reserved);
}

void setExtensions(TransportState& transport, const contract::TransportRow& row) {
  transport.extension_of_id.fill(kNoExtension);
  for (uint8_t e = 0; e < static_cast<uint8_t>(contract::Extension::kCount); ++e) {
    if (row.extension_id[e] != 0) transport.extension_of_id[row.extension_id[e]] = e;
  }
}

/// What an earlier process, or this one under other keys, has received is what the flows region now says of it.
void storeReceived(contract::TransportFlow& flow, const TransportState& transport) {
  for (size_t i = 0; i < contract::kSrtcpSenderMax; ++i) {
    flow.srtcp_sender[i].index_end = 0;
    if (i < transport.srtcp_receiver->senderCount()) storeSrtcpSender(flow, *transport.srtcp_receiver, i);
  }
  storeRetired(flow, transport);
}

/// What belongs to another worker has neither keys nor addresses here, and no place in reports and flows.
void applyForeign(RelayState& s, const TransportCommand& command) {
  if (!s.transports.holds(command.index)) emplaceTransport(s, command.index, command.row.generation).foreign = true;
  TransportState& transport = s.transports[command.index];
  transport.row = command.row;
  setExtensions(transport, command.row);
}

/// Media goes to the address that the row gives, and RTCP to its port there.
void placePlain(RelayState& s, uint32_t index, uint64_t now_ns) {
  const contract::TransportRow& row = s.transports[index].row;
  const Address remote = row.remote;
  if (!s.routes.isSourceAllowed(remote) || !s.routes.find(remote)) {
    return s.count(Counter::row_address_unroutable);
  }
  const auto taken = [&](const Address& address) {
    const uint32_t* other = s.by_remote.find(address);
    return other != nullptr && *other != index && s.is_plain[*other];
  };
  if (taken(remote) || taken(rtcpAddressOf(row))) return s.count(Counter::row_address_taken);
  nominate(s, index, remote, /*proven=*/true, now_ns);
  addRtcpAddress(s, index, rtcpAddressOf(row), now_ns);
}

}  // namespace

void applyElsewhere(RelayState& s, const ElsewhereCommand& command) {
  // The ufrag that led there before: rows of one index come in order.
  if (const auto known = s.ufrag_elsewhere.find(command.index); known != s.ufrag_elsewhere.end()) {
    if (const uint32_t* index = s.by_ufrag.find(known->second); index != nullptr && *index == command.index) {
      s.by_ufrag.erase(known->second);
    }
    s.ufrag_elsewhere.erase(known);
  }
  s.is_plain[command.index] = command.row.kind == contract::TransportKind::kPlain;
  if (command.row.state == contract::RowState::kFree) return;
  const UfragKey ufrag = ufragOf(command.row);
  s.owner_of[command.index] = static_cast<uint8_t>(command.worker);
  s.by_ufrag.set(ufrag, command.index);
  s.ufrag_elsewhere[command.index] = ufrag;
}

std::optional<Counter> applyTransport(RelayState& s, TransportCommand& command, uint64_t now_ns) {
  const contract::TransportRow& row = command.row;
  if (row.state == contract::RowState::kFree) return closeTransport(s, command.index), Counter::rows_applied;
  if (command.foreign) return applyForeign(s, command), std::nullopt;
  const UfragKey ufrag = ufragOf(row);
  if (const uint32_t* other = s.by_ufrag.find(ufrag); other != nullptr && *other != command.index) {
    return Counter::row_ufrag_taken;
  }
  if (s.transports.holds(command.index) && s.transports[command.index].row.generation != row.generation) {
    closeTransport(s, command.index);
  }
  if (!s.transports.holds(command.index)) {
    openTransport(s, command.index, row, now_ns);
  } else {
    s.by_ufrag.erase(ufragOf(s.transports[command.index].row));
  }
  TransportState& transport = s.transports[command.index];
  const bool counts_anew =
      transport.row.last_n != row.last_n || transport.row.flags != row.flags || transport.row.partner != row.partner;
  const bool secured =
      transport.row.srtp_profile == contract::SrtpProfile::kNone && row.srtp_profile != transport.row.srtp_profile;
  const bool moved = transport.row.remote != row.remote || transport.row.rtcp_port_be != row.rtcp_port_be ||
                     command.srtcp_receiver != nullptr;
  if (s.is_plain[command.index] && moved) forgetRemotes(s, command.index);
  s.is_plain[command.index] = row.kind == contract::TransportKind::kPlain;
  transport.row = row;
  transport.check_key = HmacSha1Key(std::span(row.ice_pwd).first(row.pwd_length_bytes));
  s.by_ufrag.set(ufrag, command.index);
  if (secured) onKeys(s, command.index);
  setExtensions(transport, row);
  if (row.partner.generation != 0) s.subscriber_of[row.partner.index] = command.index;
  take(transport.srtcp_sender, command.srtcp_sender);
  if (command.srtcp_receiver) {
    // Other keys: other streams, and none but those that came with the keys.
    take(transport.srtcp_receiver, command.srtcp_receiver);
    std::swap(transport.retired, command.retired);
    transport.forgotten.clear();
    transport.spare.reset();
    ++transport.keys_generation;
    storeReceived(s.flows.transport[command.index], transport);
  }
  if (row.flags & contract::kTransportEnded) {  // no RTCP passes either: what it needs goes back with the command
    std::swap(transport.srtcp_sender, command.srtcp_sender);
    std::swap(transport.srtcp_receiver, command.srtcp_receiver);
    // Nor does it hold its address against others, of other workers either.
    __atomic_store_n(&s.reports.transport[command.index].authentic_ticks, 0, __ATOMIC_RELAXED);
  }
  for (const uint32_t index : transport.subscriptions) {
    s.subscriptions[index].header = headerFor(s.subscriptions[index].row, transport);
    if (counts_anew) reviewHeld(s, index, now_ns);
  }
  if (row.remote.port_be != 0) return placePlain(s, command.index, now_ns), Counter::rows_applied;
  // The settings may be others than those of the process that learned the address.
  if (command.resume_remote.port_be != 0 && !transport.sendable() && s.routes.find(command.resume_remote)) {
    nominate(s, command.index, command.resume_remote, /*proven=*/true, now_ns);
  }
  return Counter::rows_applied;
}

void closeTransport(RelayState& s, uint32_t index) {
  TransportState* transport = s.transports.find(index);
  if (transport == nullptr) return;
  while (!transport->subscriptions.empty()) closeSubscription(s, transport->subscriptions.back());
  while (!transport->tracks.empty()) closeTrack(s, transport->tracks.back());
  if (!transport->foreign) {
    forgetRemotes(s, index);
    s.by_ufrag.erase(ufragOf(transport->row));
    s.is_plain[index] = 0;
    s.flows.transport[index] = {};
    s.reports.transport[index] = {};
  }
  if (transport->watched) std::erase(s.watched, index);
  const uint32_t last = s.active.back();
  s.active[transport->active_position] = last;
  s.transports[last].active_position = transport->active_position;
  s.active.pop_back();
  s.transports.erase(index);
}

}  // namespace penstock
