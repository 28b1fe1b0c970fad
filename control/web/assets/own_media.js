// Our own sources: turning microphone, camera and screen on and off, in the lobby and in the room alike.
// Writes `state.own`; whoever sends (conference.js) or shows (lobby.js, tiles.js) follows the state.

import { capture, captureScreen } from './media.js';

export class OwnMedia {
  #store;
  #preferences;
  #size;

  constructor(store, preferences, size = null) {
    this.#store = store;
    this.#preferences = preferences;
    this.#size = size;
  }

  async turnOn(source) {
    const own = this.#store.state.own[source];
    if (own.busy) return;
    if (source === 'microphone' && own.track) return this.#set(source, { on: true, error: null });
    this.#set(source, { busy: true, error: null });
    try {
      if (source === 'screen') await this.#shareScreen();
      else await this.#capture(source);
    } catch (error) {
      this.#set(source, { on: false, track: null, error });
    }
    this.#set(source, { busy: false });
  }

  /** A muted microphone stays captured, so that it is back at once; camera and screen are let go, and their light goes out. */
  turnOff(source) {
    const own = this.#store.state.own[source];
    if (source === 'microphone') return this.#set(source, { on: false });
    own.track?.stop();
    own.audio?.stop();
    this.#set(source, { on: false, track: null, audio: null });
  }

  toggle(source) {
    return this.#store.state.own[source].on ? this.turnOff(source) : this.turnOn(source);
  }

  /** Another device was chosen: replaces what is captured now, if anything. */
  async choose(source, device) {
    this.#preferences.set(`device.${source}`, device);
    const own = this.#store.state.own[source];
    if (!own.track) return;
    const was_on = own.on;
    own.track.stop();
    this.#set(source, { track: null });
    await this.turnOn(source);
    if (!was_on) this.turnOff(source);
  }

  stopAll() {
    for (const source of ['microphone', 'camera', 'screen']) {
      const own = this.#store.state.own[source];
      own.track?.stop();
      own.audio?.stop();
      this.#set(source, { on: false, track: null, audio: null, error: null });
    }
  }

  async #capture(source) {
    const device = this.#preferences.get(`device.${source}`, '');
    const track = await capture(source, { device, size: this.#size });
    track.addEventListener('ended', () => this.#lost(source, track));
    this.#set(source, { on: true, track });
  }

  async #shareScreen() {
    const shared = await captureScreen();
    if (!shared) return;
    shared.video.addEventListener('ended', () => this.turnOff('screen')); // the browser's own "stop sharing"
    this.#set('screen', { on: true, track: shared.video, audio: shared.audio });
  }

  /** The device was pulled out, or the permission withdrawn, while in use. */
  #lost(source, track) {
    if (this.#store.state.own[source].track !== track) return;
    this.#set(source, { on: false, track: null, error: { name: 'LostError' } });
  }

  #set(source, values) {
    this.#store.change((state) => Object.assign(state.own[source], values));
  }
}
