// Which worker gets which command. A transport belongs to one worker for good; a track to its publisher's, and the
// workers that have subscribers of it know of it too; a subscription to the worker of the transport it sends to.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dataplane/relay/command.h"
#include "dataplane/worker/row_reader.h"

namespace penstock {

class Dispatcher {
 public:
  /// `send(worker, command)` takes the commands of each worker in order; `settle(worker)` returns when that worker has
  /// applied all it was sent.
  Dispatcher(uint32_t workers, std::function<void(uint32_t, Command)> send, std::function<void(uint32_t)> settle);

  /// A command as CommandMaker makes it, for one worker that has everything.
  void dispatch(Command command);

  /// Transports, tracks and subscriptions of a worker: a new transport goes where there are fewest.
  uint64_t loadOf(uint32_t worker) const { return load_[worker]; }
  uint32_t ownerOf(uint32_t transport) const { return workers_ == 1 ? 0 : owner_[transport]; }

 private:
  struct Subscribed {
    uint32_t transport, track;
  };

  void dispatchTransport(TransportCommand& command);
  void dispatchTrack(TrackCommand& command);
  void dispatchSubscription(SubscriptionCommand& command);
  void closeTransport(uint32_t index);
  void closeTrack(uint32_t index);
  void closeSubscription(uint32_t index);
  uint32_t leastLoaded();

  /// An index in use again, by another worker than before: the former one clears what reports and flows say of it when
  /// it closes it, and must have done so before the new one writes there.
  void takeOver(std::vector<uint8_t>& last, uint32_t index, uint32_t worker);
  /// Makes a track known to a worker that has its first subscriber there, or forgotten after the last one; and that
  /// worker to the publisher's.
  void introduce(uint32_t worker, uint32_t track);
  void enterTrack(uint32_t worker, uint32_t track);
  void leaveTrack(uint32_t worker, uint32_t track);
  void forget(uint32_t worker, uint32_t track);
  void sendFanOut(uint32_t track);
  template <class Each>
  void forOthers(uint32_t worker, Each&& each);
  bool knows(uint32_t worker, uint32_t track) const { return fan_out_[track] >> worker & 1; }
  uint32_t ownerOfTrack(uint32_t track) const { return owner_[tracks_[track].transport.index]; }
  uint32_t& subscribersOn(uint32_t worker, uint32_t track) { return subscribers_[size_t{track} * workers_ + worker]; }
  uint32_t& tracksOn(uint32_t worker, uint32_t transport) { return tracks_on_[size_t{transport} * workers_ + worker]; }

  uint32_t workers_;
  std::function<void(uint32_t, Command)> send_;
  std::function<void(uint32_t)> settle_;
  std::vector<uint64_t> load_;  // by worker
  // By index: the worker that has it, or had it last.
  std::vector<uint8_t> owner_, track_last_, subscription_last_;
  std::vector<Subscribed> subscribed_;  // by subscription; kNowhere = not in use, no track now
  std::vector<uint32_t> subscribers_;   // by track and worker
  std::vector<uint32_t> fan_out_;       // by track: the other workers that know of it, as bits
  std::vector<uint32_t> tracks_on_;     // by transport and worker: its tracks that another worker knows of
  BelievedRows<contract::TransportRow> transports_{contract::kTransportMax};  // without secrets
  BelievedRows<contract::TrackRow> tracks_{contract::kTrackMax};
  uint64_t placed_ = 0;
};

}  // namespace penstock
