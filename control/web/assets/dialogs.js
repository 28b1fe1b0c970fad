// What opens over the page: help, settings, connection details, a question. One <dialog>, filled anew each time.

import { byId, element, setButton } from './dom.js';
import { bitrate, figure, words } from './words.js';

function open(title, content, actions = []) {
  const dialog = byId('dialog');
  const close = element('button', { type: 'button', class: 'plain-button' });
  setButton(close, { symbol: 'close', label: words.room.close, shortcut: words.keyboard.escape });
  close.addEventListener('click', () => dialog.close());
  dialog.replaceChildren(
    element('header', { class: 'dialog-header' }, element('h2', { id: 'dialog-title' }, title), close),
    element('div', { class: 'dialog-body' }, content),
    ...(actions.length ? [element('footer', { class: 'actions' }, actions)] : []),
  );
  dialog.onclick = (event) => event.target === dialog && dialog.close(); // beside the box
  if (!dialog.open) dialog.showModal();
  return dialog;
}

export const dialogOpen = () => byId('dialog').open;

const shortcuts = [
  ['M', 'microphone'],
  [words.keyboard.space, 'talk'],
  ['V', 'camera'],
  ['S', 'screen'],
  ['P', 'people'],
  ['C', 'copy'],
  ['?', 'help'],
  [words.keyboard.escape, 'close'],
];

export function openHelp() {
  const rows = shortcuts.map(([key, what]) =>
    element('div', {}, element('dt', {}, element('kbd', {}, key)), element('dd', {}, words.keyboard[what])),
  );
  open(words.keyboard.title, [
    element('dl', { class: 'shortcuts' }, rows),
    element('p', { class: 'muted-text' }, words.keyboard.text),
  ]);
}

/** Device choice in the room; `fields` are those of devices.js. */
export function openSettings(fields) {
  open(words.lobby.devices, [element('div', { class: 'device-fields' }, fields)]);
}

export function openConnection(store) {
  const list = element('dl', { class: 'figures' });
  const show = ({ quality, signalling }) => {
    const figures = [
      [words.quality.media, words.quality[quality.level]],
      [words.quality.signalling, signalling.up ? words.quality.connected : words.quality.reconnecting],
      [words.quality.round_trip, quality.rtt_ms === null || quality.rtt_ms === undefined ? '–' : `${Math.round(quality.rtt_ms)} ms`],
      [words.quality.loss, quality.loss === null || quality.loss === undefined ? '–' : `${figure(quality.loss * 100, 1)} %`],
      [words.quality.sending, bitrate(quality.send_bps)],
      [words.quality.receiving, bitrate(quality.receive_bps)],
    ];
    list.replaceChildren(...figures.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
  };
  show(store.state);
  const stop = store.listen(show);
  open(words.quality.title, [list]).addEventListener('close', stop, { once: true });
}

/** A question before something that cannot be taken back. */
export function ask(title, text, label, then) {
  const yes = element('button', { type: 'button', class: 'danger' }, label);
  const no = element('button', { type: 'button', class: 'secondary' }, words.remove.no);
  const dialog = open(title, [element('p', {}, text)], [no, yes]);
  no.addEventListener('click', () => dialog.close());
  yes.addEventListener('click', () => {
    dialog.close();
    then();
  });
  no.focus();
}

/** Where the clipboard is not ours to write (no secure context): the link, selected. */
export function openLink(link) {
  const field = element('input', { class: 'link-field', readonly: true, value: link, 'aria-label': words.room.link });
  open(words.room.link, [element('p', {}, words.room.link_text), field]);
  field.select();
}
