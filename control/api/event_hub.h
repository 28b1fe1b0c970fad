// Room events on their way to clients of /v1/events: each client has its own bounded queue, and loses its connection
// rather than an event.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/api/http_message.h"
#include "control/metrics/metrics.h"
#include "control/signalling/service.h"

namespace penstock {

/// The notice as integrators get it: with `room` and `time` added.
boost::json::object noticeWithRoomAndTime(const Notice& notice, uint64_t unix_ms);

class EventHub : public NoticeSink {
 public:
  EventHub(size_t queue_max, Metrics& metrics) : queue_max_(queue_max), metrics_(metrics) {}

  /// Events of one room, or of all when `room` is empty, from now on; until the stream is released, or the token of
  /// whoever reads it has expired.
  std::shared_ptr<TextStream> open(const std::string& room, std::optional<uint64_t> expires_unix_ms);
  /// To be called about once a second: ends the streams whose time is over.
  void expire(uint64_t now_unix_ms);
  void onNotice(const Notice& notice) override;
  size_t clients() const { return streams_.size(); }

 private:
  class Stream;

  size_t queue_max_;
  Metrics& metrics_;
  uint64_t next_id_ = 1;
  std::vector<std::weak_ptr<Stream>> streams_;
};

}  // namespace penstock
