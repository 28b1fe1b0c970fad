// How a broken connection is brought back, with an RTCPeerConnection and a clock made here.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

class FakePeerConnection extends EventTarget {
  connectionState = 'new';
  become(state) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
  close() {
    this.become('closed');
  }
}
globalThis.RTCPeerConnection = FakePeerConnection;
const { RelayConnection } = await import('../../control/web/assets/relay_connection.js');
const { SubscribeConnection } = await import('../../control/web/assets/subscribe_connection.js');

const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
let timers = new Map();

beforeEach(() => {
  timers = new Map();
  let last = 0;
  globalThis.setTimeout = (act, wait_ms) => {
    timers.set(++last, { act, wait_ms });
    return last;
  };
  globalThis.clearTimeout = (id) => timers.delete(id);
});
afterEach(() => Object.assign(globalThis, real));

/** Lets the one timer that runs come to its end; how long it was set for. */
function elapse() {
  assert.equal(timers.size, 1);
  const [[id, { act, wait_ms }]] = timers;
  timers.delete(id);
  act();
  return wait_ms;
}

class Counted extends RelayConnection {
  renewals = 0;
  hopeless = 0;
  renew() {
    this.renewals++;
  }
}

function setUp(up = true) {
  const relay = { up, messages: [], send: (message) => relay.messages.push(message) };
  const connection = new Counted(relay);
  connection.addEventListener('hopeless', () => connection.hopeless++);
  return { relay, connection };
}

test('a_failed_connection_is_renewed_at_once_and_again_until_it_is_hopeless', () => {
  const { connection } = setUp();
  connection.pc.become('failed');
  assert.equal(connection.renewals, 1);
  connection.pc.become('connecting');
  assert.equal(elapse(), 12_000);
  elapse();
  assert.equal(connection.renewals, 3);
  assert.equal(connection.hopeless, 0);
  elapse();
  assert.equal(connection.renewals, 3);
  assert.equal(connection.hopeless, 1);
  assert.equal(timers.size, 0);
});

test('one_that_is_only_disconnected_gets_a_moment_to_come_back_by_itself', () => {
  const { connection } = setUp();
  connection.pc.become('disconnected');
  assert.equal(connection.renewals, 0);
  connection.pc.become('connected');
  assert.equal(timers.size, 0);
  connection.pc.become('disconnected');
  assert.equal(elapse(), 3_000);
  assert.equal(connection.renewals, 1);
});

test('to_be_connected_again_forgives_earlier_failures', () => {
  const { connection } = setUp();
  for (let round = 0; round < 5; round++) {
    connection.pc.become('failed');
    connection.pc.become('connected');
  }
  assert.equal(connection.renewals, 5);
  assert.equal(connection.hopeless, 0);
});

test('without_the_relay_nothing_is_renewed_until_the_resume', () => {
  const { relay, connection } = setUp(false);
  connection.pc.become('failed');
  assert.equal(connection.renewals, 0);
  relay.up = true;
  assert.equal(connection.resumed(), true);
  assert.equal(connection.renewals, 1);
  connection.pc.become('connected');
  assert.equal(connection.resumed(), false);
});

test('what_is_closed_stays_closed', () => {
  const { connection } = setUp();
  connection.pc.become('disconnected');
  connection.close();
  assert.equal(timers.size, 0);
  connection.resumed();
  assert.equal(connection.renewals, 0);
});

test('what_we_receive_is_renewed_by_asking_the_relay_for_an_offer', () => {
  const { relay } = setUp();
  new SubscribeConnection(relay).pc.become('failed');
  assert.deepEqual(relay.messages, [{ type: 'restart', purpose: 'subscribe' }]);
});
