// See connection_limits.h.
#include "control/api/connection_limits.h"

#include <algorithm>

#include "control/api/connection.h"

namespace penstock {

ConnectionLimits::ConnectionLimits(size_t connections_max)
    : connections_max_(connections_max),
      strangers_max_(std::max<size_t>(1, connections_max - connections_max / 10)),
      per_address_max_(std::max<size_t>(16, connections_max / 40)) {}

ConnectionLimits::Place ConnectionLimits::placeOf(const boost::asio::ip::address& address) {
  Place place{};
  place[0] = address.is_v6() ? 6 : 4;
  if (address.is_v6()) {
    const auto bytes = address.to_v6().to_bytes();
    std::copy_n(bytes.begin(), 8, place.begin() + 1);
  } else {
    const auto bytes = address.to_v4().to_bytes();
    std::copy_n(bytes.begin(), 4, place.begin() + 1);
  }
  return place;
}

bool ConnectionLimits::makeRoom(const Place& place) {
  const auto own = by_place_.find(place);
  if (own != by_place_.end() && own->second.size() >= per_address_max_) end(own->second.begin()->second);
  const bool full = strangers_.size() >= strangers_max_ || all_.size() >= connections_max_;
  if (full && !strangers_.empty()) end(strangers_.begin()->second);
  return all_.size() < connections_max_;
}

void ConnectionLimits::add(Connection* connection, const Place& place) {
  const Entry entry{place, ++last_turn_};
  all_[connection] = entry;
  strangers_[entry.turn] = connection;
  by_place_[place][entry.turn] = connection;
}

void ConnectionLimits::trust(Connection* connection) {
  const auto found = all_.find(connection);
  if (found == all_.end()) return;
  forget(found->second);
  found->second.turn = 0;
}

void ConnectionLimits::served(Connection* connection) {
  const auto found = all_.find(connection);
  if (found == all_.end() || found->second.turn == 0) return;
  const Place place = found->second.place;
  remove(connection);
  add(connection, place);
}

void ConnectionLimits::remove(Connection* connection) {
  const auto found = all_.find(connection);
  if (found == all_.end()) return;
  forget(found->second);
  all_.erase(found);
}

void ConnectionLimits::forget(const Entry& entry) {
  if (entry.turn == 0) return;
  strangers_.erase(entry.turn);
  const auto own = by_place_.find(entry.place);
  own->second.erase(entry.turn);
  if (own->second.empty()) by_place_.erase(own);
}

void ConnectionLimits::end(Connection* connection) {
  remove(connection);
  connection->abort();
}

}  // namespace penstock
