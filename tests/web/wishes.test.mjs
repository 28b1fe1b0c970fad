// What is asked of received pictures, and what need not be sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { neededEncodings } from '../../control/web/assets/publish_connection.js';
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
