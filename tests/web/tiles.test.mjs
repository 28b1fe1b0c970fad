// Which tiles there are, which one is large, and what each shows.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { applyMessage, initialState } from '../../control/web/assets/state.js';
import { tileItems, tileView } from '../../control/web/assets/tiles.js';

const track = (id, source) => ({ id, kind: 'video', source, name: '', muted: false, muted_by_moderator: false });

/** Oneself, and so many others with cameras p1, p2, ... of tracks t1, t2, ... */
function room(others) {
  const state = initialState();
  const ids = Array.from({ length: others }, (_, i) => i + 1);
  const participants = ids.map((i) => ({ id: `p${i}`, name: `P ${i}`, tracks: [track(`t${i}`, 'camera')] }));
  applyMessage(state, {
    type: 'joined',
    participant: 'me',
    participants: [...participants, { id: 'me', name: 'Me', tracks: [] }],
    permissions: {},
    resumed: false,
  });
  for (const i of ids) state.received.set(`t${i}`, { picture: i });
  return state;
}

const speaks = (state, dominant) => applyMessage(state, { type: 'speakers', speakers: [], dominant });

test('who_is_large', () => {
  const cases = [
    ['nobody', 3, () => {}, null],
    ['few are equal', 3, (state) => speaks(state, 'p2'), null],
    ['of many who speaks', 9, (state) => speaks(state, 'p2'), 'p2'],
    ['nobody has spoken', 9, () => {}, null],
    ['some are not sent', 3, (state) => (speaks(state, 'p2'), (state.held = new Set(['t1']))), 'p2'],
    ['pinned', 9, (state) => (speaks(state, 'p2'), (state.pinned = 'p5')), 'p5'],
    ['a screen before who speaks', 9, (state) => (share(state, 'p3'), speaks(state, 'p2')), 'screen:p3'],
    ['pinned before a screen', 9, (state) => (share(state, 'p3'), (state.pinned = 'p5')), 'p5'],
    ['pinned, and gone', 3, (state) => (state.pinned = 'p9'), null],
  ];
  const share = (state, id) => state.participants.get(id).tracks.set('s', track('s', 'screen'));
  for (const [name, others, change, expected] of cases) {
    const state = room(others);
    change(state);
    assert.equal(tileItems(state).staged?.key ?? null, expected, name);
  }
});

test('what_is_not_sent_shows_who_it_is_instead_of_a_frozen_picture', () => {
  const state = room(2);
  const view = (id) => tileView(state, { participant: state.participants.get(id), source: 'camera' });
  assert.deepEqual(view('p1').picture, { picture: 1 });
  applyMessage(state, { type: 'held', tracks: ['t1'] });
  assert.equal(view('p1').picture, null);
  assert.equal(view('p1').held, true);
  assert.equal(view('p1').letters, 'P1');
  assert.deepEqual(view('p2').picture, { picture: 2 });
  state.participants.get('p1').tracks.get('t1').muted = true;
  assert.equal(view('p1').held, false, 'there is nothing to be sent');
  speaks(state, 'p2');
  assert.equal(view('p2').dominant, true);
  assert.equal(view('p1').dominant, false);
});

test('a picture that the browser cannot play is not shown, and the tile says why', () => {
  const state = room(1);
  const view = () => tileView(state, { participant: state.participants.get('p1'), source: 'camera' });
  assert.equal(view().unplayable, false);
  state.unplayable.add('t1');
  assert.equal(view().unplayable, true);
  assert.equal(view().picture, null);
  state.participants.get('p1').tracks.get('t1').muted = true;
  assert.equal(view().unplayable, false, 'there is no picture to play');
});
