// One <audio> per received audio track. Kept apart from the tiles, so that people are heard whether or not they are seen.

import { byId, element, reconcile } from './dom.js';

export class Sound {
  #store;
  #preferences;

  constructor(store, preferences) {
    this.#store = store;
    this.#preferences = preferences;
  }

  render(state) {
    const tracks = [...state.received.values()].filter((track) => track.kind === 'audio');
    reconcile(
      byId('audio'),
      tracks,
      (track) => track.id,
      (track) => this.#make(track),
      () => {},
    );
  }

  /** After a click: browsers let a page be heard only when somebody touched it. */
  async unblock() {
    this.#store.change((state) => (state.sound_blocked = false));
    await Promise.all([...byId('audio').children].map((node) => this.#play(node)));
  }

  choose(device) {
    this.#preferences.set('device.speaker', device);
    for (const node of byId('audio').children) node.setSinkId?.(device).catch(() => {});
  }

  #make(track) {
    const node = element('audio');
    node.srcObject = new MediaStream([track]);
    const device = this.#preferences.get('device.speaker', '');
    if (device) node.setSinkId?.(device).catch(() => {}); // gone: the default one serves
    this.#play(node);
    return node;
  }

  async #play(node) {
    try {
      await node.play();
    } catch (error) {
      if (error.name === 'NotAllowedError') this.#store.change((state) => (state.sound_blocked = true));
    }
  }
}
