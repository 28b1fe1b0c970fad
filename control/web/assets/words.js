// What the page tells people, in the language of their browser: one file of words per language under words/.

import { words as en } from './words/en.js';
import { words as fr } from './words/fr.js';

export const languages = { en, fr };

/** Pure: the first of `wanted` (language tags of RFC 5646, best first) that the page speaks; English if there is none. */
export function chooseLanguage(wanted) {
  const spoken = wanted.map((tag) => String(tag ?? '').toLowerCase().split('-')[0]);
  return spoken.find((tag) => Object.hasOwn(languages, tag)) ?? 'en';
}

/** `?lang=fr` goes before what the browser asks for. */
export const language = chooseLanguage([
  new URLSearchParams(globalThis.location?.search).get('lang'),
  ...(globalThis.document ? (navigator.languages ?? [navigator.language]) : []),
]);
export const words = languages[language];

const wordsAt = (path) => path.split('.').reduce((group, key) => group[key], words);

/** Fills in what stands in the HTML: data-words="lobby.title" is an element's text, data-label its accessible name. */
export function translateDocument() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-words]')) node.textContent = wordsAt(node.dataset.words);
  for (const node of document.querySelectorAll('[data-label]')) node.setAttribute('aria-label', wordsAt(node.dataset.label));
}

/** Why we are not, or no longer, in the room. `again`: label of the button that tries once more, or null. */
export function endWords({ code, message }) {
  const [title, again] = words.end_other;
  const known = Object.hasOwn(words.end, code) ? words.end[code] : [title, message || code, again];
  return { title: known[0], text: known[1], again: known[2] };
}

/** What a refusal in mid-conference means; null when it is not for people. */
export function refusalWords({ code, message }) {
  return Object.hasOwn(words.refusal, code) ? words.refusal[code] : message || code || words.refusal_other;
}

/** A decimal number as the language writes it. */
export const figure = (value, digits = 0) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** 1234567 -> "1.23 Mbit/s" */
export function bitrate(bps) {
  if (bps === null || bps === undefined || Number.isNaN(bps)) return '–';
  const [scale, unit] = bps >= 1e9 ? [1e9, 'Gbit/s'] : bps >= 1e6 ? [1e6, 'Mbit/s'] : [1e3, 'kbit/s'];
  const value = bps / scale;
  return `${figure(value, value >= 100 || scale === 1e3 ? 0 : value >= 10 ? 1 : 2)} ${unit}`;
}
