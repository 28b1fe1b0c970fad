// What a plain transport has for itself in the whole relay: the addresses it was given, or the SSRCs it is found by
// while its address is not known. Two of one kind would take each other's packets. Tracks found by neither have a
// limit: a packet from an unknown address may be of any of them.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/room/model.h"
#include "control/room/refusal.h"

namespace penstock {

class PlainClaims {
 public:
  /// Of the tracks that are found neither by address nor by SSRC, one room's share.
  static constexpr size_t kAnySsrcShare = contract::kLatchAnySsrcMax / 4;

  /// `tracks`: those published on it. 409 remote_exists, ssrc_exists; 503 share_full, overloaded.
  Result<void> check(const std::string& room, const Transport& transport, const std::vector<Track>& tracks) const;
  void take(const std::string& room, const Transport& transport, const std::vector<Track>& tracks);
  /// Of a transport that claimed nothing: nothing.
  void release(const std::string& transport);

 private:
  struct Claim {
    std::string room;
    std::vector<std::string> remotes;
    std::vector<uint32_t> ssrcs;
    size_t any_ssrc = 0;
  };

  std::unordered_map<std::string, Claim> claims_;  // by transport
  std::unordered_map<std::string, std::string> remotes_;
  std::unordered_map<uint32_t, std::string> ssrcs_;
  std::unordered_map<std::string, size_t> any_ssrc_;  // tracks, by room
  size_t any_ssrc_total_ = 0;
};

}  // namespace penstock
