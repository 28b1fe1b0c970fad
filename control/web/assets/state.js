// Everything the page knows, in one place, and how each message of the relay changes it. Pure: no DOM, no network.

export function initialState() {
  return {
    phase: 'lobby', // lobby | joining | room | ended
    ended: null, // {code, message} while phase is `ended`
    join_error: null, // {code, message}: why the last attempt to join was refused
    room: '',
    name: '',
    self: null, // own participant id
    permissions: { publish: true, subscribe: true, moderate: false },
    participants: new Map(), // id -> {id, name, tracks: Map(id -> track), order}
    speakers: new Map(), // participant id -> level 0..1
    dominant: null, // id of the participant who speaks, or was the last to speak, if it is not oneself
    held: new Set(), // ids of video tracks that the relay does not send now, as others spoke later
    spoke_at: new Map(), // participant id -> when it last spoke, ms
    received: new Map(), // track id -> MediaStreamTrack from the subscribe connection
    unplayable: new Set(), // ids of tracks of which this browser has no codec
    signalling: { up: false, attempt: 0, retry_at: 0 },
    media_seen: false, // whether the media connections ever worked
    quality: { level: 'connecting', rtt_ms: null, loss: null, send_bps: 0, receive_bps: 0 },
    own: { microphone: ownSource(), camera: ownSource(), screen: ownSource() },
    sound_blocked: false,
    people_open: false,
    pinned: null, // tile key
    joined_count: 0, // how many participants were ever seen: the order of tiles
  };
}

/** One of our own sources. `on`: the user wants it sent; `track`: what is captured, or null; `error`: an exception. */
function ownSource() {
  return { on: false, busy: false, track: null, error: null };
}

export function createStore(state = initialState()) {
  const listeners = new Set();
  let scheduled = false;
  return {
    state,
    /** Changes the state and renders once per turn of the event loop, however many changes there were. */
    change(mutate) {
      mutate(state);
      if (scheduled) return;
      scheduled = true;
      queueMicrotask(() => {
        scheduled = false;
        for (const listener of listeners) listener(state);
      });
    },
    /** Returns the function that stops listening. */
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function addParticipant(state, { id, name, tracks = [] }) {
  const known = state.participants.get(id);
  state.participants.set(id, {
    id,
    name,
    order: known?.order ?? state.joined_count++,
    tracks: new Map(tracks.map((track) => [track.id, track])),
  });
}

function removeParticipant(state, id) {
  state.participants.delete(id);
  state.speakers.delete(id);
  state.spoke_at.delete(id);
  if (state.dominant === id) state.dominant = null;
}

const reducers = {
  joined(state, message) {
    state.phase = 'room';
    state.self = message.participant;
    state.permissions = message.permissions;
    const present = new Set(message.participants.map((p) => p.id));
    for (const id of [...state.participants.keys()]) if (!present.has(id)) removeParticipant(state, id);
    // Oneself came last; the relay's list has no order.
    const others_first = [...message.participants].sort((a, b) => (a.id === state.self) - (b.id === state.self));
    for (const participant of others_first) addParticipant(state, participant);
    if (!message.resumed) {
      state.received.clear();
      state.unplayable.clear();
    }
    state.held = new Set(); // what is held is said again
  },
  participant_joined: (state, message) => addParticipant(state, message.participant),
  participant_left: (state, message) => removeParticipant(state, message.participant),
  track_published(state, message) {
    state.participants.get(message.participant)?.tracks.set(message.track.id, message.track);
  },
  track_unpublished(state, message) {
    state.participants.get(message.participant)?.tracks.delete(message.track);
    state.received.delete(message.track);
  },
  track_muted(state, message) {
    const track = state.participants.get(message.participant)?.tracks.get(message.track);
    if (!track) return;
    track.muted = message.muted;
    track.muted_by_moderator = message.muted_by_moderator;
  },
  speakers(state, message, now) {
    state.speakers = new Map(message.speakers.map((speaker) => [speaker.participant, speaker.level]));
    for (const id of state.speakers.keys()) state.spoke_at.set(id, now);
    if (!message.dominant) return;
    state.spoke_at.set(message.dominant, now);
    // While we speak ourselves, whom we answer stays.
    if (message.dominant !== state.self) state.dominant = message.dominant;
  },
  held(state, message) {
    state.held = new Set(message.tracks);
  },
};

/** True when the message changed the state. Unknown types are left alone: a newer relay may say more. */
export function applyMessage(state, message, now = Date.now()) {
  if (!Object.hasOwn(reducers, message.type)) return false;
  reducers[message.type](state, message, now);
  return true;
}

/** The relay tells everybody else what we publish; we know it from its answer. What a moderator did to a track stays. */
export function setOwnTracks(state, tracks) {
  const own = state.participants.get(state.self);
  if (!own) return;
  const fresh = (track) => ({ name: '', muted_by_moderator: false, ...track });
  own.tracks = new Map(tracks.map((track) => [track.id, own.tracks.get(track.id) ?? fresh(track)]));
}

export const trackOf = (participant, source, kind) =>
  [...(participant?.tracks.values() ?? [])].find((track) => track.source === source && track.kind === kind) ?? null;

export const ownParticipant = (state) => state.participants.get(state.self) ?? null;

/** A moderator's mute outranks our own wish: nothing is sent then. */
export const mutedByModerator = (state, source, kind) =>
  trackOf(ownParticipant(state), source, kind)?.muted_by_moderator ?? false;
