#include "control/signalling/plain_claims.h"

#include "control/room/address.h"

namespace penstock {
namespace {

std::string remoteOf(const Transport& transport) {
  const auto address = readAddress(transport.remote_ip, transport.remote_port);
  return address ? addressText(*address) : std::string();
}

std::vector<uint32_t> ssrcsOf(const std::vector<Track>& tracks) {
  std::vector<uint32_t> ssrcs;
  for (const Track& track : tracks)
    for (const Encoding& encoding : track.encodings) ssrcs.push_back(encoding.ssrc);
  return ssrcs;
}

}  // namespace

Result<void> PlainClaims::check(const Transport& transport, const std::vector<Track>& tracks) const {
  if (!transport.remote_ip.empty()) {
    if (!remotes_.contains(remoteOf(transport))) return {};
    return std::unexpected(Refusal{409, "remote_exists", "Another plain transport has this remote address."});
  }
  for (const uint32_t ssrc : ssrcsOf(tracks))
    if (ssrcs_.contains(ssrc))
      return std::unexpected(
          Refusal{409, "ssrc_exists", "Another transport that latches is found by this SSRC: choose another."});
  return {};
}

void PlainClaims::take(const Transport& transport, const std::vector<Track>& tracks) {
  Claim& claim = claims_[transport.id];
  if (!transport.remote_ip.empty()) {
    claim.remote = remoteOf(transport);
    remotes_[claim.remote] = transport.id;
    return;
  }
  claim.ssrcs = ssrcsOf(tracks);
  for (const uint32_t ssrc : claim.ssrcs) ssrcs_[ssrc] = transport.id;
}

void PlainClaims::release(const std::string& transport) {
  const auto found = claims_.find(transport);
  if (found == claims_.end()) return;
  remotes_.erase(found->second.remote);
  for (const uint32_t ssrc : found->second.ssrcs) ssrcs_.erase(ssrc);
  claims_.erase(found);
}

}  // namespace penstock
