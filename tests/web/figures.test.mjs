// Figures: connection quality, the operator's sums, numbers in words.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compare, judge, summarise } from '../../control/web/assets/quality.js';
import { linePath } from '../../control/web/assets/sparkline.js';
import { balance, count, drops, duration, eventWords, meaningsOf } from '../../control/web/assets/status_data.js';
import { bitrate } from '../../control/web/assets/words.js';

test('quality_is_judged_by_state_then_loss_then_round_trip', () => {
  const cases = [
    [1, ['connected', 'failed'], {}, 'lost'],
    [2, ['disconnected'], {}, 'lost'],
    [3, ['new', 'connecting'], {}, 'connecting'],
    [4, [], {}, 'good'],
    [5, ['connected', 'connected'], { loss: 0.01, rtt_ms: 20 }, 'good'],
    [6, ['connected'], { loss: 0.06, rtt_ms: 20 }, 'poor'],
    [7, ['connected'], { loss: 0, rtt_ms: 500 }, 'poor'],
    [8, ['connected'], { loss: 0, rtt_ms: null }, 'good'],
  ];
  for (const [number, states, figures, expected] of cases) assert.equal(judge(states, figures), expected, `case ${number}`);
});

test('loss_and_rates_come_from_what_grew', () => {
  const report = (received, lost, bytes) =>
    summarise(new Map([['a', { type: 'inbound-rtp', packetsReceived: received, packetsLost: lost, bytesReceived: bytes }]]));
  const none = summarise(new Map());
  const change = compare({ publish: none, subscribe: report(100, 50, 0) }, { publish: none, subscribe: report(190, 60, 25_000) }, 2);
  assert.equal(change.loss, 0.1);
  assert.equal(change.receive_bps, 100_000);
  const restarted = compare({ publish: none, subscribe: report(500, 9, 9) }, { publish: none, subscribe: report(1, 0, 0) }, 2);
  assert.equal(restarted.loss, 0);
});

test('the_balance_finds_packets_without_an_outcome', () => {
  const stats = {
    counters: { received: 100, forwarded: 80, punted: 5, answered: 5, made: 20, sent: 19 },
    receive_drops: { srtp_replayed: 7, arp_malformed: 0 },
    send_drops: { send_no_address: 1 },
  };
  assert.equal(balance(stats).in_difference, 3);
  assert.equal(balance(stats).out_difference, 0);
  assert.equal(balance({}).in_difference, 0);
});

test('drops_are_sorted_by_count_and_know_their_growth', () => {
  const before = { receive_drops: { a: 1, b: 0 }, send_drops: {} };
  const list = drops({ receive_drops: { a: 5, b: 0 }, send_drops: { c: 9 } }, before);
  assert.deepEqual(list.map(({ name, grown }) => [name, grown]), [['c', 0], ['a', 4], ['b', 0]]);
});

test('drops_say_what_they_mean_as_far_as_the_relay_told', () => {
  const meanings = meaningsOf({ counters: [{ name: 'a', kind: 'receive_drop', meaning: 'too short', value: 5 }, { name: 'c' }] });
  const list = drops({ receive_drops: { a: 5 }, send_drops: { c: 9 } }, null, meanings);
  assert.deepEqual(list.map(({ name, meaning }) => [name, meaning]), [['c', ''], ['a', 'too short']]);
  assert.equal(meaningsOf({}).size, 0);
  assert.equal(meaningsOf(undefined).size, 0);
});

test('numbers_read_well', () => {
  const rates = [0, 999, 1_500_000, 123_400_000, 2.5e9];
  assert.deepEqual(rates.map(bitrate), ['0 kbit/s', '1 kbit/s', '1.50 Mbit/s', '123 Mbit/s', '2.50 Gbit/s']);
  assert.deepEqual([0, 2.34, 1234567, undefined].map(count), ['0', '2.3', '1,234,567', '–']);
  assert.deepEqual([5, 150, 7260, 200_000].map(duration), ['5 s', '2 min', '2 h 1 min', '2 d 7 h']);
});

test('a_sparkline_ends_at_the_right_edge', () => {
  assert.match(linePath([1, 2], 3, 2), /^M150\.0 29\.0L300\.0 4\.0$/);
  assert.equal(linePath([], 3, 0), '');
});

test('events_are_told_in_words', () => {
  const names = new Map([['p1', 'Ada']]);
  assert.equal(eventWords({ type: 'participant_left', participant: 'p1', reason: 'kicked' }, names), 'Ada left (removed)');
  assert.equal(eventWords({ type: 'participant_joined', participant: { id: 'p2', name: 'Bob' } }), 'Bob joined');
  assert.equal(eventWords({ type: 'toString' }), 'toString');
});
