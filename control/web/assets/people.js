// The list of participants, with what a moderator may do to each.

import { byId, element, icon, reconcile, setAttribute, setButton, setIcon, setText } from './dom.js';
import { initials } from './layout.js';
import { trackOf } from './state.js';
import { words } from './words.js';

const sources = [
  { source: 'screen', kind: 'video' },
  { source: 'microphone', kind: 'audio' },
  { source: 'camera', kind: 'video' },
];

export function renderPeople(state, actions) {
  const box = byId('people');
  box.hidden = !state.people_open;
  byId('room').classList.toggle('people-open', state.people_open);
  if (!state.people_open) return;
  if (!box.firstChild) build(box, actions);
  setText(box.querySelector('h2'), words.room.people(state.participants.size));
  reconcile(
    box.querySelector('ul'),
    [...state.participants.values()].sort((a, b) => a.order - b.order),
    (participant) => participant.id,
    (participant) => row(participant.id, actions),
    (node, participant) => update(node, participant, state),
  );
}

function build(box, actions) {
  const close = element('button', { type: 'button', class: 'plain-button', onclick: actions.togglePeople });
  setButton(close, { symbol: 'close', label: words.room.close_list });
  box.append(
    element('header', { class: 'panel-header' }, element('h2'), close),
    element('ul', { class: 'people-list' }),
    element('button', { type: 'button', class: 'secondary wide', onclick: actions.copyLink }, icon('link'), words.room.copy_invitation),
  );
}

function row(id, actions) {
  return element(
    'li',
    { class: 'person' },
    element('span', { class: 'person-avatar', 'aria-hidden': 'true' }),
    element('span', { class: 'person-name' }),
    ...sources.map(({ source }) =>
      element('button', { type: 'button', class: 'plain-button', 'data-source': source, onclick: () => actions.muteOther(id, source) }),
    ),
    element('button', { type: 'button', class: 'plain-button', 'data-remove': true, onclick: () => actions.remove(id) }, icon('remove')),
  );
}

function update(node, participant, state) {
  const own = participant.id === state.self;
  const name = participant.name || words.room.guest;
  setText(node.querySelector('.person-avatar'), initials(name));
  setText(node.querySelector('.person-name'), own ? words.room.you(name) : name);
  node.classList.toggle('speaking', state.speakers.has(participant.id));
  for (const { source, kind } of sources) {
    const button = node.querySelector(`[data-source=${source}]`);
    const track = trackOf(participant, source, kind);
    // Invisible rather than gone, so that the columns stay columns; few people share a screen.
    button.hidden = !track && source === 'screen';
    button.classList.toggle('absent', !track);
    if (!track) continue;
    const may = state.permissions.moderate && !own && (!track.muted || track.muted_by_moderator);
    setIcon(button, track.muted ? `${source}-off` : source);
    button.classList.toggle('off', track.muted);
    button.disabled = !may;
    const fact = track.muted_by_moderator ? 'moderator' : track.muted ? 'off' : 'on';
    const change = track.muted_by_moderator ? words.source.allow : words.source.mute;
    const label = may ? change(source, name) : words.source.fact(source, name, fact);
    setAttribute(button, 'aria-label', label);
    setAttribute(button, 'title', label);
  }
  const remove = node.querySelector('[data-remove]');
  remove.hidden = !state.permissions.moderate;
  remove.classList.toggle('absent', own);
  setAttribute(remove, 'aria-label', words.remove.label(name));
  setAttribute(remove, 'title', words.remove.label(name));
}
