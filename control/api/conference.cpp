// See conference.h.
#include "control/api/conference.h"

#include <limits>

#include <boost/describe/enum_from_string.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "control/api/encoding.h"
#include "control/room/authorise.h"

namespace penstock {

namespace json = boost::json;

namespace {

/// Messages a client may send at once, and per second in the long run.
constexpr double kBudgetMax = 100, kBudgetPerSecond = 30;
/// Messages that tell a state leave so many of them to others: wishes for 200 tiles hold up no answer.
constexpr double kReserved = 20;
/// What is kept beyond that: small messages, of about as many tracks as one client has to do with.
constexpr size_t kKeptBytesMax = 512, kKeptMax = 640;

Refusal badMessage(const std::string& what) {
  return {400, "bad_message", what};
}

Refusal tooMany() {
  return {429, "overloaded", "Too many messages; this one was not looked at."};
}

/// nullptr: absent or not a string.
const json::string* text(const json::object& message, std::string_view name) {
  const json::value* value = message.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

std::optional<uint64_t> number(const json::object& message, std::string_view name) {
  const json::value* value = message.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return static_cast<uint64_t>(value->get_int64());
}

/// False: there, but neither true nor false.
bool readFlag(const json::object& message, std::string_view name, bool& to) {
  const json::value* value = message.if_contains(name);
  if (value == nullptr) return true;
  if (!value->is_bool()) return false;
  to = value->get_bool();
  return true;
}

std::expected<std::vector<TrackHint>, std::string> readHints(const json::object& message) {
  std::vector<TrackHint> hints;
  const json::value* tracks = message.if_contains("tracks");
  if (tracks == nullptr) return hints;
  if (!tracks->is_array() || tracks->get_array().size() > 256) return std::unexpected("tracks must be a list");
  for (const json::value& entry : tracks->get_array()) {
    const json::object* track = entry.if_object();
    if (track == nullptr) return std::unexpected("tracks must hold objects");
    const json::string *mid = text(*track, "mid"), *source = text(*track, "source"), *name = text(*track, "name");
    TrackHint hint;
    if (mid == nullptr || mid->empty() || mid->size() > 64) return std::unexpected("each track needs its mid");
    hint.mid = std::string(*mid);
    if (source == nullptr || !boost::describe::enum_from_string(source->c_str(), hint.source)) {
      return std::unexpected("source must be microphone, camera, screen or other");
    }
    if (track->contains("name") && (name == nullptr || !isDisplayName(*name)))
      return std::unexpected("name is too long");
    if (name != nullptr) hint.name = std::string(*name);
    if (!readFlag(*track, "muted", hint.muted)) return std::unexpected("muted must be true or false");
    hints.push_back(std::move(hint));
  }
  return hints;
}

/// Absent: as it is. False: not a number of this size.
template <class Number>
bool readLimit(const json::object& message, const char* key, Number& limit) {
  const json::value* value = message.if_contains(key);
  if (value == nullptr) return true;
  boost::system::error_code error;
  const auto read = value->to_number<uint64_t>(error);
  if (error || read > std::numeric_limits<Number>::max()) return false;
  limit = static_cast<Number>(read);
  return true;
}

}  // namespace

struct Conference::Command {
  std::string_view type;
  void (Conference::*handle)(const Message&);
};

const Conference::Command Conference::kCommands[] = {
    {"join", &Conference::join},
    {"publish", &Conference::publish},
    {"answer", &Conference::answer},
    {"subscribe", &Conference::subscribe},
    {"unsubscribe", &Conference::unsubscribe},
    {"wish", &Conference::wish},
    {"last_n", &Conference::lastN},
    {"mute", &Conference::mute},
    {"kick", &Conference::kick},
    {"restart", &Conference::restart},
    {"leave", &Conference::leave},
};

Conference::Conference(Service& service, std::string room, Token token, Clock clock)
    : service_(service),
      room_(std::move(room)),
      token_(std::move(token)),
      clock_(std::move(clock)),
      budget_(kBudgetMax),
      budget_at_(clock_()) {}

void Conference::onOpen(std::shared_ptr<MessageChannel> channel) {
  channel_ = std::move(channel);
}

void Conference::onText(std::string_view encoded) {
  dispatchKept();
  if (over_) return;
  const bool is_short = encoded.size() <= kKeptBytesMax;
  if (!mayTake(0) && !is_short) return refuse(tooMany());
  boost::system::error_code error;
  json::value value = json::parse(encoded, error);
  if (error || !value.is_object()) return refuse(badMessage("A message is one JSON object."));
  Message& message = value.get_object();
  const bool is_state = tellsState(message);
  if (is_state && is_short) return keep(std::move(message));
  if (!mayTake(0)) return refuse(tooMany(), &message);
  budget_ -= 1;
  const json::string* type = text(message, "type");
  // What was asked of a track before does not come after it.
  if (is_state || (type != nullptr && *type == "publish")) dispatchAllKept();
  if (!over_) dispatch(message);
}

void Conference::onTick() {
  dispatchKept();
}

void Conference::onBinary() {
  if (!over_) refuse(badMessage("Messages are text."));
}

void Conference::onClosed() {
  channel_.reset();
  dispatchAllKept();
  if (joined() && !over_) service_.detach(room_, participant_, this);
  over_ = true;
}

void Conference::send(const Message& message) {
  const json::string* type = text(message, "type");
  if (type != nullptr && *type == "left") told_left_ = true;
  if (channel_) channel_->send(json::serialize(message));
}

void Conference::close(const std::string& reason) {
  if (!told_left_ && reason != "left") send({{"type", "left"}, {"reason", reason}});
  over_ = true;
  if (channel_) channel_->close(kCloseNormal, reason);
}

bool Conference::mayTake(double reserved) {
  const auto now = clock_();
  const double seconds = std::chrono::duration<double>(now - budget_at_).count();
  budget_at_ = now;
  budget_ = std::min(kBudgetMax, budget_ + seconds * kBudgetPerSecond);
  return budget_ >= reserved + 1;
}

bool Conference::tellsState(const Message& message) const {
  const json::string *type = text(message, "type"), *track = text(message, "track");
  return joined() && type != nullptr && track != nullptr && (*type == "mute" || *type == "wish");
}

/// Only the last one counts.
void Conference::keep(Message message) {
  Key key{std::string(*text(message, "type")), std::string(*text(message, "track"))};
  const auto found = kept_.find(key);
  if (found == kept_.end() && kept_.size() >= kKeptMax) return refuse(tooMany(), &message);
  if (found == kept_.end()) kept_order_.push_back(key);
  kept_[std::move(key)] = std::move(message);
  dispatchKept();
}

void Conference::dispatchKept() {
  while (!over_ && !kept_.empty() && mayTake(kReserved)) {
    budget_ -= 1;
    dispatch(takeFirstKept());
  }
}

void Conference::dispatchAllKept() {
  while (!over_ && !kept_.empty()) dispatch(takeFirstKept());
}

Conference::Message Conference::takeFirstKept() {
  auto first = kept_.extract(kept_order_.front());
  kept_order_.pop_front();
  return std::move(first.mapped());
}

void Conference::dispatch(const Message& message) {
  const json::string* type = text(message, "type");
  if (type == nullptr) return refuse(badMessage("A message needs its type."), &message);
  for (const Command& command : kCommands) {
    if (command.type != std::string_view(*type)) continue;
    if (!joined() && command.handle != &Conference::join) {
      return refuse({409, "join_first", "The first message is join."}, &message);
    }
    return (this->*command.handle)(message);
  }
  refuse({400, "unknown_type", "There is no message of this type."}, &message);
}

void Conference::join(const Message& message) {
  if (joined()) return refuse(badMessage("This connection has joined already."));
  const json::string *name = text(message, "name"), *resume = text(message, "resume");
  JoinRequest request;
  request.room = room_;
  request.identity = token_.subject;
  request.protocol = "websocket";
  request.permissions = token_.room.permissions();
  request.expires_unix_ms = token_.expires_unix_ms;
  if (name != nullptr) request.name = std::string(*name);
  if (!token_.name.empty()) request.name = token_.name;  // who signed the token says who this is
  if (resume != nullptr) request.resume_token = std::string(*resume);
  std::optional<Refusal> refused;
  if (!token_.room.join) refused = Refusal{403, "not_permitted", "The token does not grant room.join."};
  if ((message.contains("name") && name == nullptr) || !isDisplayName(request.name)) {
    refused = badMessage("name must have at most 64 characters.");
  }
  if (message.contains("resume") && resume == nullptr) refused = badMessage("resume must be the token of a joined.");
  if (!readFlag(message, "auto_subscribe", request.auto_subscribe)) {
    refused = badMessage("auto_subscribe must be true or false.");
  }
  if (!refused) {
    auto participant = service_.join(request, shared_from_this());
    if (participant) {
      participant_ = *participant;
      return;
    }
    refused = participant.error();
  }
  refuse(*refused, &message);
  over_ = true;
  if (channel_) channel_->close(kClosePolicy, refused->code);
}

void Conference::publish(const Message& message) {
  const json::string* sdp = text(message, "sdp");
  const auto id = number(message, "id");
  if (sdp == nullptr || !id) return refuse(badMessage("publish needs id and sdp."), &message);
  const auto hints = readHints(message);
  if (!hints) return refuse(badMessage(hints.error() + "."), &message);
  const auto allowed = authorise(token_.room.permissions(), Act::kPublish);
  if (!allowed) return refuse(allowed.error(), &message);
  const auto answer = service_.publish(room_, participant_, std::string(*sdp), *hints);
  if (!answer) return refuse(answer.error(), &message);
  json::array tracks;
  if (const Participant* me = self()) {
    for (const Track& track : me->tracks) tracks.push_back(json::object{{"mid", track.mid}, {"id", track.id}});
  }
  send({{"type", "published"}, {"id", *id}, {"sdp", *answer}, {"tracks", std::move(tracks)}});
}

void Conference::answer(const Message& message) {
  const json::string* sdp = text(message, "sdp");
  const auto id = number(message, "id");
  if (sdp == nullptr || !id) return refuse(badMessage("answer needs id and sdp."), &message);
  const auto done = service_.answer(room_, participant_, *id, std::string(*sdp));
  if (!done) refuse(done.error(), &message);
}

void Conference::subscribe(const Message& message) {
  changeSubscriptions(message, true);
}
void Conference::unsubscribe(const Message& message) {
  changeSubscriptions(message, false);
}

void Conference::changeSubscriptions(const Message& message, bool wanted) {
  const json::value* tracks = message.if_contains("tracks");
  if (tracks == nullptr || !tracks->is_array()) return refuse(badMessage("tracks must be a list of ids."), &message);
  if (wanted) {
    const auto allowed = authorise(token_.room.permissions(), Act::kSubscribe);
    if (!allowed) return refuse(allowed.error(), &message);
  }
  for (const json::value& track : tracks->get_array()) {
    if (!track.is_string()) return refuse(badMessage("tracks must be a list of ids."), &message);
    const std::string id(track.get_string());
    const auto done =
        wanted ? service_.subscribe(room_, participant_, id) : service_.unsubscribe(room_, participant_, id);
    if (!done) return refuse(done.error(), &message);
    if (over_) return;
  }
}

void Conference::wish(const Message& message) {
  const json::string* track = text(message, "track");
  if (track == nullptr) return refuse(badMessage("wish needs track."), &message);
  Wish wish;
  if (!readFlag(message, "paused", wish.paused) || !readFlag(message, "pinned", wish.pinned)) {
    return refuse(badMessage("paused and pinned are true or false."), &message);
  }
  if (!readLimit(message, "width", wish.width_max) || !readLimit(message, "height", wish.height_max) ||
      !readLimit(message, "frame_rate", wish.frame_rate_max) || !readLimit(message, "priority", wish.priority)) {
    return refuse(
        badMessage("width and height are 0 to 65535, frame_rate is 0 to 255, 0 is any; priority is 0 to 255."),
        &message);
  }
  const auto done = service_.wish(room_, participant_, std::string(*track), wish);
  if (!done) refuse(done.error(), &message);
}

void Conference::lastN(const Message& message) {
  const json::value* value = message.if_contains("last_n");
  uint16_t number = 0;
  const bool none = value != nullptr && value->is_null();
  if (value == nullptr || (!none && !readLimit(message, "last_n", number))) {
    return refuse(badMessage("last_n is 0 to 65535, or null."), &message);
  }
  const auto done = service_.setLastN(room_, participant_, none ? std::nullopt : std::optional(number));
  if (!done) refuse(done.error(), &message);
}

void Conference::mute(const Message& message) {
  const json::string* track = text(message, "track");
  const json::value* muted = message.if_contains("muted");
  if (track == nullptr || muted == nullptr || !muted->is_bool()) {
    return refuse(badMessage("mute needs track and muted."), &message);
  }
  const Room* where = room();
  const Participant* me = self();
  if (where == nullptr || me == nullptr) return refuse({404, "room_unknown", "The room is closed."}, &message);
  const auto by_moderator = authoriseMute(*where, *me, std::string(*track));
  if (!by_moderator) return refuse(by_moderator.error(), &message);
  const auto done = service_.mute(room_, std::string(*track), *by_moderator, muted->get_bool());
  if (!done) refuse(done.error(), &message);
}

void Conference::kick(const Message& message) {
  const json::string* participant = text(message, "participant");
  if (participant == nullptr) return refuse(badMessage("kick needs participant."), &message);
  const Room* where = room();
  const Participant* me = self();
  if (where == nullptr || me == nullptr) return refuse({404, "room_unknown", "The room is closed."}, &message);
  const auto allowed = authoriseKick(*where, *me, std::string(*participant));
  if (!allowed) return refuse(allowed.error(), &message);
  const auto done = service_.leave(room_, std::string(*participant), "kicked");
  if (!done) refuse(done.error(), &message);
}

void Conference::restart(const Message& message) {
  const json::string* purpose = text(message, "purpose");
  if (purpose == nullptr || *purpose != "subscribe") {
    return refuse(badMessage("restart needs purpose: subscribe."), &message);
  }
  // The offer follows as a message of the Service; there is no fragment to answer.
  const auto done = service_.restartIce(room_, participant_, Purpose::subscribe, "");
  if (!done) refuse(done.error(), &message);
}

void Conference::leave(const Message&) {
  over_ = true;
  told_left_ = true;
  const auto keep_alive = shared_from_this();
  (void)service_.leave(room_, participant_, "left");
  if (channel_) channel_->close(kCloseNormal, "left");
}

void Conference::refuse(const Refusal& refusal, const Message* answered) {
  Message message{{"type", "error"}, {"code", refusal.code}, {"message", refusal.message}};
  if (answered != nullptr) {
    if (const json::value* id = answered->if_contains("id"); id != nullptr && id->is_number()) message["id"] = *id;
  }
  send(message);
}

const Room* Conference::room() const {
  const auto found = service_.rooms().find(room_);
  return found == service_.rooms().end() ? nullptr : &found->second;
}

const Participant* Conference::self() const {
  const Room* where = room();
  if (where == nullptr) return nullptr;
  const auto found = where->participants.find(participant_);
  return found == where->participants.end() ? nullptr : &found->second;
}

}  // namespace penstock
