// The WebSocket client against a socket made here: joins, resumes, gives up when told.
import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

class FakeSocket {
  static made = [];
  sent = [];
  constructor(url) {
    this.url = url;
    FakeSocket.made.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  open() {
    this.onopen();
  }
  receive(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

globalThis.WebSocket = FakeSocket;
globalThis.location = { origin: 'http://relay.test' };
const { backOff, Protocol } = await import('../../control/web/assets/protocol.js');

const settled = () => new Promise((resolve) => setImmediate(resolve));
const last = () => FakeSocket.made.at(-1);

function joinedProtocol() {
  const protocol = new Protocol({ room: 'hall', name: 'Mira' });
  const refused = [];
  protocol.addEventListener('refused', (event) => refused.push(event.detail.code));
  protocol.connect();
  last().open();
  last().receive({ type: 'joined', resume: 'r1', participants: [] });
  return { protocol, refused };
}

beforeEach(() => {
  FakeSocket.made = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
});

test('back_off_doubles_from_1_s_to_10_s_with_jitter_of_half', () => {
  const cases = [[0, 1000], [1, 2000], [2, 4000], [3, 8000], [4, 10_000], [40, 10_000]];
  for (const [attempt, longest] of cases) {
    assert.equal(backOff(attempt, 1), longest);
    assert.equal(backOff(attempt, 0), longest / 2);
  }
});

test('a_broken_socket_comes_back_with_resume', async () => {
  const { protocol } = joinedProtocol();
  assert.equal(last().sent[0].resume, undefined);
  last().onclose({});
  await settled();
  assert.equal(protocol.up, false);
  mock.timers.tick(1000);
  last().open();
  assert.equal(FakeSocket.made.length, 2);
  assert.equal(last().sent[0].resume, 'r1');
});

test('an_unknown_resume_joins_anew_at_once', async () => {
  joinedProtocol();
  last().onclose({});
  await settled();
  mock.timers.tick(1000);
  last().open();
  last().receive({ type: 'error', code: 'resume_unknown', message: '' });
  last().onclose({});
  await settled();
  assert.equal(FakeSocket.made.length, 3);
  last().open();
  assert.equal(last().sent[0].resume, undefined);
});

test('a_refused_join_is_told_and_not_tried_again', async () => {
  const protocol = new Protocol({ room: 'hall', name: 'Mira' });
  const refused = [];
  protocol.addEventListener('refused', (event) => refused.push(event.detail.code));
  protocol.connect();
  last().open();
  last().receive({ type: 'error', code: 'room_full', message: '' });
  last().onclose({});
  await settled();
  mock.timers.tick(60_000);
  assert.deepEqual(refused, ['room_full']);
  assert.equal(FakeSocket.made.length, 1);
});

test('a_refused_handshake_is_explained_by_plain_http', async () => {
  globalThis.fetch = async () => ({ status: 401, json: async () => ({ error: { code: 'not_authorised', message: 'expired' } }) });
  const protocol = new Protocol({ room: 'hall', name: 'Mira', token: 'a b' });
  const refused = [];
  protocol.addEventListener('refused', (event) => refused.push(event.detail.code));
  protocol.connect();
  assert.equal(last().url, 'ws://relay.test/v1/rooms/hall/ws?access_token=a%20b');
  last().onclose({});
  await settled();
  await settled();
  assert.deepEqual(refused, ['not_authorised']);
});

test('answers_find_their_questions_and_errors_reject', async () => {
  const { protocol } = joinedProtocol();
  const published = protocol.request({ type: 'publish', sdp: 'x', tracks: [] });
  const refused = protocol.request({ type: 'publish', sdp: 'y', tracks: [] });
  const [, first, second] = last().sent;
  last().receive({ type: 'error', id: second.id, code: 'tracks_full', message: '' });
  last().receive({ type: 'published', id: first.id, sdp: 'z', tracks: [] });
  assert.equal((await published).sdp, 'z');
  await assert.rejects(refused, { code: 'tracks_full' });
});

test('what_waits_for_an_answer_fails_when_the_socket_breaks', async () => {
  const { protocol } = joinedProtocol();
  const waiting = protocol.request({ type: 'publish', sdp: 'x', tracks: [] });
  last().onclose({});
  await assert.rejects(waiting, { code: 'disconnected' });
  assert.equal(protocol.send({ type: 'mute' }), false);
});

test('after_left_there_is_no_coming_back', async () => {
  joinedProtocol();
  last().receive({ type: 'left', reason: 'kicked' });
  last().onclose({});
  await settled();
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.made.length, 1);
});

test('a_relay_that_accepts_but_never_answers_is_gone', async () => {
  const protocol = new Protocol({ room: 'hall', name: 'Mira' });
  const down = [];
  protocol.addEventListener('down', (event) => down.push(event.detail.attempt));
  protocol.connect();
  last().open();
  mock.timers.tick(10_000);
  await settled();
  assert.deepEqual(down, [1]);
});
