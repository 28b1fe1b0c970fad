// Which connections may stay. Of those whose client has shown no token, each address may have a fortieth (16 at least),
// and a tenth of all is kept from them. Where there are too many, the one that was served longest ago goes.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include <boost/asio/ip/address.hpp>

namespace penstock {

class Connection;

class ConnectionLimits {
 public:
  explicit ConnectionLimits(size_t connections_max);

  /// Of one client, as far as anybody can tell: an IPv4 address, or a /64 of IPv6 (RFC 6177: a site has at least one).
  using Place = std::array<uint8_t, 9>;
  static Place placeOf(const boost::asio::ip::address& address);

  /// Makes room for one more by ending others; false: there is none, as all have tokens.
  bool makeRoom(const Place& place);
  void add(Connection* connection, const Place& place);
  /// It brought a token that is good for what it asked.
  void trust(Connection* connection);
  /// It got an answer: who was served last goes last.
  void served(Connection* connection);
  void remove(Connection* connection);

 private:
  struct Entry {
    Place place;
    uint64_t turn;  // when it was served, or came; 0: it is trusted
  };
  using Turns = std::map<uint64_t, Connection*>;  // longest ago first
  void forget(const Entry& entry);
  void end(Connection* connection);

  size_t connections_max_, strangers_max_, per_address_max_;
  uint64_t last_turn_ = 0;
  std::map<Connection*, Entry> all_;
  Turns strangers_;
  std::map<Place, Turns> by_place_;  // of strangers; none is empty
};

}  // namespace penstock
