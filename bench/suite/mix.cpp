#include "bench/suite/mix.h"

#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "bench/suite/result.h"

namespace penstock::bench {

namespace json = boost::json;

namespace {

MediaShape mediaOf(const json::object& room, const char* kind) {
  const json::object& media = objectAt(room, kind);
  return {static_cast<uint16_t>(numberAt(media, "bytes")), numberAt(media, "per_second")};
}

}  // namespace

std::vector<RoomShape> readMix(const std::string& text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_array()) throw std::invalid_argument("a mix is a JSON array of rooms");
  std::vector<RoomShape> shapes;
  for (const json::value& entry : value.get_array()) {
    if (!entry.is_object()) throw std::invalid_argument("a room of a mix is an object");
    const json::object& room = entry.get_object();
    const json::value* one_way = room.if_contains("one_way");
    shapes.push_back({.rooms = static_cast<uint32_t>(numberAt(room, "rooms", 1)),
                      .participants = static_cast<uint32_t>(numberAt(room, "participants", 2)),
                      .publishers = static_cast<uint32_t>(numberAt(room, "publishers", 1)),
                      .one_way = one_way != nullptr && one_way->is_bool() && one_way->get_bool(),
                      .video = mediaOf(room, "video"),
                      .audio = mediaOf(room, "audio")});
  }
  return shapes;
}

}  // namespace penstock::bench
