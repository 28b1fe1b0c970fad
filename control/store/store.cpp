#include "control/store/store.h"

#include <chrono>
#include <set>
#include <type_traits>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/steady_timer.hpp>

#include "control/room/json.h"
#include "control/store/database.h"

namespace penstock {
namespace {

constexpr auto kFlushAfter = std::chrono::milliseconds(20);
constexpr auto kRetryAfter = std::chrono::seconds(1);

constexpr const char* kPutRoom = "INSERT OR REPLACE INTO room (name, json) VALUES (?1, ?2)";
constexpr const char* kRemoveRoom = "DELETE FROM room WHERE name = ?1";
constexpr const char* kRemoveRoomParticipants = "DELETE FROM participant WHERE room = ?1";
constexpr const char* kPutParticipant = "INSERT OR REPLACE INTO participant (room, id, json) VALUES (?1, ?2, ?3)";
constexpr const char* kRemoveParticipant = "DELETE FROM participant WHERE room = ?1 AND id = ?2";

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// Another version of penstockd may have written it. Members that it did not know get their defaults, those that only
/// it knows are dropped; Boost.JSON would refuse the whole for either.
template <class T>
void conform(boost::json::value& value) {
  if constexpr (boost::describe::has_describe_members<T>::value) {
    if (!value.is_object()) return;
    const T defaults{};
    boost::json::object known;
    using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
    boost::mp11::mp_for_each<Members>([&](auto member) {
      boost::json::value* found = value.get_object().if_contains(member.name);
      boost::json::value& to = known[member.name];
      to = found ? std::move(*found) : boost::json::value_from(defaults.*member.pointer);
      conform<std::remove_cvref_t<decltype(defaults.*member.pointer)>>(to);
    });
    value = std::move(known);
  } else if constexpr (kIsOptional<T>) {
    conform<typename T::value_type>(value);  // null has no members
  } else if constexpr (requires { typename T::mapped_type; }) {
    if (value.is_object())
      for (auto& [key, member] : value.get_object()) conform<typename T::mapped_type>(member);
  } else if constexpr (requires { typename T::value_type; }) {
    if (value.is_array())
      for (boost::json::value& element : value.get_array()) conform<typename T::value_type>(element);
  }
}

template <class T>
std::optional<T> fromJson(const std::string& text, const std::string& what) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (!error) {
    conform<T>(value);
    if (auto result = boost::json::try_value_to<T>(value)) return std::move(*result);
  }
  spdlog::warn("store: {} cannot be read and is left out", what);
  return std::nullopt;
}

template <class T>
std::string toJson(const T& value) {
  return boost::json::serialize(boost::json::value_from(value));
}

}  // namespace

struct Store::Impl {
  Impl(boost::asio::any_io_executor executor, const std::string& path) : database(path), timer(executor) {}

  void schedule(std::chrono::milliseconds after) {
    if (std::exchange(scheduled, true)) return;
    timer.expires_after(after);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      scheduled = false;
      flush();
    });
  }
  bool flush();
  bool writeRooms();
  bool writeParticipants();

  Database database;
  boost::asio::steady_timer timer;
  bool scheduled = false;
  bool failing = false;
  uint64_t writes = 0;
  // What waits, by key; nullopt = removed. Of several changes only the last one is written.
  std::map<std::string, std::optional<Room>> rooms;  // without participants
  std::set<std::string> emptied;  // rooms removed: what is stored of their participants goes, even if made again
  std::map<std::pair<std::string, std::string>, std::optional<Participant>> participants;
};

bool Store::Impl::writeRooms() {
  for (const std::string& name : emptied) {
    if (!database.run(kRemoveRoomParticipants, {name})) return false;
  }
  for (const auto& [name, room] : rooms) {
    const bool done = room ? database.run(kPutRoom, {name, toJson(*room)}) : database.run(kRemoveRoom, {name});
    if (!done) return false;
  }
  return true;
}

bool Store::Impl::writeParticipants() {
  for (const auto& [key, participant] : participants) {
    const auto& [room, id] = key;
    const bool done = participant ? database.run(kPutParticipant, {room, id, toJson(*participant)})
                                  : database.run(kRemoveParticipant, {room, id});
    if (!done) return false;
  }
  return true;
}

bool Store::Impl::flush() {
  if (rooms.empty() && participants.empty()) return true;
  const bool done = database.run("BEGIN", {}) && writeRooms() && writeParticipants() && database.run("COMMIT", {});
  if (done) {
    writes += rooms.size() + participants.size();
    rooms.clear();
    emptied.clear();
    participants.clear();
    if (std::exchange(failing, false)) spdlog::info("store: writes again");
    return true;
  }
  if (!std::exchange(failing, true))
    spdlog::error("store: cannot write, a restart would lose changes: {}", database.error());
  database.run("ROLLBACK", {});
  schedule(kRetryAfter);
  return false;
}

Store::Store(boost::asio::any_io_executor executor, const std::string& path)
    : impl_(std::make_unique<Impl>(std::move(executor), path)) {}

Store::~Store() {
  impl_->flush();
}

std::map<std::string, Room> Store::load() {
  std::map<std::string, Room> rooms;
  impl_->database.query("SELECT name, json FROM room", {}, [&](const Database::Row& row) {
    if (auto room = fromJson<Room>(row[1], "room " + row[0])) rooms[row[0]] = std::move(*room);
  });
  impl_->database.query("SELECT room, id, json FROM participant", {}, [&](const Database::Row& row) {
    const auto room = rooms.find(row[0]);
    if (room == rooms.end()) return;
    if (auto participant = fromJson<Participant>(row[2], "participant " + row[1]))
      room->second.participants[row[1]] = std::move(*participant);
  });
  return rooms;
}

void Store::saveRoom(const Room& room) {
  Room alone{.name = room.name,
             .settings = room.settings,
             .keep_when_empty = room.keep_when_empty,
             .created_unix_ms = room.created_unix_ms,
             .number = room.number,
             .participants = {}};
  impl_->rooms[room.name] = std::move(alone);
  impl_->schedule(kFlushAfter);
}

void Store::removeRoom(const std::string& room) {
  impl_->rooms[room] = std::nullopt;
  impl_->emptied.insert(room);
  std::erase_if(impl_->participants, [&](const auto& waiting) { return waiting.first.first == room; });
  impl_->schedule(kFlushAfter);
}

void Store::saveParticipant(const std::string& room, const Participant& participant) {
  impl_->participants[{room, participant.id}] = participant;
  impl_->schedule(kFlushAfter);
}

void Store::removeParticipant(const std::string& room, const std::string& participant) {
  impl_->participants[{room, participant}] = std::nullopt;
  impl_->schedule(kFlushAfter);
}

std::optional<std::string> Store::meta(const std::string& key) {
  std::optional<std::string> value;
  impl_->database.query("SELECT value FROM meta WHERE key = ?1", {key},
                        [&](const Database::Row& row) { value = row[0]; });
  return value;
}

bool Store::setMeta(const std::string& key, const std::string& value) {
  const bool done = impl_->database.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", {key, value});
  impl_->writes += done;
  return done;
}

bool Store::flush() {
  return impl_->flush();
}

uint64_t Store::writes() const {
  return impl_->writes;
}

}  // namespace penstock
