// See event_hub.h. The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html
#include "control/api/event_hub.h"

#include <boost/json/serialize.hpp>

#include "control/api/encoding.h"

namespace penstock {

class EventHub::Stream : public TextStream {
 public:
  Stream(std::string room, std::optional<uint64_t> expires_unix_ms)
      : room_(std::move(room)), expires_unix_ms_(expires_unix_ms) {}

  bool wants(const std::string& room) const { return !ended_ && (room_.empty() || room_ == room); }

  /// False: the client is too slow, this is its end.
  bool push(const std::string& text, size_t queue_max) {
    if (waiting_ >= queue_max) {
      ended_ = true;
      text_.clear();
    } else {
      ++waiting_;
      text_ += text;
    }
    if (wake_) wake_();
    return !ended_;
  }

  void expire(uint64_t now_unix_ms) {
    if (ended_ || !expires_unix_ms_ || *expires_unix_ms_ > now_unix_ms) return;
    ended_ = true;
    text_ += "event: token_expired\ndata: " +
             boost::json::serialize(boost::json::object{{"type", "token_expired"}, {"time", rfc3339(now_unix_ms)}}) +
             "\n\n";
    if (wake_) wake_();
  }

  std::string take() override {
    waiting_ = 0;
    return std::exchange(text_, {});
  }
  bool ended() const override { return ended_; }
  void onReady(std::function<void()> wake) override { wake_ = std::move(wake); }

 private:
  std::string room_;
  std::optional<uint64_t> expires_unix_ms_;
  std::string text_ = ": events of rooms, as control/signalling/PROTOCOL.md lists them\nretry: 2000\n\n";
  size_t waiting_ = 0;
  bool ended_ = false;
  std::function<void()> wake_;
};

boost::json::object noticeWithRoomAndTime(const Notice& notice, uint64_t unix_ms) {
  boost::json::object event = notice.message;
  event["room"] = notice.room;
  if (!event.contains("time")) event["time"] = rfc3339(unix_ms);
  return event;
}

std::shared_ptr<TextStream> EventHub::open(const std::string& room, std::optional<uint64_t> expires_unix_ms) {
  auto stream = std::make_shared<Stream>(room, expires_unix_ms);
  streams_.push_back(stream);
  return stream;
}

void EventHub::expire(uint64_t now_unix_ms) {
  for (const auto& weak : streams_)
    if (const auto stream = weak.lock()) stream->expire(now_unix_ms);
}

void EventHub::onNotice(const Notice& notice) {
  std::erase_if(streams_, [](const std::weak_ptr<Stream>& stream) { return stream.expired(); });
  if (streams_.empty()) return;
  const boost::json::value* type = notice.message.if_contains("type");
  std::string text;
  if (type != nullptr && type->is_string()) text = "event: " + std::string(type->get_string()) + "\n";
  text += "id: " + std::to_string(next_id_++) + "\n";
  text += "data: " + boost::json::serialize(noticeWithRoomAndTime(notice, unixNowMs())) + "\n\n";
  for (const auto& weak : streams_) {
    const auto stream = weak.lock();
    if (stream && stream->wants(notice.room) && !stream->push(text, queue_max_)) metrics_.eventDropped();
  }
}

}  // namespace penstock
