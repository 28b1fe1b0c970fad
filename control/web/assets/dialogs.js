// What opens over the page: help, settings, connection details, a question. One <dialog>, filled anew each time.

import { byId, element, icon } from './dom.js';
import { quality_words } from './quality.js';
import { bitrate, shortcuts } from './words.js';

function open(title, content, actions = []) {
  const dialog = byId('dialog');
  const close = element('button', { type: 'button', class: 'plain-button', 'aria-label': 'Close', title: 'Close (Esc)' }, icon('close'));
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

export function openHelp() {
  const rows = shortcuts.map(([key, words]) => element('div', {}, element('dt', {}, element('kbd', {}, key)), element('dd', {}, words)));
  open('Keyboard', [
    element('dl', { class: 'shortcuts' }, rows),
    element('p', { class: 'muted-text' }, 'Tab goes through all controls. Double-click a tile, or its corner button, to enlarge it.'),
  ]);
}

/** Device choice in the room; `fields` are those of devices.js. */
export function openSettings(fields) {
  open('Devices', [element('div', { class: 'device-fields' }, fields)]);
}

export function openConnection(store) {
  const list = element('dl', { class: 'figures' });
  const show = ({ quality, signalling }) => {
    const figures = [
      ['Media', quality_words[quality.level]],
      ['Signalling', signalling.up ? 'Connected' : 'Reconnecting'],
      ['Round trip', quality.rtt_ms === null || quality.rtt_ms === undefined ? '–' : `${Math.round(quality.rtt_ms)} ms`],
      ['Loss', quality.loss === null || quality.loss === undefined ? '–' : `${(quality.loss * 100).toFixed(1)} %`],
      ['Sending', bitrate(quality.send_bps)],
      ['Receiving', bitrate(quality.receive_bps)],
    ];
    list.replaceChildren(...figures.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
  };
  show(store.state);
  const stop = store.listen(show);
  open('Connection', [list]).addEventListener('close', stop, { once: true });
}

/** A question before something that cannot be taken back. */
export function ask(title, text, label, then) {
  const yes = element('button', { type: 'button', class: 'danger' }, label);
  const no = element('button', { type: 'button', class: 'secondary' }, 'Cancel');
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
  const field = element('input', { class: 'link-field', readonly: true, value: link, 'aria-label': 'Invitation link' });
  open('Invitation link', [element('p', {}, 'Copy this address and send it to those you invite.'), field]);
  field.select();
}
