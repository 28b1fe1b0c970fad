// `window.penstock`: what tests and the curious may look at and do from the console. Not an API for integrators.
//
//   participants()             [{id, name, self, tracks: [{id, kind, source, muted, muted_by_moderator, received}]}]
//   publishConnection          RTCPeerConnection or null; subscribeConnection likewise
//   subscribe(tracks), unsubscribe(tracks)    arrays of track ids
//   wish(track, {paused, width, height, frame_rate, pinned, priority})   of a received picture: no larger than that
//   lastN(number)              pictures of so many others, who spoke last; null: as the room says
//   mute(track, muted)         own track: as the button does; somebody else's: as a moderator
//   kick(participant)          as a moderator
//   leave()
//   state                      the page's whole state (read only, by agreement)

export function installHook(store, current, media) {
  const send = (message) => current()?.protocol.send(message) ?? false;
  const describe = (participant) => ({
    id: participant.id,
    name: participant.name,
    self: participant.id === store.state.self,
    tracks: [...participant.tracks.values()].map((track) => ({ ...track, received: store.state.received.has(track.id) })),
  });
  window.penstock = Object.freeze({
    participants: () => [...store.state.participants.values()].map(describe),
    get publishConnection() {
      return current()?.publish?.pc ?? null;
    },
    get subscribeConnection() {
      return current()?.subscribe?.pc ?? null;
    },
    subscribe: (tracks) => send({ type: 'subscribe', tracks }),
    unsubscribe: (tracks) => send({ type: 'unsubscribe', tracks }),
    wish: (track, wish) => send({ type: 'wish', track, ...wish }),
    lastN: (number) => send({ type: 'last_n', last_n: number }),
    mute(track, muted) {
      const own = store.state.participants.get(store.state.self)?.tracks.get(track);
      if (!own || !store.state.own[own.source]) return send({ type: 'mute', track, muted });
      return muted ? media.turnOff(own.source) : media.turnOn(own.source);
    },
    kick: (participant) => send({ type: 'kick', participant }),
    leave: () => current()?.leave(),
    state: store.state,
  });
}
