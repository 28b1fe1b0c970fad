// What a plain transport has for itself in the whole relay: the address it was given, or the SSRCs it is found by while
// its address is not known. Two of one kind would take each other's packets.
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
  /// `tracks`: those published on it.
  Result<void> check(const Transport& transport, const std::vector<Track>& tracks) const;
  void take(const Transport& transport, const std::vector<Track>& tracks);
  /// Of a transport that claimed nothing: nothing.
  void release(const std::string& transport);

 private:
  struct Claim {
    std::string remote;
    std::vector<uint32_t> ssrcs;
  };

  std::unordered_map<std::string, Claim> claims_;  // by transport
  std::unordered_map<std::string, std::string> remotes_;
  std::unordered_map<uint32_t, std::string> ssrcs_;
};

}  // namespace penstock
