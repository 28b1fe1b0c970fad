// Short messages that come and go (and are read out: their box is a live region), and banners that stay while true.

import { byId, element, icon, reconcile, setText } from './dom.js';
import { mediaErrors } from './media.js';
import { mutedByModerator } from './state.js';
import { words } from './words.js';

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
    const text = words.banner.signalling(seconds);
    banners.push({ key: 'signalling', kind: 'warning', text, action: 'retry', label: words.banner.retry });
  } else if (quality.level === 'lost') {
    const text = state.media_seen ? words.banner.interrupted : words.banner.no_media;
    banners.push({ key: 'media', kind: 'warning', text });
  }
  if (state.sound_blocked) {
    banners.push({ key: 'sound', kind: 'info', text: words.banner.silent, action: 'sound', label: words.banner.sound_on });
  }
  for (const { sources, text } of mediaErrors(own, ['microphone', 'camera', 'screen'])) {
    const key = sources.join('-');
    banners.push({ key, kind: 'warning', text, action: `forget-${key}`, label: words.banner.close });
  }
  if (own.screen.on) {
    const text = mutedByModerator(state, 'screen', 'video') ? words.banner.hidden : words.banner.sharing;
    banners.push({ key: 'sharing', kind: 'info', text, action: 'stop-screen', label: words.banner.stop_sharing });
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
