// Each language says all that another one says, in the same shape; all that the pages ask for is there.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { bitrate, chooseLanguage, endWords, languages, refusalWords } from '../../control/web/assets/words.js';

const web = new URL('../../control/web/', import.meta.url);
const assets = new URL('assets/', web);

/** Every key of the words, as a path, with what stands there: text, null, a list of so many, a function of so many. */
function shapes(words, prefix = '') {
  return Object.entries(words).flatMap(([key, value]) => {
    const path = prefix + key;
    if (value === null) return [[path, 'null']];
    if (typeof value === 'function') return [[path, `function of ${value.length}`]];
    if (Array.isArray(value)) return [[path, `list: ${value.map((each) => (each === null ? 'null' : 'text')).join(', ')}`]];
    return typeof value === 'object' ? shapes(value, `${path}.`) : [[path, 'text']];
  });
}

const at = (words, path) => path.split('.').reduce((group, key) => group?.[key], words);

test('no language lacks a word, and none says a thing in another shape', () => {
  const english = shapes(languages.en);
  assert.ok(english.length > 150);
  for (const [language, words] of Object.entries(languages)) assert.deepEqual(shapes(words), english, language);
});

test('no word is empty, and French is not English', () => {
  const same = shapes(languages.en).filter(([path, shape]) => shape === 'text' && at(languages.en, path) === at(languages.fr, path));
  assert.ok(same.length < 8, `untranslated: ${same.map(([path]) => path)}`);
  for (const words of Object.values(languages)) {
    for (const [path, shape] of shapes(words)) if (shape === 'text') assert.ok(at(words, path).trim(), path);
  }
});

test('functions use each thing that they are told', () => {
  const sources = ['microphone', 'camera', 'screen'];
  for (const [language, words] of Object.entries(languages)) {
    for (const [path, shape] of shapes(words)) {
      if (!shape.startsWith('function')) continue;
      for (const source of sources) {
        const text = at(words, path)(source, 'on', 'off', true);
        assert.equal(typeof text, 'string', `${language} ${path}`);
        assert.doesNotMatch(text, /undefined|\[object/, `${language} ${path}`);
      }
    }
  }
});

test('what the pages ask for is there', () => {
  const asked = new Set();
  for (const name of readdirSync(assets).filter((each) => each.endsWith('.js') && each !== 'words.js')) {
    for (const [, path] of readFileSync(new URL(name, assets), 'utf8').matchAll(/\bwords\.(?!js)([a-z_]+(?:\.[a-z_]+)?)/g)) asked.add(path);
  }
  for (const name of ['index.html', 'status.html']) {
    for (const [, path] of readFileSync(new URL(name, web), 'utf8').matchAll(/data-(?:words|label)="([^"]+)"/g)) asked.add(path);
  }
  assert.ok(asked.size > 60);
  for (const path of asked) assert.notEqual(at(languages.en, path), undefined, path);
});

test('a browser gets the first of its languages that the page speaks', () => {
  const cases = [
    [['fr-FR', 'en'], 'fr'],
    [['de', 'fr-CA', 'en'], 'fr'],
    [['FR'], 'fr'],
    [['de', 'it'], 'en'],
    [[null, undefined, 'constructor'], 'en'],
    [[], 'en'],
  ];
  for (const [wanted, expected] of cases) assert.equal(chooseLanguage(wanted), expected, String(wanted));
});

test('codes that nobody knows are said as they came', () => {
  assert.deepEqual(endWords({ code: 'toString', message: 'Why.' }), { title: 'The relay refused', text: 'Why.', again: 'Try again' });
  assert.equal(endWords({ code: 'kicked' }).again, null);
  assert.equal(refusalWords({ code: 'constructor', message: 'No.' }), 'No.');
  assert.equal(refusalWords({ code: 'track_unknown', message: 'No.' }), null);
});

test('bitrates have three digits', () => {
  assert.deepEqual([0, 999, 1.5e6, 12.34e6, 123e6].map(bitrate), ['0 kbit/s', '1 kbit/s', '1.50 Mbit/s', '12.3 Mbit/s', '123 Mbit/s']);
});
