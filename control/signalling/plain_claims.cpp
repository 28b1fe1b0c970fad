#include "control/signalling/plain_claims.h"

#include <algorithm>

#include "control/room/address.h"

namespace penstock {
namespace {

/// Where it was said to be, RTCP too.
std::vector<std::string> remotesOf(const Transport& transport) {
  std::vector<std::string> remotes;
  for (const uint16_t port : {transport.remote_port, transport.rtcp_port}) {
    const auto address = readAddress(transport.remote_ip, port);
    if (address && port != 0) remotes.push_back(addressText(*address));
  }
  return remotes;
}

std::vector<uint32_t> ssrcsOf(const std::vector<Track>& tracks) {
  std::vector<uint32_t> ssrcs;
  for (const Track& track : tracks)
    for (const Encoding& encoding : track.encodings)
      if (encoding.ssrc != 0) ssrcs.push_back(encoding.ssrc);
  return ssrcs;
}

size_t anySsrcOf(const std::vector<Track>& tracks) {
  return std::ranges::count_if(tracks, [](const Track& track) { return track.encodings.at(0).ssrc == 0; });
}

}  // namespace

Result<void> PlainClaims::check(const std::string& room, const Transport& transport,
                                const std::vector<Track>& tracks) const {
  if (!transport.remote_ip.empty()) {
    const auto taken = [&](const std::string& remote) { return remotes_.contains(remote); };
    if (std::ranges::none_of(remotesOf(transport), taken)) return {};
    return std::unexpected(Refusal{409, "remote_exists", "Another plain transport has this remote address."});
  }
  for (const uint32_t ssrc : ssrcsOf(tracks))
    if (ssrcs_.contains(ssrc))
      return std::unexpected(
          Refusal{409, "ssrc_exists", "Another transport that latches is found by this SSRC: choose another."});
  const size_t any_ssrc = anySsrcOf(tracks);
  const auto known = any_ssrc_.find(room);
  if (any_ssrc != 0 && (known == any_ssrc_.end() ? 0 : known->second) + any_ssrc > kAnySsrcShare)
    return std::unexpected(Refusal{503, "share_full",
                                   "The room has its share of tracks that latch without an SSRC: give the SSRC, or "
                                   "the address."});
  if (any_ssrc_total_ + any_ssrc > contract::kLatchAnySsrcMax)
    return std::unexpected(
        Refusal{503, "overloaded", "Too many tracks latch without an SSRC: give the SSRC, or the address."});
  return {};
}

void PlainClaims::take(const std::string& room, const Transport& transport, const std::vector<Track>& tracks) {
  Claim& claim = claims_[transport.id];
  if (!transport.remote_ip.empty()) {
    claim.remotes = remotesOf(transport);
    for (const std::string& remote : claim.remotes) remotes_[remote] = transport.id;
    return;
  }
  claim.room = room;
  claim.ssrcs = ssrcsOf(tracks);
  for (const uint32_t ssrc : claim.ssrcs) ssrcs_[ssrc] = transport.id;
  claim.any_ssrc = anySsrcOf(tracks);
  if (claim.any_ssrc != 0) any_ssrc_[room] += claim.any_ssrc;
  any_ssrc_total_ += claim.any_ssrc;
}

void PlainClaims::release(const std::string& transport) {
  const auto found = claims_.find(transport);
  if (found == claims_.end()) return;
  const Claim& claim = found->second;
  for (const std::string& remote : claim.remotes) remotes_.erase(remote);
  for (const uint32_t ssrc : claim.ssrcs) ssrcs_.erase(ssrc);
  if (claim.any_ssrc != 0 && (any_ssrc_[claim.room] -= claim.any_ssrc) == 0) any_ssrc_.erase(claim.room);
  any_ssrc_total_ -= claim.any_ssrc;
  claims_.erase(found);
}

}  // namespace penstock
