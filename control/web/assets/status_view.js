// How the operator's page shows figures: cards, sparklines, tables, bars.

import { byId, element, reconcile, setAttribute, setText } from './dom.js';
import { Sparkline } from './sparkline.js';
import { balance, count, drops, duration, rates } from './status_data.js';
import { bitrate, words } from './words.js';

const charts = [
  { key: 'in_pps', title: words.status.packets_in, text: (value) => words.status.per_second(count(value)) },
  { key: 'out_pps', title: words.status.packets_out, text: (value) => words.status.per_second(count(value)) },
  { key: 'in_bps', title: words.status.bits_in, text: bitrate },
  { key: 'out_bps', title: words.status.bits_out, text: bitrate },
];
const sparklines = new Map();

const outcomes = ['received', 'forwarded', 'punted', 'answered', 'made', 'sent', 'retransmissions_sent', 'key_frame_requests_sent'];

/** `meanings`: what each counter counts, by name; may be empty. */
export function renderStats(stats, before, meanings) {
  renderCards(stats);
  renderCharts(stats);
  renderWorkers(stats);
  renderBalance(stats, meanings);
  renderDrops(drops(stats, before, meanings));
}

function renderCards(stats) {
  const cards = ['rooms', 'participants', 'tracks', 'subscriptions', 'transports'].filter((key) => typeof stats[key] === 'number');
  reconcile(
    byId('cards'),
    cards,
    (key) => key,
    (key) => element('div', { class: 'card' }, element('strong'), element('span', {}, words.status[key])),
    (node, key) => setText(node.querySelector('strong'), count(stats[key])),
  );
}

function renderCharts(stats) {
  const now = rates(stats);
  reconcile(
    byId('charts'),
    charts.filter(({ key }) => now[key] !== null),
    ({ key }) => key,
    ({ key, title }) => {
      const line = new Sparkline();
      sparklines.set(key, line);
      const head = element('div', { class: 'chart-head' }, element('span', {}, title), element('strong'));
      return element('div', { class: 'chart' }, head, line.node, element('small', { class: 'muted-text' }));
    },
    (node, { key, text }) => {
      const line = sparklines.get(key);
      line.add(now[key]);
      setText(node.querySelector('strong'), text(now[key]));
      setText(node.querySelector('small'), words.status.highest(text(line.highest)));
    },
  );
}

function renderWorkers(stats) {
  const loads = stats.load?.worker_busy_ratio ?? [];
  const box = byId('workers');
  if (loads.length === 0) return void setSentence(box, words.status.no_worker);
  clearSentence(box);
  reconcile(
    box,
    loads.map((ratio, index) => ({ ratio, index })),
    ({ index }) => index,
    ({ index }) => {
      const bar = element('span', { class: 'bar' }, element('span'));
      return element('div', { class: 'worker' }, element('span', {}, words.status.worker(index)), bar, element('strong'));
    },
    (node, { ratio, index }) => {
      const percent = Math.round(Math.min(1, Math.max(0, ratio)) * 100);
      node.querySelector('.bar > span').style.setProperty('--part', String(percent / 100));
      node.querySelector('.bar').classList.toggle('high', percent >= 80);
      setText(node.querySelector('strong'), `${percent} %`);
      setAttribute(node, 'aria-label', words.status.busy(index, percent));
    },
  );
}

function renderBalance(stats, meanings) {
  const sums = balance(stats);
  const rows = outcomes.filter((name) => name in (stats.counters ?? {}));
  if (rows.length === 0) return;
  const differences = [
    ['received', sums.in_difference],
    ['made', sums.out_difference],
  ].filter(([, difference]) => difference !== 0);
  // Counters of running workers are read one after another, so a few packets are between two of them.
  const on_way = differences.map(([name, difference]) => words.status.on_way(name, count(Math.abs(difference)))).join(', ');
  setText(byId('balance'), on_way || words.status.balanced);
  table(byId('outcomes'), rows, (name) => ({ name, meaning: meanings.get(name) ?? '', figure: count(stats.counters[name]) }));
}

function renderDrops(list) {
  const box = byId('drops');
  const shown = list.filter(({ count: total }) => total > 0);
  const rest = list.length - shown.length;
  if (shown.length === 0) return void setSentence(box, list.length ? words.status.nothing_dropped : words.status.no_counters);
  clearSentence(box);
  table(
    box,
    shown,
    ({ name, direction, meaning, count: total, grown }) => ({
      name,
      side: direction === 'in' ? words.status.received : words.status.to_send,
      meaning,
      figure: `${count(total)}${grown ? `  +${count(grown)}/s` : ''}`,
    }),
    rest ? words.status.all_zero(rest) : '',
    ({ grown }) => grown > 0,
  );
}

function counterWords() {
  const meaning = element('span', { class: 'row-meaning', lang: 'en' });
  return element('small', { class: 'muted-text' }, element('span', { class: 'row-side' }), meaning);
}

/** Rows of a counter's name, side, meaning, figure. Names and meanings are the relay's: English in each language. */
function table(box, items, cells, foot = '', lively = () => false) {
  box.list ??= box.appendChild(element('div', { class: 'rows', role: 'list' }));
  box.foot ??= box.appendChild(element('p', { class: 'muted-text foot' }));
  reconcile(
    box.list,
    items,
    (item) => item.name ?? item,
    () =>
      element(
        'div',
        { class: 'row', role: 'listitem' },
        element('span', { class: 'row-name' }, element('b', { lang: 'en' }), counterWords()),
        element('span', { class: 'row-figure' }),
      ),
    (node, item) => {
      const { name, side = '', meaning, figure } = cells(item);
      setAttribute(node, 'title', meaning ? `${name}: ${meaning}` : name);
      setText(node.querySelector('b'), name.replaceAll('_', ' '));
      setText(node.querySelector('.row-side'), side && meaning ? `${side}: ` : side);
      setText(node.querySelector('.row-meaning'), meaning);
      setText(node.querySelector('.row-figure'), figure);
      node.classList.toggle('lively', lively(item));
    },
  );
  setText(box.foot, foot);
}

function setSentence(box, text) {
  for (const child of box.children) child.hidden = true;
  box.sentence ??= box.appendChild(element('p', { class: 'muted-text' }));
  box.sentence.hidden = false;
  setText(box.sentence, text);
}

function clearSentence(box) {
  box.sentence?.remove(); // before `reconcile` counts the children
  box.sentence = null;
  for (const child of box.children) child.hidden = false;
}

export function renderRooms(rooms, now = Date.now()) {
  const box = byId('rooms');
  if (rooms.length === 0) return void setSentence(box, words.status.no_room);
  clearSentence(box);
  if (!box.body) {
    const { column_room, column_people, column_tracks, column_open } = words.status;
    const titles = [column_room, column_people, column_tracks, column_open];
    const head = titles.map((title) => element('th', { scope: 'col' }, title));
    box.body = element('tbody');
    box.append(element('table', { class: 'table' }, element('thead', {}, element('tr', {}, head)), box.body));
  }
  reconcile(
    box.body,
    rooms,
    (room) => room.name,
    (room) => {
      const name = element('td', {}, element('span', { class: 'room-cell' }, room.name));
      return element('tr', {}, name, element('td'), element('td'), element('td'));
    },
    (node, room) => {
      const people = Array.isArray(room.participants) ? room.participants.length : room.participants;
      const opened = Date.parse(room.created);
      setText(node.children[1], room.participants_max ? `${count(people)} / ${count(room.participants_max)}` : count(people));
      setText(node.children[2], count(Array.isArray(room.tracks) ? room.tracks.length : room.tracks));
      setText(node.children[3], Number.isNaN(opened) ? '–' : duration(Math.max(0, (now - opened) / 1000)));
    },
  );
}
