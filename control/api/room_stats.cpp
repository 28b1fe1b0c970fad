// The figures of one room, in pieces: of 200 people with two tracks each they are 30 MB.
#include <boost/json/serialize.hpp>

#include "control/api/views.h"

namespace penstock {
namespace {

namespace json = boost::json;

/// Where the text has come to, by names: the room may change between two pieces, or close.
class RoomStats {
 public:
  RoomStats(const std::map<std::string, Room>& rooms, std::string room, const ReportSource& reports)
      : rooms_(rooms), room_(std::move(room)), reports_(reports) {}

  bool operator()(std::string& to) {
    static const Room kClosed;
    const auto found = rooms_.find(room_);
    const Room& room = found == rooms_.end() ? kClosed : found->second;
    const PublishedTracks published(room);
    if (!begun_) to += "{\"room\":" + json::serialize(roomView(room)) + ",\"participants\":[";
    begun_ = true;
    while (to.size() < kPieceBytes) {
      if (inside_) {
        step(room, published, to);
      } else if (!enterNext(room, to)) {
        to += "]}";
        return false;
      }
    }
    return true;
  }

 private:
  /// False: there is no participant behind the last one.
  bool enterNext(const Room& room, std::string& to) {
    const auto next = room.participants.upper_bound(participant_);
    if (next == room.participants.end()) return false;
    if (!participant_.empty()) to += ',';
    participant_ = next->first;
    to += json::serialize(participantStats(next->second, reports_));
    to.back() = ',';  // the brace: what the participant is subscribed to is its last member
    to += "\"subscriptions\":[";
    inside_ = true;
    subscription_ = 0;
    return true;
  }

  void step(const Room& room, const PublishedTracks& published, std::string& to) {
    const auto who = room.participants.find(participant_);
    if (who == room.participants.end() || subscription_ >= who->second.subscriptions.size()) {
      to += "]}";
      inside_ = false;
      return;
    }
    if (subscription_ > 0) to += ',';
    const Subscription& subscription = who->second.subscriptions[subscription_++];
    to += json::serialize(subscriptionStats(published, who->second, subscription, reports_));
  }

  const std::map<std::string, Room>& rooms_;
  std::string room_;
  const ReportSource& reports_;
  bool begun_ = false;
  bool inside_ = false;      // of `participant_`; else behind it
  std::string participant_;  // empty: none yet
  size_t subscription_ = 0;  // the next one's index
};

}  // namespace

Pieces roomStats(const std::map<std::string, Room>& rooms, const std::string& room, const ReportSource& reports) {
  return RoomStats(rooms, room, reports);
}

}  // namespace penstock
