// The pictures: a tile per participant, and a stage for what is shown large (a shared screen, or the tile one chose).

import { byId, element, icon, reconcile, setAttribute, setIcon, setText } from './dom.js';
import { grid, initials, visible } from './layout.js';
import { trackOf } from './state.js';
import { words } from './words.js';

const tiles_max = 25;
// Of more than this, who speaks is shown large.
const equals_max = 9;

/** Pure: everything that could have a tile now, and the key of what belongs on the stage. */
export function tileItems(state) {
  const cameras = visible(state.participants.values(), state.self, state.spoke_at, tiles_max).map((participant) => ({
    key: participant.id,
    participant,
    source: 'camera',
  }));
  const screens = [...state.participants.values()]
    .filter((participant) => participant.id !== state.self && trackOf(participant, 'screen', 'video'))
    .map((participant) => ({ key: `screen:${participant.id}`, participant, source: 'screen' }));
  const items = [...screens, ...cameras];
  const pinned = items.find((item) => item.key === state.pinned);
  // Nor are all equal where the relay sends the pictures of some only.
  const speaker = cameras.length > equals_max || state.held.size > 0 ? cameras.find(({ key }) => key === state.dominant) : null;
  return { items, staged: pinned ?? screens[0] ?? speaker ?? null };
}

/** Pure: what one tile shows. */
export function tileView(state, { participant, source }) {
  const own = participant.id === state.self;
  const video = trackOf(participant, source, 'video');
  const voice = trackOf(participant, 'microphone', 'audio');
  const held = !own && Boolean(video) && !video.muted && state.held.has(video.id);
  const unplayable = !own && Boolean(video) && !video.muted && state.unplayable.has(video.id);
  const shown = video && !video.muted && !held && !unplayable;
  const picture = own ? state.own.camera.track : shown ? (state.received.get(video.id) ?? null) : null;
  const silent = own ? !state.own.microphone.on : !voice || voice.muted;
  const name = participant.name || words.room.guest;
  return {
    own,
    picture,
    held,
    unplayable,
    dominant: source === 'camera' && participant.id === state.dominant,
    silent: source === 'camera' && silent,
    silenced: voice?.muted_by_moderator ?? false,
    speaking: source === 'camera' && !silent && state.speakers.has(participant.id),
    label: source === 'screen' ? words.room.screen_of(name) : own ? words.room.you(name) : name,
    letters: initials(name),
  };
}

export class Tiles {
  #store;
  #observer;

  constructor(store) {
    this.#store = store;
    this.#observer = new ResizeObserver(() => this.#arrange());
    this.#observer.observe(byId('tiles'));
  }

  render(state) {
    const { items, staged } = tileItems(state);
    const rest = items.filter((item) => item !== staged);
    this.#fill(byId('stage'), staged ? [staged] : [], state, staged);
    this.#fill(byId('tiles'), rest, state, staged);
    byId('stage').hidden = !staged;
    byId('stage-area').classList.toggle('staged', Boolean(staged));
    byId('tiles').hidden = rest.length === 0;
    this.#arrange();
  }

  #fill(box, items, state, staged) {
    reconcile(
      box,
      items,
      (item) => item.key,
      (item) => this.#make(item),
      (node, item) => this.#update(node, state, item, item === staged),
    );
  }

  #make({ key, source }) {
    const toggle = () =>
      this.#store.change((state) => (state.pinned = state.pinned === key ? null : key));
    const pin = element('button', { type: 'button', class: 'tile-button', onclick: toggle });
    const full = element('button', {
      type: 'button',
      class: 'tile-button full',
      title: words.room.full_screen,
      'aria-label': words.room.full_screen,
      onclick: (event) => event.target.closest('.tile').requestFullscreen?.(),
    });
    full.append(icon('fullscreen'));
    const video = element('video', { autoplay: true, playsinline: true });
    video.muted = true;
    const node = element(
      'div',
      { class: `tile ${source}`, role: 'listitem', ondblclick: (event) => !event.target.closest('button') && toggle() },
      element('div', { class: 'avatar', 'aria-hidden': 'true' }),
      video,
      element('p', { class: 'tile-words' }),
      element('div', { class: 'plate' }, icon('microphone-off'), element('span', { class: 'plate-name' })),
      element('div', { class: 'tile-buttons' }, full, pin),
    );
    return node;
  }

  #update(node, state, item, staged) {
    const view = tileView(state, item);
    const video = node.querySelector('video');
    if (video.shown !== view.picture) {
      video.shown = view.picture;
      video.srcObject = view.picture ? new MediaStream([view.picture]) : null;
    }
    video.hidden = !view.picture;
    if (view.picture && video.paused) video.play().catch(() => {}); // muted video may always play; else `autoplay` retries
    video.classList.toggle('mirrored', view.own && item.source === 'camera');
    node.classList.toggle('speaking', view.speaking);
    node.classList.toggle('dominant', view.dominant);
    node.classList.toggle('held', view.held);
    node.classList.toggle('own', view.own);
    node.classList.toggle('silent', view.silent);
    setText(node.querySelector('.avatar'), view.letters);
    setText(node.querySelector('.tile-words'), view.unplayable ? words.tile.no_codec : '');
    setText(node.querySelector('.plate-name'), view.label);
    setAttribute(node, 'data-participant', item.participant.id);
    const status = [
      view.label,
      view.silenced ? words.tile.muted_by_moderator : view.silent && words.tile.muted,
      view.speaking && words.tile.speaking,
      view.held && words.tile.held,
      view.unplayable && words.tile.no_codec,
    ];
    setAttribute(node, 'aria-label', status.filter(Boolean).join(', '));
    const pin = node.querySelector('.tile-button:last-child');
    const pinned = staged && state.pinned === item.key;
    const label = pinned ? words.tile.unpin : staged ? words.tile.keep(view.label) : words.tile.enlarge(view.label);
    setIcon(pin, pinned ? 'unpin' : 'pin');
    setAttribute(pin, 'aria-label', label);
    setAttribute(pin, 'title', label);
    // A shared screen is on the stage by itself: there is nothing to go back to until another tile is enlarged.
    pin.hidden = staged && !pinned && item.source === 'screen';
    node.querySelector('.full').hidden = !staged || !document.fullscreenEnabled;
  }

  #arrange() {
    const box = byId('tiles');
    const style = getComputedStyle(box);
    const gap = parseFloat(style.columnGap) || 0;
    const width = box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = box.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    if (width <= 0 || height <= 0) return;
    const plan = grid(box.children.length, width, height, gap);
    // Through the CSSOM: a style attribute would offend the content security policy.
    box.style.setProperty('--tile-width', `${Math.floor(plan.tile_width)}px`);
    box.style.setProperty('--tile-height', `${Math.floor(plan.tile_height)}px`);
    box.classList.toggle('scrolls', plan.scrolls);
  }
}
