// What is asked of received pictures, and what need not be sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodingsFor, neededEncodings, neededLayers } from '../../control/web/assets/encodings.js';
import { wishFor, Wishes } from '../../control/web/assets/wishes.js';

test('a wish is the next size up', () => {
  const cases = [
    [[0, 0], { paused: true, width: 320, height: 240 }],
    [[100, 50], { paused: false, width: 320, height: 240 }],
    [[320, 240], { paused: false, width: 320, height: 240 }],
    [[320, 241], { paused: false, width: 640, height: 480 }],
    [[641, 360], { paused: false, width: 1280, height: 960 }],
    [[1920, 1080], { paused: false, width: 0, height: 0 }],
  ];
  for (const [size, expected] of cases) assert.deepEqual(wishFor(...size), expected, String(size));
});

test('encodings that nobody is sent need not be made', () => {
  const encodings = [{ scaleResolutionDownBy: 4 }, { scaleResolutionDownBy: 2 }, {}];
  const camera = { width: 1280, height: 720 };
  const cases = [
    [{ paused: false, width: 0, height: 0 }, [true, true, true]],
    [{ paused: false, width: 640, height: 480 }, [true, true, false]],
    [{ paused: false, width: 360, height: 640 }, [true, true, false]],
    [{ paused: false, width: 100, height: 100 }, [true, false, false]],
    [{ paused: true, width: 0, height: 0 }, [true, false, false]],
  ];
  for (const [wish, expected] of cases) assert.deepEqual(neededEncodings(encodings, camera, wish), expected);
});

test('layers that nobody is sent need not be made', () => {
  const camera = { width: 960, height: 540 };
  const cases = [
    ['L3T3_KEY', { paused: false, width: 0, height: 0 }, ['L3T3_KEY', 1, 1_500_000]],
    ['L3T3_KEY', { paused: false, width: 500, height: 500 }, ['L2T3_KEY', 2, 500_000]],
    ['L3T3', { paused: false, width: 300, height: 480 }, ['L2T3', 2, 500_000]],
    ['L3T3_KEY', { paused: false, width: 100, height: 100 }, ['L1T3', 4, 150_000]],
    ['L2T2', { paused: true, width: 0, height: 0 }, ['L1T2', 2, 500_000]],
    ['L1T3', { paused: true, width: 0, height: 0 }, ['L1T3', 1, 1_500_000]],
  ];
  for (const [mode, wish, [scalabilityMode, scaleResolutionDownBy, maxBitrate]] of cases) {
    assert.deepEqual(neededLayers(mode, camera, wish), { scalabilityMode, scaleResolutionDownBy, maxBitrate });
  }
});

test('a camera is sent in sizes, or in layers if they are asked for, unless it is small', () => {
  const camera = (width) => ({ getSettings: () => ({ width }) });
  assert.equal(encodingsFor('camera', camera(1280)).length, 3);
  const [layers, ...others] = encodingsFor('camera', camera(1280), 'L3T3');
  assert.equal(others.length, 0);
  assert.equal(layers.scalabilityMode, 'L3T3');
  assert.equal(layers.rid, undefined);
  assert.equal(encodingsFor('camera', camera(320), 'L3T3')[0].scalabilityMode, undefined);
});

test('a wish is sent once, of what is received only, and again after joining anew', async () => {
  const tile = (participant, width, height) => ({
    classList: { contains: () => false },
    clientWidth: width,
    clientHeight: height,
    dataset: { participant },
  });
  const tiles = [tile('b', 300, 200)];
  globalThis.document = { querySelectorAll: () => tiles };
  const sent = [];
  const wishes = new Wishes((message) => sent.push(message));
  const camera = { id: 't1', source: 'camera', kind: 'video' };
  const state = {
    phase: 'room',
    self: 'a',
    signalling: { up: true },
    participants: new Map([['b', { id: 'b', tracks: new Map([['t1', camera]]) }]]),
    received: new Map(),
  };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 350));
  wishes.update(state);
  await settled();
  assert.equal(sent.length, 0);
  state.received.set('t1', {});
  wishes.update(state);
  wishes.update(state);
  await settled();
  assert.deepEqual(sent, [{ type: 'wish', track: 't1', paused: false, width: 320, height: 240, pinned: false }]);
  wishes.update(state);
  await settled();
  assert.equal(sent.length, 1);
  state.pinned = 'b';
  wishes.update(state);
  await settled();
  assert.equal(sent[1].pinned, true, 'who is enlarged is wanted whoever speaks');
  tiles.length = 0;
  wishes.update(state);
  await settled();
  assert.equal(sent[2].paused, true);
  state.self = 'c';
  wishes.update(state);
  await settled();
  assert.equal(sent.length, 4);
});
