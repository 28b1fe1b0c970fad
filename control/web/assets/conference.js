// One stay in one room: ties the signalling, the two media connections and our own sources together.
// Reads and writes the state; shows nothing.

import { Protocol } from './protocol.js';
import { PublishConnection } from './publish_connection.js';
import { SubscribeConnection } from './subscribe_connection.js';
import { watchQuality } from './quality.js';
import { applyMessage, mutedByModerator, ownParticipant, setOwnTracks, trackOf } from './state.js';
import { refusalWords, words } from './words.js';

const rejoin_pause_ms = 10_000;

export class Conference {
  #store;
  #media;
  #say;
  #video;
  #watch;
  #ticking = 0;
  #last_rejoin = 0;
  #stop_listening;
  #published = ''; // print of what sync() was last told
  publish = null;
  subscribe = null;

  /** `say(text, symbol)` tells the user something in passing. */
  constructor(store, media, say, { room, name, token, auto_subscribe, video }) {
    this.#store = store;
    this.#media = media;
    this.#say = say;
    this.#video = video;
    this.protocol = new Protocol({ room, name, token, auto_subscribe });
    this.protocol.addEventListener('message', (event) => this.#received(event.detail));
    this.protocol.addEventListener('down', (event) => this.#down(event.detail));
    this.protocol.addEventListener('refused', (event) => this.#end(event.detail));
    this.#watch = watchQuality(
      () => ({ publish: this.publish?.pc ?? null, subscribe: this.subscribe?.pc ?? null }),
      (quality) =>
        store.change((state) => {
          Object.assign(state.quality, quality);
          state.media_seen ||= this.#connected();
        }),
    );
    this.#stop_listening = store.listen(() => this.#syncPublish());
  }

  #connected() {
    return [this.publish, this.subscribe].some((connection) => connection?.pc.connectionState === 'connected');
  }

  start() {
    this.#store.change((state) => {
      state.phase = 'joining';
      state.join_error = null;
      state.media_seen = false;
      state.signalling = { up: false, attempt: 0, retry_at: 0 };
    });
    this.protocol.connect();
  }

  leave() {
    this.protocol.leave();
    this.#end({ code: 'user_left' });
  }

  /** Stops everything without a word, as when the user cancels joining. */
  close() {
    this.protocol.leave();
    this.#stop_listening();
    this.#watch.stop();
    clearInterval(this.#ticking);
    this.publish?.close();
    this.subscribe?.close();
  }

  #end({ code, message }) {
    const joining = this.#store.state.phase === 'joining';
    this.close();
    if (!joining) this.#media.stopAll();
    this.#store.change((state) => {
      state.phase = joining ? 'lobby' : 'ended';
      state[joining ? 'join_error' : 'ended'] = { code, message };
      state.participants.clear();
      state.received = new Map();
      state.unplayable = new Set();
      state.pinned = null;
      state.people_open = false;
      state.quality.level = 'connecting';
    });
  }

  #received(message) {
    this.#announce(message); // before the state forgets who left
    this.#store.change((state) => applyMessage(state, message));
    if (message.type === 'joined') this.#joined(message);
    else if (message.type === 'offer') this.subscribe.offered(message);
    else if (message.type === 'left') this.#end({ code: message.reason });
    else if (message.type === 'track_muted') this.#obeyModerator(message);
    else if (message.type === 'wanted') this.publish?.wanted(message);
    else if (message.type === 'error') this.#refused(message);
  }

  #joined({ resumed }) {
    clearInterval(this.#ticking);
    this.#store.change((state) => (state.signalling = { up: true, attempt: 0, retry_at: 0 }));
    if (resumed && this.publish) {
      this.publish.resumed();
      this.subscribe.resumed();
      return;
    }
    this.publish?.close();
    this.subscribe?.close();
    this.#published = '';
    this.publish = new PublishConnection(this.protocol, this.#video);
    this.subscribe = new SubscribeConnection(this.protocol);
    this.publish.addEventListener('published', (event) => this.#store.change((state) => setOwnTracks(state, event.detail)));
    this.publish.addEventListener('refused', (event) => this.#publishRefused(event.detail));
    this.subscribe.addEventListener('tracks', (event) => this.#store.change((state) => Object.assign(state, event.detail)));
    this.subscribe.addEventListener('trouble', (event) => console.warn('penstock: an offer could not be answered', event.detail));
    for (const connection of [this.publish, this.subscribe]) {
      connection.addEventListener('state', () => this.#watch.look());
      connection.addEventListener('hopeless', () => this.#rejoin());
    }
    this.#syncPublish();
  }

  /** Media does not come back on this participant: come in as a new one, but not in a hurry. */
  #rejoin() {
    const pause = Math.max(0, this.#last_rejoin + rejoin_pause_ms - Date.now());
    this.#last_rejoin = Date.now() + pause;
    setTimeout(() => this.protocol.rejoin(), pause);
  }

  /** What should be sent, from what is captured. Called at each change of the state; does something only if this changed. */
  #syncPublish() {
    const { own, permissions, phase } = this.#store.state;
    if (phase !== 'room' || !this.publish || !permissions.publish) return;
    const wanted = new Map();
    const want = (key, source, kind, track, muted) => wanted.set(key, { source, kind, track, muted });
    const { microphone, camera, screen } = own;
    if (microphone.track) microphone.track.enabled = microphone.on;
    if (microphone.track || this.publish.trackId('microphone')) {
      want('microphone', 'microphone', 'audio', microphone.track, !microphone.on);
    }
    if (camera.track || this.publish.trackId('camera')) want('camera', 'camera', 'video', camera.track, !camera.track);
    if (screen.on) want('screen', 'screen', 'video', screen.track, false);
    if (screen.on && screen.audio) want('screen-audio', 'screen', 'audio', screen.audio, false);
    const print = JSON.stringify([...wanted].map(([key, { track, muted }]) => [key, track?.id, muted]));
    if (print === this.#published) return;
    this.#published = print;
    this.publish.sync(wanted);
  }

  /** The relay did not take what we offered: let go of what is not published, so that the page tells the truth. */
  #publishRefused(error) {
    const text = refusalWords(error);
    if (text) this.#say(text, 'warning');
    for (const source of ['microphone', 'camera', 'screen']) {
      if (this.#store.state.own[source].on && !this.publish.trackId(source)) this.#media.turnOff(source);
    }
  }

  #refused(error) {
    const text = refusalWords(error);
    if (text) this.#say(text, 'warning');
  }

  #obeyModerator({ participant, track, muted_by_moderator }) {
    const { state } = this.#store;
    if (participant !== state.self || !muted_by_moderator) return;
    const source = ownParticipant(state)?.tracks.get(track)?.source;
    // Turned off for real: when the moderator allows it again, nobody is heard or seen without wanting it.
    if (state.own[source]?.on) this.#media.turnOff(source);
  }

  #announce(message) {
    const { state } = this.#store;
    const known = state.participants.get(message.participant?.id ?? message.participant);
    const name = known?.name || message.participant?.name || words.room.somebody;
    if (message.type === 'participant_joined') this.#say(words.said.joined(name), 'people');
    if (message.type === 'participant_left') this.#say((words.said[message.reason] ?? words.said.left)(name), 'people');
    if (message.type === 'track_published' && message.track.source === 'screen' && message.track.kind === 'video') {
      if (known && known.id !== state.self) this.#say(words.said.shares(name), 'screen');
    }
    if (message.type === 'track_muted' && message.participant === state.self) this.#announceModerator(known, message);
  }

  #announceModerator(known, message) {
    const track = known?.tracks.get(message.track);
    if (!track || track.muted_by_moderator === message.muted_by_moderator) return;
    const { source } = track;
    if (message.muted_by_moderator) this.#say(words.source.silenced(source), 'warning');
    else this.#say(words.source.allowed(source), 'check');
  }

  #down({ attempt, retry_at }) {
    const tell = () => this.#store.change((state) => (state.signalling = { up: false, attempt, retry_at }));
    tell();
    clearInterval(this.#ticking);
    this.#ticking = setInterval(tell, 1000); // the words count the seconds
  }

  /** Turning on a source that a moderator muted would send nothing: say so instead. */
  mayTurnOn(source) {
    const kind = source === 'microphone' ? 'audio' : 'video';
    if (!mutedByModerator(this.#store.state, source, kind)) return true;
    this.#say(words.source.ask(source), 'warning');
    return false;
  }

  /** Moderation: mutes a participant's source, or allows it again. */
  muteOther(participant_id, source) {
    const participant = this.#store.state.participants.get(participant_id);
    const track = trackOf(participant, source, source === 'microphone' ? 'audio' : 'video');
    if (track) this.protocol.send({ type: 'mute', track: track.id, muted: !track.muted_by_moderator });
  }

  kick(participant) {
    return this.protocol.send({ type: 'kick', participant });
  }
}
