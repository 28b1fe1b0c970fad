// Where tiles go, by table.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { grid, initials, visible } from '../../control/web/assets/layout.js';

test('tiles_use_the_columns_that_make_them_largest', () => {
  const cases = [
    // [case, count, width, height, columns, scrolls]
    [1, 1, 1400, 700, 1, false],
    [2, 2, 1400, 700, 2, false],
    [3, 3, 1400, 730, 2, false],
    [4, 9, 1400, 730, 3, false],
    [5, 25, 1400, 730, 5, false],
    [6, 1, 370, 700, 1, false],
    [7, 3, 370, 700, 1, false],
    [8, 9, 370, 700, 2, false],
    [9, 25, 370, 700, 2, true],
  ];
  for (const [number, count, width, height, columns, scrolls] of cases) {
    const plan = grid(count, width, height);
    assert.equal(plan.columns, columns, `case ${number}: columns`);
    assert.equal(plan.scrolls, scrolls, `case ${number}: scrolls`);
  }
});

test('tiles_fit_in_their_box_for_every_count_unless_they_scroll', () => {
  for (const [width, height] of [[1408, 720], [370, 700], [820, 300], [244, 720], [370, 220]]) {
    for (let count = 1; count <= 25; count++) {
      const { columns, tile_width, tile_height, scrolls } = grid(count, width, height, 12);
      const where = `${count} in ${width} x ${height}`;
      assert.ok(tile_width > 0 && tile_height > 0, where);
      assert.ok(columns * tile_width + 12 * (columns - 1) <= width + 0.01, where);
      const rows = Math.ceil(count / columns);
      if (!scrolls) assert.ok(rows * tile_height + 12 * (rows - 1) <= height + 0.01, where);
    }
  }
});

test('beyond_the_limit_oneself_and_recent_speakers_stay_in_the_order_of_coming', () => {
  const people = [...Array(30).keys()].map((order) => ({ id: `p${order}`, order }));
  const shown = visible(people, 'p29', new Map([['p27', 100]]), 25).map((participant) => participant.id);
  assert.equal(shown.length, 25);
  assert.deepEqual(shown.slice(-2), ['p27', 'p29']);
  assert.deepEqual(shown.slice(0, 2), ['p0', 'p1']);
  assert.equal(visible(people.slice(0, 3), 'p0', new Map(), 25).length, 3);
});

test('initials_are_one_or_two_letters_of_any_script', () => {
  const cases = [['Room Host', 'RH'], ['guest', 'G'], ['  ', '?'], ['Élan von der Bühne', 'ÉB'], ['客 人', '客人'], ['😀 x', '😀X']];
  for (const [name, expected] of cases) assert.equal(initials(name), expected, name);
});
