// The bar of buttons, the header, and the keys that do the same.

import { byId, element, setAttribute, setButton, setIcon, setText } from './dom.js';
import { dialogOpen } from './dialogs.js';
import { support } from './media.js';
import { mutedByModerator } from './state.js';
import { words } from './words.js';

const kinds = { microphone: 'audio', camera: 'video', screen: 'video' };
const keys = { microphone: 'M', camera: 'V', screen: 'S' };

export class Controls {
  #actions;
  #buttons = {};

  constructor(actions) {
    this.#actions = actions;
    const make = (name, kind, onclick) => {
      this.#buttons[name] = element('button', { type: 'button', id: `control-${name}`, class: `round ${kind}`, onclick });
      return this.#buttons[name];
    };
    byId('controls').append(
      make('microphone', 'source', () => actions.toggle('microphone')),
      make('camera', 'source', () => actions.toggle('camera')),
      ...(support.screen ? [make('screen', 'share', () => actions.toggle('screen'))] : []),
      make('people', 'quiet', actions.togglePeople),
      make('settings', 'quiet', actions.settings),
      make('leave', 'leave', actions.leave),
    );
    byId('connection-button').addEventListener('click', actions.connection);
    byId('copy-button').addEventListener('click', actions.copyLink);
    byId('help-button').addEventListener('click', actions.help);
    byId('copy-button').append(element('span', { class: 'chip-text' }, words.room.copy));
    byId('connection-button').append(element('span', { class: 'chip-text' }));
    setButton(byId('help-button'), { symbol: 'help', label: words.room.help, shortcut: '?' });
    setButton(byId('copy-button'), { symbol: 'link', label: words.room.copy_invitation, shortcut: 'C' });
    setButton(this.#buttons.settings, { symbol: 'settings', label: words.lobby.devices });
    setButton(this.#buttons.leave, { symbol: 'leave', label: words.room.leave });
  }

  render(state) {
    for (const source of ['microphone', 'camera', 'screen']) this.#renderSource(state, source);
    const open = state.people_open;
    setButton(this.#buttons.people, {
      symbol: 'people',
      label: open ? words.room.hide_participants : words.room.show_participants,
      pressed: open,
      shortcut: 'P',
    });
    setAttribute(this.#buttons.people, 'data-count', state.participants.size > 1 ? state.participants.size : null);
    setText(byId('room-name'), state.room);
    setText(byId('room-count'), words.room.people(state.participants.size));
    const level = state.quality.level;
    const connection = byId('connection-button');
    setIcon(connection, `signal-${level}`);
    setText(connection.querySelector('.chip-text'), level === 'good' ? words.quality.good_short : words.quality[level]);
    setAttribute(connection, 'data-level', level);
    setAttribute(connection, 'aria-label', words.quality.details(words.quality[level]));
    setAttribute(connection, 'title', words.quality.details(words.quality[level]));
  }

  #renderSource(state, source) {
    const button = this.#buttons[source];
    if (!button) return;
    const { on, busy, error } = state.own[source];
    const barred = !state.permissions.publish;
    const silenced = mutedByModerator(state, source, kinds[source]);
    const label = barred
      ? words.source.barred(source)
      : silenced
        ? words.source.silenced(source)
        : words.source.turn(source, on);
    const symbol = source === 'screen' ? (on ? 'screen-off' : 'screen') : on ? source : `${source}-off`;
    setButton(button, { symbol, label, pressed: on, disabled: barred, shortcut: keys[source] });
    setAttribute(button, 'aria-busy', busy ? 'true' : null);
    button.classList.toggle('troubled', Boolean(error) || silenced);
  }
}

/** Keys work wherever the focus is not in a field, and never with Ctrl, Alt or Meta: those are the browser's. */
export function listenToKeys(store, actions) {
  let talking = false;
  const elsewhere = (event) =>
    store.state.phase !== 'room' ||
    dialogOpen() ||
    event.ctrlKey ||
    event.altKey ||
    event.metaKey ||
    event.target.closest?.('input, select, textarea');
  const table = {
    m: () => actions.toggle('microphone'),
    v: () => actions.toggle('camera'),
    s: () => actions.toggle('screen'),
    p: actions.togglePeople,
    c: actions.copyLink,
    '?': actions.help,
    escape: actions.closePanel,
  };
  document.addEventListener('keydown', (event) => {
    if (elsewhere(event)) return;
    if (event.key === ' ') {
      if (event.target.closest?.('button, a, summary') || event.repeat) return;
      event.preventDefault();
      talking = !store.state.own.microphone.on;
      if (talking) actions.turnOn('microphone');
      return;
    }
    const action = table[event.key.toLowerCase()];
    if (!action || event.repeat) return;
    event.preventDefault();
    action();
  });
  const stopTalking = () => {
    if (!talking) return;
    talking = false;
    actions.turnOff('microphone');
  };
  document.addEventListener('keyup', (event) => event.key === ' ' && stopTalking());
  window.addEventListener('blur', stopTalking);
}
