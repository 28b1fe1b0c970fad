// Next hop and source address for a destination: on-link networks first, then the family's gateway.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/packet/address.h"

namespace penstock {

struct Route {
  Address next_hop;  // the destination itself if it is on-link; port 0
  Address source;    // ours to send from; port 0
};

/// Built at start from the options `media.address`, `media.gateway` and `media.deny`; never changes.
class Routes {
 public:
  Routes() = default;
  Routes(std::vector<Cidr> local, std::vector<Address> gateways, LinkLocal link_local = LinkLocal::kForbidden,
         std::vector<Cidr> denied = {});

  bool isOurs(const Address& address) const;
  /// On one of our links, and not that link's broadcast address.
  bool isOnLink(const Address& address) const;
  /// Nothing: no gateway for its family, one of our own addresses, a denied one, or one that media must not go to.
  std::optional<Route> find(const Address& destination) const;
  /// Whether media may come from there: neither forbidden nor our own nor a broadcast address.
  bool isSourceAllowed(const Address& source) const;
  /// Whether the settings say that nobody may be there.
  bool isDenied(const Address& address) const;

  std::span<const Cidr> local() const { return local_; }
  std::span<const Address> gateways() const { return gateways_; }

 private:
  const Cidr* linkOf(const Address& address) const;

  std::vector<Cidr> local_;
  std::vector<Address> gateways_;
  std::vector<Cidr> denied_;
  LinkLocal link_local_ = LinkLocal::kForbidden;
};

}  // namespace penstock
