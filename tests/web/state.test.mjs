// How messages of the relay change what the page knows.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  applyMessage,
  createStore,
  initialState,
  mutedByModerator,
  ownParticipant,
  setOwnTracks,
  trackOf,
} from '../../control/web/assets/state.js';

const microphone = (id) => ({ id, kind: 'audio', source: 'microphone', name: '', muted: false, muted_by_moderator: false });

function joined(overrides = {}) {
  return {
    type: 'joined',
    participant: 'me',
    participants: [{ id: 'me', name: 'Mira', tracks: [microphone('t1')] }, { id: 'ada', name: 'Ada', tracks: [] }],
    permissions: { publish: true, subscribe: true, moderate: false },
    resumed: false,
    ...overrides,
  };
}

function stateAfter(...messages) {
  const state = initialState();
  for (const message of messages) applyMessage(state, message, 1000);
  return state;
}

test('joined_brings_everybody_and_oneself', () => {
  const state = stateAfter(joined());
  assert.equal(state.phase, 'room');
  assert.deepEqual([...state.participants.keys()], ['ada', 'me'], 'oneself is the last to have come');
  assert.equal(ownParticipant(state).name, 'Mira');
});

test('tracks_come_are_muted_and_go', () => {
  const state = stateAfter(joined(), { type: 'track_published', participant: 'ada', track: microphone('t2') });
  const track = () => trackOf(state.participants.get('ada'), 'microphone', 'audio');
  assert.equal(track().muted, false);
  applyMessage(state, { type: 'track_muted', participant: 'ada', track: 't2', muted: true, muted_by_moderator: false });
  assert.equal(track().muted, true);
  state.received.set('t2', {});
  applyMessage(state, { type: 'track_unpublished', participant: 'ada', track: 't2' });
  assert.equal(track(), null);
  assert.equal(state.received.has('t2'), false);
});

test('a_moderators_mute_of_oneself_is_seen', () => {
  const state = stateAfter(joined(), { type: 'track_muted', participant: 'me', track: 't1', muted: true, muted_by_moderator: true });
  assert.equal(mutedByModerator(state, 'microphone', 'audio'), true);
  assert.equal(mutedByModerator(state, 'camera', 'video'), false);
});

test('own_tracks_come_from_the_answer_and_keep_what_a_moderator_did', () => {
  const state = stateAfter(joined(), { type: 'track_muted', participant: 'me', track: 't1', muted: true, muted_by_moderator: true });
  setOwnTracks(state, [
    { id: 't1', kind: 'audio', source: 'microphone', muted: false },
    { id: 't2', kind: 'video', source: 'camera', muted: false },
  ]);
  assert.equal(mutedByModerator(state, 'microphone', 'audio'), true);
  assert.equal(trackOf(ownParticipant(state), 'camera', 'video').id, 't2');
  setOwnTracks(state, []);
  assert.equal(ownParticipant(state).tracks.size, 0);
});

test('a_resume_forgets_those_who_left_meanwhile_and_keeps_media_and_the_order_of_tiles', () => {
  const state = stateAfter(joined());
  state.received.set('t9', {});
  const order = state.participants.get('me').order;
  const participants = ['bob', 'me'].map((id) => ({ id, name: id, tracks: [] }));
  applyMessage(state, joined({ resumed: true, participants }));
  assert.deepEqual([...state.participants.keys()].sort(), ['bob', 'me']);
  assert.equal(state.participants.get('me').order, order);
  assert.ok(state.participants.get('bob').order > order);
  assert.equal(state.received.size, 1);
});

test('joining_anew_forgets_received_media', () => {
  const state = stateAfter(joined());
  state.received.set('t9', {});
  applyMessage(state, joined({ participant: 'me2' }));
  assert.equal(state.received.size, 0);
});

test('speakers_replace_each_other_and_are_remembered', () => {
  const state = stateAfter(joined(), { type: 'speakers', speakers: [{ participant: 'ada', level: 0.7 }] });
  assert.equal(state.speakers.get('ada'), 0.7);
  applyMessage(state, { type: 'speakers', speakers: [] }, 2000);
  assert.equal(state.speakers.size, 0);
  assert.equal(state.spoke_at.get('ada'), 1000);
});

test('the_dominant_speaker_is_the_last_other_one', () => {
  const state = stateAfter(joined());
  assert.equal(state.dominant, null);
  applyMessage(state, { type: 'speakers', speakers: [], dominant: 'ada' }, 3000);
  assert.equal(state.dominant, 'ada');
  assert.equal(state.spoke_at.get('ada'), 3000);
  applyMessage(state, { type: 'speakers', speakers: [], dominant: 'me' });
  assert.equal(state.dominant, 'ada', 'whom we answer stays');
  applyMessage(state, { type: 'speakers', speakers: [], dominant: null });
  assert.equal(state.dominant, 'ada');
  applyMessage(state, { type: 'participant_left', participant: 'ada', reason: 'left' });
  assert.equal(state.dominant, null);
});

test('what_is_held_is_said_as_a_whole', () => {
  const state = stateAfter(joined(), { type: 'held', tracks: ['t7', 't8'] }, { type: 'held', tracks: ['t8'] });
  assert.deepEqual([...state.held], ['t8']);
  applyMessage(state, joined({ resumed: true }));
  assert.equal(state.held.size, 0);
});

test('messages_about_the_unknown_change_nothing', () => {
  const state = stateAfter(joined());
  applyMessage(state, { type: 'track_published', participant: 'nobody', track: microphone('t5') });
  applyMessage(state, { type: 'track_muted', participant: 'ada', track: 'none', muted: true });
  applyMessage(state, { type: 'participant_left', participant: 'nobody' });
  assert.equal(applyMessage(state, { type: 'from_the_future' }), false);
  assert.equal(applyMessage(state, { type: 'constructor' }), false);
  assert.equal(state.participants.size, 2);
});

test('many_changes_in_a_turn_render_once', async () => {
  const store = createStore();
  let renders = 0;
  store.listen(() => renders++);
  store.change((state) => (state.room = 'a'));
  store.change((state) => (state.room = 'b'));
  await Promise.resolve();
  assert.equal(renders, 1);
  assert.equal(store.state.room, 'b');
});
