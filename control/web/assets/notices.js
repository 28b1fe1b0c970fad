// Short messages that come and go (and are read out: their box is a live region), and banners that stay while true.

import { byId, element, icon, reconcile, setText } from './dom.js';
import { mediaErrors } from './media.js';
import { mutedByModerator } from './state.js';

const stay_ms = 5000;
const toasts_max = 3;

export function toast(text, symbol = null) {
  const box = byId('toasts');
  const node = element('div', { class: 'toast' }, symbol && icon(symbol), element('span', {}, text));
  box.append(node);
  while (box.children.length > toasts_max) box.firstElementChild.remove();
  setTimeout(() => node.remove(), stay_ms);
}

/** Pure: what must be said now. `actions` are names that app.js knows how to do. */
export function bannersOf(state, now = Date.now()) {
  const banners = [];
  const { signalling, own, quality } = state;
  if (!signalling.up) {
    const seconds = Math.max(0, Math.ceil((signalling.retry_at - now) / 1000));
    const wait = seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again now.';
    const text = `The relay does not answer. Sound and picture may go on meanwhile. ${wait}`;
    banners.push({ key: 'signalling', kind: 'warning', text, action: 'retry', label: 'Try now' });
  } else if (quality.level === 'lost') {
    const text = state.media_seen
      ? 'Sound and picture are interrupted. Reconnecting …'
      : 'No sound and picture: the relay is not reached by UDP. A firewall or VPN may block it. Trying again …';
    banners.push({ key: 'media', kind: 'warning', text });
  }
  if (state.sound_blocked) {
    const text = 'The browser keeps this page silent until you allow sound.';
    banners.push({ key: 'sound', kind: 'info', text, action: 'sound', label: 'Turn sound on' });
  }
  for (const { sources, text } of mediaErrors(own, ['microphone', 'camera', 'screen'])) {
    const key = sources.join('-');
    banners.push({ key, kind: 'warning', text, action: `forget-${key}`, label: 'Close' });
  }
  if (own.screen.on) {
    const text = mutedByModerator(state, 'screen', 'video') ? 'A moderator hid your screen.' : 'You are sharing your screen.';
    banners.push({ key: 'sharing', kind: 'info', text, action: 'stop-screen', label: 'Stop sharing' });
  }
  return banners;
}

export function renderBanners(state, act) {
  reconcile(
    byId('banners'),
    bannersOf(state),
    (banner) => banner.key,
    (banner) =>
      element(
        'div',
        { class: `banner ${banner.kind}`, role: banner.kind === 'warning' ? 'alert' : 'status' },
        icon(banner.kind === 'warning' ? 'warning' : banner.key === 'sound' ? 'sound' : 'screen'),
        element('span', { class: 'banner-text' }),
        banner.action && element('button', { type: 'button', class: 'small', onclick: () => act(banner.action) }, banner.label),
      ),
    (node, banner) => setText(node.querySelector('.banner-text'), banner.text),
  );
}
