// Few networks, few gateways: a walk over short lists.
#include "dataplane/packet/route.h"

#include <algorithm>

namespace penstock {

Routes::Routes(std::vector<Cidr> local, std::vector<Address> gateways, LinkLocal link_local, std::vector<Cidr> denied)
    : local_(std::move(local)), gateways_(std::move(gateways)), denied_(std::move(denied)), link_local_(link_local) {
  for (Cidr& cidr : local_) cidr.address.port_be = 0;
  for (Address& gateway : gateways_) gateway.port_be = 0;
}

const Cidr* Routes::linkOf(const Address& address) const {
  const Cidr* narrowest = nullptr;
  for (const Cidr& cidr : local_) {
    if (!contains(cidr, address)) continue;
    if (narrowest == nullptr || cidr.prefix_length_bits > narrowest->prefix_length_bits) narrowest = &cidr;
  }
  return narrowest;
}

bool Routes::isOurs(const Address& address) const {
  return std::ranges::any_of(local_, [&](const Cidr& cidr) { return sameIp(cidr.address, address); });
}

bool Routes::isOnLink(const Address& address) const {
  const Cidr* link = linkOf(address);
  return link != nullptr && !isDirectedBroadcast(*link, address);
}

bool Routes::isSourceAllowed(const Address& source) const {
  if (isForbidden(source, link_local_) || isOurs(source)) return false;
  const Cidr* link = linkOf(source);
  return link == nullptr || !isDirectedBroadcast(*link, source);
}

bool Routes::isDenied(const Address& address) const {
  return std::ranges::any_of(denied_, [&](const Cidr& cidr) { return leadsInto(cidr, address); });
}

std::optional<Route> Routes::find(const Address& destination) const {
  if (!isSourceAllowed(destination) || isDenied(destination)) return std::nullopt;
  Address next_hop = destination;
  next_hop.port_be = 0;
  if (const Cidr* link = linkOf(destination)) return Route{next_hop, link->address};
  for (const Address& gateway : gateways_) {
    if (isV4(gateway) != isV4(destination)) continue;
    if (const Cidr* link = linkOf(gateway)) return Route{gateway, link->address};
    // fe80::1 as gateway is on the link without being inside a prefix of ours: send from any address of the family.
    for (const Cidr& cidr : local_) {
      if (isV4(cidr.address) == isV4(gateway)) return Route{gateway, cidr.address};
    }
  }
  return std::nullopt;
}

}  // namespace penstock
