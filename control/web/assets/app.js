// START HERE: the page as a table of contents. Reads the address, makes the parts, renders them from the one state.
//
// Address parameters: room, name, token; autojoin=1 joins without a click; microphone=0, camera=0 join without;
// autosubscribe=0 receives nothing by itself; capture=320x180@10 asks the camera for that size and rate; codec=vp9 sends
// pictures by that codec (vp8, vp9, av1, h264) if the browser has it; svc=L3T3_KEY as one stream of layers, not in sizes.

import { Conference } from './conference.js';
import { Controls, listenToKeys } from './controls.js';
import { ask, openConnection, openHelp, openLink, openSettings } from './dialogs.js';
import { deviceFields } from './devices.js';
import { byId, element, icon, setText } from './dom.js';
import { installHook } from './hook.js';
import { Lobby } from './lobby.js';
import { support } from './media.js';
import { renderBanners, toast } from './notices.js';
import { OwnMedia } from './own_media.js';
import { renderPeople } from './people.js';
import { preferences, takeToken } from './preferences.js';
import { Sound } from './sound.js';
import { createStore } from './state.js';
import { Tiles } from './tiles.js';
import { Wishes } from './wishes.js';
import { endWords, translateDocument, words } from './words.js';

translateDocument();
const parameters = new URLSearchParams(location.search);
const token = takeToken(parameters);
const store = createStore();
const media = new OwnMedia(store, preferences, captureSize(parameters.get('capture')));
const sound = new Sound(store, preferences);
let conference = null;

function captureSize(text) {
  const match = /^(\d+)x(\d+)(?:@(\d+))?$/.exec(text ?? '');
  return match && { width: Number(match[1]), height: Number(match[2]), rate: Number(match[3] ?? 30) };
}

function join({ room, name }) {
  preferences.set('room', room);
  preferences.set('name', name);
  history.replaceState(null, '', `?room=${encodeURIComponent(room)}`);
  store.change((state) => Object.assign(state, { room, name }));
  lobby.fill({ room, name });
  const auto_subscribe = parameters.get('autosubscribe') !== '0';
  const video = { codec: parameters.get('codec')?.toLowerCase(), mode: parameters.get('svc') };
  conference = new Conference(store, media, toast, { room, name, token, auto_subscribe, video });
  conference.start();
}

function cancel() {
  conference?.close();
  store.change((state) => (state.phase = 'lobby'));
}

function showLobby() {
  conference = null;
  store.change((state) => Object.assign(state, { phase: 'lobby', ended: null }));
  const room = store.state.room || parameters.get('room') || preferences.get('room', 'lobby');
  lobby.open({ room, name: store.state.name || parameters.get('name') || preferences.get('name', '') });
}

const actions = {
  toggle: (source) => (store.state.own[source].on ? media.turnOff(source) : actions.turnOn(source)),
  turnOn: (source) => conference?.mayTurnOn(source) && store.state.permissions.publish && media.turnOn(source),
  turnOff: (source) => media.turnOff(source),
  togglePeople: () => store.change((state) => (state.people_open = !state.people_open)),
  closePanel: () => store.change((state) => (state.people_open = false)),
  help: openHelp,
  connection: () => openConnection(store),
  leave: () => conference?.leave(),
  muteOther: (participant, source) => conference?.muteOther(participant, source),
  async settings() {
    const choose = (source, device) => (source === 'speaker' ? sound.choose(device) : media.choose(source, device));
    openSettings(await deviceFields(preferences, choose));
  },
  remove(participant) {
    const name = store.state.participants.get(participant)?.name || words.remove.this_one;
    ask(words.remove.title(name), words.remove.text(name), words.remove.yes, () => conference?.kick(participant));
  },
  async copyLink() {
    const link = `${location.origin}/?room=${encodeURIComponent(store.state.room)}`; // never our token
    try {
      await navigator.clipboard.writeText(link);
      toast(words.room.copied, 'check');
    } catch {
      openLink(link);
    }
  },
  banner(name) {
    if (name === 'retry') conference?.protocol.retryNow();
    else if (name === 'sound') sound.unblock();
    else if (name === 'stop-screen') media.turnOff('screen');
    else if (name.startsWith('forget-')) {
      store.change(({ own }) => name.split('-').slice(1).forEach((source) => (own[source].error = null)));
    }
  },
};

const lobby = new Lobby(store, media, preferences, { join, cancel });
const controls = new Controls(actions);
const tiles = new Tiles(store);
const wishes = new Wishes((message) => conference?.protocol.send(message) ?? false);

function renderEnded(state) {
  byId('ended').hidden = state.phase !== 'ended';
  if (state.phase !== 'ended' || byId('ended').shown === state.ended) return;
  byId('ended').shown = state.ended;
  const { title, text, again } = endWords(state.ended);
  setText(byId('ended-title'), title);
  setText(byId('ended-text'), text);
  const style = again ? 'primary' : 'secondary';
  const back = element('button', { type: 'button', class: style, onclick: showLobby }, again ?? words.back);
  byId('ended-actions').replaceChildren(...(support.webrtc ? [back] : []));
  byId('ended-title').focus();
}

function renderAlone(state) {
  const box = byId('alone');
  box.hidden = state.participants.size !== 1;
  if (box.firstChild) return;
  const attributes = { type: 'button', class: 'secondary', onclick: actions.copyLink };
  const copy = element('button', attributes, icon('link'), words.room.copy_invitation);
  box.append(element('p', {}, words.room.alone), copy);
}

function render(state) {
  const in_room = state.phase === 'room';
  if (in_room && byId('room').hidden) requestAnimationFrame(() => byId('stage-area').focus());
  byId('room').hidden = !in_room;
  document.title = in_room ? `${state.room} · ${words.room.people(state.participants.size)} · Penstock` : 'Penstock';
  lobby.render(state);
  renderEnded(state);
  sound.render(state);
  if (!in_room) return;
  tiles.render(state);
  wishes.update(state);
  controls.render(state);
  renderAlone(state);
  renderPeople(state, actions);
  renderBanners(state, actions.banner);
}

/** The others see at once that we went, instead of waiting for the relay to miss us. */
window.addEventListener('pagehide', () => conference?.protocol.leave());
window.addEventListener('pageshow', (event) => event.persisted && location.reload());
navigator.mediaDevices?.addEventListener?.('devicechange', () => store.state.phase === 'lobby' && lobby.refreshDevices());
listenToKeys(store, actions);
installHook(store, () => conference, media);
store.listen(render);

if (!support.webrtc) {
  store.change((state) => Object.assign(state, { phase: 'ended', ended: { code: 'webrtc_missing' } }));
} else if (parameters.get('autojoin') === '1') {
  for (const source of ['microphone', 'camera']) if (support.capture && parameters.get(source) !== '0') media.turnOn(source);
  join({ room: parameters.get('room') || 'lobby', name: parameters.get('name') || words.room.guest });
} else {
  showLobby();
}
