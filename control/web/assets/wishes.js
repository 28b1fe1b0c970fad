// What we ask of the pictures that we receive: none larger than its tile, nothing of what has no tile. The relay sends
// the encoding that fits (`wish` of control/signalling/PROTOCOL.md).

import { trackOf } from './state.js';

// Sizes to ask for, as cameras and screens have them: a tile that is dragged is not worth a message for each pixel.
const steps = [
  [320, 240],
  [640, 480],
  [1280, 960],
];
const settle_ms = 300;

/** Pure: the wish for a tile of so many device pixels; {width: 0, height: 0} is any size. */
export function wishFor(width, height) {
  const step = steps.find(([w, h]) => width <= w && height <= h);
  return { paused: width === 0 || height === 0, width: step?.[0] ?? 0, height: step?.[1] ?? 0 };
}

export class Wishes {
  #send;
  #sent = new Map(); // track id -> print of what was asked
  #self = null;
  #timer = 0;

  /** `send(message)` returns false if it could not. */
  constructor(send) {
    this.#send = send;
    globalThis.addEventListener?.('resize', () => this.update());
  }

  /** After the tiles are laid out, at any rate. */
  update(state) {
    this.state = state ?? this.state;
    // Not put off again by the next change: while somebody speaks there is always one.
    this.#timer ||= setTimeout(() => this.#tell(), settle_ms);
  }

  #tell() {
    this.#timer = 0;
    const { state } = this;
    if (!state || state.phase !== 'room' || !state.signalling.up) return;
    if (this.#self !== state.self) this.#sent.clear(); // joined anew: the relay knows nothing of us
    this.#self = state.self;
    const sizes = shownSizes();
    for (const participant of state.participants.values()) {
      for (const source of ['camera', 'screen']) {
        const track = trackOf(participant, source, 'video');
        if (!track || participant.id === state.self || !state.received.has(track.id)) continue;
        const [width, height] = sizes.get(`${source} ${participant.id}`) ?? [0, 0];
        // What somebody enlarged is sent whoever speaks.
        const pinned = state.pinned === (source === 'screen' ? `screen:${participant.id}` : participant.id);
        this.#wish(track.id, { ...wishFor(width, height), pinned });
      }
    }
    for (const id of this.#sent.keys()) if (!state.received.has(id)) this.#sent.delete(id);
  }

  #wish(track, wish) {
    const print = JSON.stringify(wish);
    if (this.#sent.get(track) === print) return;
    if (this.#send({ type: 'wish', track, ...wish })) this.#sent.set(track, print);
  }
}

/** Device pixels of each tile's picture, by "source participant". */
function shownSizes() {
  const ratio = globalThis.devicePixelRatio || 1;
  const sizes = new Map();
  for (const tile of document.querySelectorAll('.tile')) {
    const source = tile.classList.contains('screen') ? 'screen' : 'camera';
    const { clientWidth, clientHeight } = tile;
    sizes.set(`${source} ${tile.dataset.participant}`, [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)]);
  }
  return sizes;
}
