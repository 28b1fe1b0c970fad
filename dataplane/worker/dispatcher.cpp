#include "dataplane/worker/dispatcher.h"

#include <cstring>
#include <utility>

#include "dataplane/relay/fixed_map.h"

namespace penstock {
namespace {

using contract::RowState;

constexpr uint32_t kNowhere = UINT32_MAX;
constexpr uint8_t kNobody = UINT8_MAX;
static_assert(contract::kWorkerMax <= 32 && contract::kWorkerMax < kNobody);  // bits of a fan-out

contract::TransportRow withoutSecrets(contract::TransportRow row) {
  row.receive_key = {};
  row.send_key = {};
  std::memset(row.ice_pwd, 0, sizeof(row.ice_pwd));
  return row;
}

}  // namespace

Dispatcher::Dispatcher(uint32_t workers, std::function<void(uint32_t, Command)> send,
                       std::function<void(uint32_t)> settle)
    : workers_(workers),
      send_(std::move(send)),
      settle_(std::move(settle)),
      load_(workers),
      owner_(contract::kTransportMax, kNobody),
      track_last_(contract::kTrackMax, kNobody),
      subscription_last_(contract::kSubscriptionMax, kNobody),
      subscribed_(contract::kSubscriptionMax, {kNowhere, kNowhere}),
      subscribers_(size_t{contract::kTrackMax} * workers),
      fan_out_(contract::kTrackMax),
      tracks_on_(size_t{contract::kTransportMax} * workers) {}

void Dispatcher::dispatch(Command command) {
  if (workers_ == 1) return send_(0, std::move(command));
  if (auto* transport = std::get_if<TransportCommand>(&command)) return dispatchTransport(*transport);
  if (auto* track = std::get_if<TrackCommand>(&command)) return dispatchTrack(*track);
  if (auto* subscription = std::get_if<SubscriptionCommand>(&command)) return dispatchSubscription(*subscription);
  if (auto* ranks = std::get_if<RanksCommand>(&command)) {
    for (uint32_t worker = 0; worker < workers_; ++worker) send_(worker, *ranks);
  }
}

template <class Each>
void Dispatcher::forOthers(uint32_t worker, Each&& each) {
  for (uint32_t other = 0; other < workers_; ++other) {
    if (other != worker) each(other);
  }
}

/// Of equals any: a participant's two transports come one after the other, and taking turns would put all publishers
/// on one worker.
uint32_t Dispatcher::leastLoaded() {
  const auto start = static_cast<uint32_t>(mixBits(++placed_) % workers_);
  uint32_t best = start;
  for (uint32_t i = 1; i < workers_; ++i) {
    const uint32_t worker = (start + i) % workers_;
    if (load_[worker] < load_[best]) best = worker;
  }
  return best;
}

void Dispatcher::takeOver(std::vector<uint8_t>& last, uint32_t index, uint32_t worker) {
  const uint8_t before = std::exchange(last[index], static_cast<uint8_t>(worker));
  if (before != kNobody && before != worker) settle_(before);
}

void Dispatcher::dispatchTransport(TransportCommand& command) {
  const uint32_t index = command.index;
  if (command.row.state == RowState::kFree) return closeTransport(index);
  if (!transports_.used(index)) {
    takeOver(owner_, index, leastLoaded());
    ++load_[owner_[index]];
  }
  const uint32_t owner = owner_[index];
  const contract::TransportRow& row = transports_[index] = withoutSecrets(command.row);
  forOthers(owner, [&](uint32_t other) {
    send_(other, ElsewhereCommand{.index = index, .row = row, .worker = owner});
    if (tracksOn(other, index) > 0) send_(other, TransportCommand{.index = index, .row = row, .foreign = true});
  });
  send_(owner, std::move(command));
}

void Dispatcher::closeTransport(uint32_t index) {
  if (!transports_.used(index)) return;
  const uint32_t owner = owner_[index];
  transports_[index] = {};
  --load_[owner];
  forOthers(owner, [&](uint32_t other) { send_(other, ElsewhereCommand{.index = index, .row = {}, .worker = owner}); });
  send_(owner, TransportCommand{.index = index, .row = {}});
}

void Dispatcher::dispatchTrack(TrackCommand& command) {
  const uint32_t index = command.index;
  if (command.row.state == RowState::kFree) return closeTrack(index);
  const uint32_t owner = owner_[command.row.transport.index];
  if (!tracks_.used(index)) {
    takeOver(track_last_, index, owner);
    ++load_[owner];
  }
  tracks_[index] = command.row;
  forOthers(owner, [&](uint32_t other) {
    if (knows(other, index)) send_(other, TrackCommand{.index = index, .row = command.row, .foreign = true});
  });
  const auto transport = command.row.transport.index;
  if (contract::isLatching(transports_[transport])) {
    const LatchCommand latch{index, transport, latchKeys(transports_[transport], command.row)};
    forOthers(owner, [&](uint32_t other) { send_(other, latch); });
  }
  send_(owner, std::move(command));
}

void Dispatcher::closeTrack(uint32_t index) {
  if (!tracks_.used(index)) return;
  const uint32_t owner = ownerOfTrack(index);
  forOthers(owner, [&](uint32_t other) {
    if (knows(other, index)) forget(other, index);
  });
  const auto transport = tracks_[index].transport.index;
  if (contract::isLatching(transports_[transport])) {
    forOthers(owner, [&](uint32_t other) { send_(other, LatchCommand{.track = index, .transport = transport}); });
  }
  tracks_[index] = {};
  --load_[owner];
  send_(owner, TrackCommand{.index = index, .row = {}});
}

void Dispatcher::dispatchSubscription(SubscriptionCommand& command) {
  const uint32_t index = command.index;
  if (command.row.state == RowState::kFree) return closeSubscription(index);
  const uint32_t worker = owner_[command.row.transport.index];
  const uint32_t track = command.row.track.generation != 0 ? command.row.track.index : kNowhere;
  if (subscribed_[index].transport == kNowhere) {
    takeOver(subscription_last_, index, worker);
    subscribed_[index] = {command.row.transport.index, kNowhere};
    ++load_[worker];
  }
  const uint32_t before = std::exchange(subscribed_[index].track, track);
  if (before != track) enterTrack(worker, track);
  send_(worker, std::move(command));
  if (before != track) leaveTrack(worker, before);
}

/// A worker has one subscriber of the track more.
void Dispatcher::enterTrack(uint32_t worker, uint32_t track) {
  if (track == kNowhere) return;
  if (++subscribersOn(worker, track) == 1 && worker != ownerOfTrack(track)) introduce(worker, track);
}

/// One less.
void Dispatcher::leaveTrack(uint32_t worker, uint32_t track) {
  if (track == kNowhere || --subscribersOn(worker, track) > 0 || !knows(worker, track)) return;
  forget(worker, track);
  sendFanOut(track);
}

void Dispatcher::closeSubscription(uint32_t index) {
  const Subscribed subscribed = std::exchange(subscribed_[index], {kNowhere, kNowhere});
  if (subscribed.transport == kNowhere) return;
  const uint32_t worker = owner_[subscribed.transport];
  --load_[worker];
  send_(worker, SubscriptionCommand{.index = index, .row = {}});
  leaveTrack(worker, subscribed.track);
}

void Dispatcher::introduce(uint32_t worker, uint32_t track) {
  const contract::TrackRow& row = tracks_[track];
  const uint32_t publisher = row.transport.index;
  if (++tracksOn(worker, publisher) == 1) {
    send_(worker, TransportCommand{.index = publisher, .row = transports_[publisher], .foreign = true});
  }
  send_(worker, TrackCommand{.index = track, .row = row, .foreign = true});
  fan_out_[track] |= 1U << worker;
  sendFanOut(track);
}

void Dispatcher::forget(uint32_t worker, uint32_t track) {
  const uint32_t publisher = tracks_[track].transport.index;
  fan_out_[track] &= ~(1U << worker);
  send_(worker, TrackCommand{.index = track, .row = {}, .foreign = true});
  if (--tracksOn(worker, publisher) == 0)
    send_(worker, TransportCommand{.index = publisher, .row = {}, .foreign = true});
}

void Dispatcher::sendFanOut(uint32_t track) {
  send_(ownerOfTrack(track), FanOutCommand{.track = {track, tracks_[track].generation}, .workers = fan_out_[track]});
}

}  // namespace penstock
