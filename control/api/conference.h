// One conference client: the messages of control/signalling/PROTOCOL.md, become calls of the Service.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

#include "control/api/http_message.h"
#include "control/api/jwt.h"
#include "control/signalling/service.h"

namespace penstock {

inline constexpr std::string_view kConferenceProtocol = "penstock.v1";

/// RFC 6455 section 7.4.1, as PROTOCOL.md uses them.
inline constexpr uint16_t kCloseNormal = 1000, kClosePolicy = 1008, kCloseTooBig = 1009, kCloseStopping = 1011;

class Conference : public MessageHandler, public ParticipantLink, public std::enable_shared_from_this<Conference> {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  Conference(Service& service, std::string room, Token token, Clock clock = std::chrono::steady_clock::now);

  void onOpen(std::shared_ptr<MessageChannel> channel) override;
  void onText(std::string_view text) override;
  void onBinary() override;
  void onTick() override;
  void onClosed() override;
  bool settled() const override { return joined() || over_; }

  void send(const boost::json::object& message) override;
  void close(const std::string& reason) override;

 private:
  using Message = boost::json::object;
  struct Command;
  static const Command kCommands[];

  bool joined() const { return !participant_.empty(); }
  /// Whether the budget has a message more than `reserved`.
  bool mayTake(double reserved);
  bool tellsState(const Message& message) const;
  void keep(Message message);
  void dispatchKept();
  void dispatchAllKept();
  Message takeFirstKept();
  void dispatch(const Message& message);
  void join(const Message& message);
  void publish(const Message& message);
  void answer(const Message& message);
  void subscribe(const Message& message);
  void unsubscribe(const Message& message);
  void changeSubscriptions(const Message& message, bool wanted);
  void wish(const Message& message);
  void lastN(const Message& message);
  void mute(const Message& message);
  void kick(const Message& message);
  void restart(const Message& message);
  void leave(const Message& message);
  void refuse(const Refusal& refusal, const Message* answered = nullptr);
  const Room* room() const;
  const Participant* self() const;

  Service& service_;
  std::string room_;
  Token token_;
  std::shared_ptr<MessageChannel> channel_;
  std::string participant_;  // empty until joined
  bool over_ = false;        // left, or told that it is gone: nothing more is done for this client
  bool told_left_ = false;

  Clock clock_;
  double budget_;
  std::chrono::steady_clock::time_point budget_at_;
  /// Of what tells a state, what the budget left waiting: by type and track, the last message. First come first; all
  /// before a later publish.
  using Key = std::pair<std::string, std::string>;
  std::map<Key, Message> kept_;
  std::deque<Key> kept_order_;
};

}  // namespace penstock
