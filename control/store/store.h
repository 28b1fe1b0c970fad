// What penstockd needs for its own restart: rooms and participants as JSON in SQLite, on tmpfs because keys are in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "control/signalling/edges.h"

namespace penstock {

/// On the control thread only. Saving is write-behind, 20 ms, and coalesced per room and participant: a kill loses at
/// most that. A failing store is logged and retried; it never stops a conference.
class Store final : public Persistence {
 public:
  /// A file that is damaged or of another version is moved aside. Throws StartError where none can be made.
  Store(boost::asio::any_io_executor executor, const std::string& path);
  ~Store() override;  // flushes

  std::map<std::string, Room> load();

  void saveRoom(const Room& room) override;
  void removeRoom(const std::string& room) override;
  void saveParticipant(const std::string& room, const Participant& participant) override;
  void removeParticipant(const std::string& room, const std::string& participant) override;

  /// Small things by name (the certificate); written at once.
  std::optional<std::string> meta(const std::string& key);
  bool setMeta(const std::string& key, const std::string& value);

  /// Writes now what waits. False: it failed and waits still.
  bool flush();
  /// Rooms, participants and small things written or removed since the start.
  uint64_t writes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock
