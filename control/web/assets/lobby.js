// Before the conference: who you are, which room, how you look and sound.

import { byId, element, icon, setAttribute, setButton, setText } from './dom.js';
import { deviceFields } from './devices.js';
import { insecureWords, mediaErrors, support, watchLevel } from './media.js';
import { endWords, words } from './words.js';

const room_pattern = /^[A-Za-z0-9_.-]{1,64}$/;

export class Lobby {
  #store;
  #media;
  #preferences;
  #join;
  #cancel;
  #stop_meter = null;
  #metered = null;

  /** `join({room, name})` and `cancel()` are called for the form. */
  constructor(store, media, preferences, { join, cancel }) {
    this.#store = store;
    this.#media = media;
    this.#preferences = preferences;
    this.#join = join;
    this.#cancel = cancel;
    byId('join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    for (const field of ['name', 'room']) byId(`join-${field}`).addEventListener('input', () => this.#say(field, ''));
    byId('lobby-microphone').addEventListener('click', () => media.toggle('microphone'));
    byId('lobby-camera').addEventListener('click', () => media.toggle('camera'));
  }

  fill({ name, room }) {
    byId('join-name').value = name;
    byId('join-room').value = room;
  }

  /** Fills the fields, starts the preview and puts the cursor where something is missing. */
  async open({ name, room }) {
    this.fill({ name, room });
    byId(name ? 'join-button' : 'join-name').focus();
    if (!support.capture) return;
    const wanted = ['microphone', 'camera'].filter((source) => this.#preferences.get(`use.${source}`, '1') === '1');
    // One after the other: Firefox asks two questions, and asks them better in turn.
    for (const source of wanted) if (this.#store.state.phase === 'lobby') await this.#media.turnOn(source);
    await this.refreshDevices();
  }

  async refreshDevices() {
    const choose = (source, device) =>
      source === 'speaker' ? this.#preferences.set('device.speaker', device) : this.#media.choose(source, device);
    byId('lobby-devices').replaceChildren(...(await deviceFields(this.#preferences, choose)));
  }

  render(state) {
    const shown = state.phase === 'lobby' || state.phase === 'joining';
    byId('lobby').hidden = !shown;
    this.#meter(shown ? state.own.microphone : { on: false, track: null });
    if (!shown) {
      byId('preview-video').srcObject = null;
      return;
    }
    this.#renderPreview(state);
    this.#renderNotes(state);
    const joining = state.phase === 'joining';
    const button = byId('join-button');
    setText(button, joining ? words.lobby.cancel : words.lobby.join);
    button.classList.toggle('secondary', joining);
    button.classList.toggle('primary', !joining);
    setText(byId('join-words'), joining ? joiningWords(state.signalling) : '');
  }

  #submit() {
    if (this.#store.state.phase === 'joining') return this.#cancel();
    const name = byId('join-name').value.trim();
    const room = byId('join-room').value.trim();
    this.#say('room', room_pattern.test(room) ? '' : words.lobby.room_wrong);
    this.#say('name', name ? '' : words.lobby.name_missing);
    const wrong = !name ? 'name' : !room_pattern.test(room) ? 'room' : null;
    if (wrong) return byId(`join-${wrong}`).focus();
    for (const source of ['microphone', 'camera']) {
      if (support.capture) this.#preferences.set(`use.${source}`, this.#store.state.own[source].on ? '1' : '0');
    }
    return this.#join({ name, room });
  }

  #say(field, text) {
    setText(byId(`join-${field}-words`), text);
    setAttribute(byId(`join-${field}`), 'aria-invalid', text ? 'true' : null);
  }

  #renderPreview({ own }) {
    const video = byId('preview-video');
    if (video.shown !== own.camera.track) {
      video.shown = own.camera.track;
      video.srcObject = own.camera.track ? new MediaStream([own.camera.track]) : null;
    }
    video.hidden = !own.camera.track;
    const { no_capture, camera_starts, camera_off } = words.lobby;
    const text = !support.capture ? no_capture : own.camera.busy ? camera_starts : camera_off;
    setText(byId('preview-words'), own.camera.track ? '' : text);
    for (const source of ['microphone', 'camera']) {
      const { on, busy, error } = own[source];
      const button = byId(`lobby-${source}`);
      const label = words.source.turn(source, on);
      setButton(button, { symbol: on ? source : `${source}-off`, label, pressed: on, disabled: !support.capture });
      button.classList.toggle('source', true);
      button.classList.toggle('troubled', Boolean(error));
      setAttribute(button, 'aria-busy', busy ? 'true' : null);
    }
  }

  /** What stops us stands above the button; what one can join without, below it. */
  #renderNotes(state) {
    this.#fillNotes(byId('join-error'), state.join_error ? [endWords(state.join_error)] : []);
    const notes = mediaErrors(state.own, ['microphone', 'camera']).map(({ text }) => ({ text }));
    if (!support.capture) notes.push({ title: words.lobby.no_capture_title, text: insecureWords() });
    this.#fillNotes(byId('lobby-notes'), notes);
  }

  #fillNotes(box, notes) {
    const print = JSON.stringify(notes);
    if (box.print === print) return;
    box.print = print;
    box.replaceChildren(
      ...notes.map(({ title, text }) =>
        element('div', { class: 'note', role: 'alert' }, icon('warning'), element('p', {}, title && element('strong', {}, title), text)),
      ),
    );
  }

  #meter({ on, track }) {
    const metered = on ? track : null;
    if (metered === this.#metered) return;
    this.#metered = metered;
    this.#stop_meter?.();
    const bar = byId('lobby-meter');
    const show = (level) => bar.style.setProperty('--level', level.toFixed(2));
    show(0);
    this.#stop_meter = metered ? watchLevel(metered, show) : null;
  }
}

function joiningWords({ attempt, retry_at }) {
  if (attempt === 0) return words.lobby.joining;
  return words.lobby.no_answer(Math.max(0, Math.ceil((retry_at - Date.now()) / 1000)));
}
