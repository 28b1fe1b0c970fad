// The operator's page: asks /v1/stats and /v1/rooms each second, listens to /v1/events, and says when nobody answers.
// What the counters mean it asks once of each penstockd: another release may have others.
// With keys configured, open it as /status?token=... (a token that grants admin of "*").

import { byId, element, setAttribute, setText } from './dom.js';
import { takeToken } from './preferences.js';
import { duration, event_types, eventWords, meaningsOf } from './status_data.js';
import { renderRooms, renderStats } from './status_view.js';

const period_ms = 1000;
const patience_ms = 4000;
const events_max = 200;

const parameters = new URLSearchParams(location.search);
const token = takeToken(parameters);
if (parameters.has('token')) history.replaceState(null, '', location.pathname);
const names = new Map(); // participant id -> name, for the log
let before = null;
let meanings = null;
let answered_at = 0;

class Refused extends Error {}

async function ask(path) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { headers, cache: 'no-store', signal: AbortSignal.timeout(patience_ms) });
  if (response.status === 401 || response.status === 403) throw new Refused();
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

async function look() {
  try {
    const [stats, rooms] = await Promise.all([ask('/v1/stats'), ask('/v1/rooms')]);
    answered_at = Date.now();
    meanings ??= meaningsOf(await ask('/v1/counters'));
    renderStats(stats, before, meanings);
    renderRooms(Array.isArray(rooms) ? rooms : (rooms.rooms ?? []));
    renderLights(stats);
    before = stats;
    trouble('');
  } catch (error) {
    meanings = null;
    light('control', 'bad', 'Control: no answer');
    light('dataplane', 'unknown', 'Dataplane: unknown');
    trouble(error instanceof Refused ? refused_words : goneWords());
  }
  setTimeout(look, period_ms);
}

const refused_words =
  'The relay wants a token for these figures. Open this page as /status?token=… with one that grants administration of all rooms.';

function goneWords() {
  const silence = answered_at ? `has not answered for ${duration((Date.now() - answered_at) / 1000)}` : 'does not answer';
  return `penstockd ${silence}. Media that flows goes on flowing; this page tries again each second.`;
}

function trouble(words) {
  byId('trouble').hidden = !words;
  byId('figures').classList.toggle('stale', Boolean(words));
  setText(byId('trouble'), words);
}

function renderLights(stats) {
  light('control', 'good', 'Control: answers');
  const { alive, attached, heartbeat_age_ms: age } = stats.dataplane ?? {};
  if (alive) light('dataplane', 'good', 'Dataplane: beats', age === undefined ? '' : `heartbeat ${age} ms ago`);
  else if (attached) light('dataplane', 'bad', 'Dataplane: no heartbeat', age === undefined ? '' : `for ${duration(age / 1000)}`);
  else light('dataplane', 'bad', 'Dataplane: not attached');
}

function light(which, level, words, title = '') {
  const node = byId(`${which}-light`);
  setText(node, words);
  setAttribute(node, 'data-level', level);
  setAttribute(node, 'title', title);
}

function log(event) {
  const joined = event.participant?.id;
  if (joined) names.set(joined, event.participant.name);
  const list = byId('events');
  const time = new Date(event.time ?? Date.now()).toLocaleTimeString('en-GB');
  list.prepend(
    element(
      'li',
      {},
      element('time', {}, time),
      element('b', {}, event.room ?? ''),
      element('span', {}, eventWords(event, names)),
    ),
  );
  while (list.children.length > events_max) list.lastElementChild.remove();
  if (event.type === 'participant_left') names.delete(event.participant);
}

/** An EventSource cannot send headers; the relay takes the token in the query there. It reconnects by itself. */
function listen() {
  const source = new EventSource(`/v1/events${token ? `?access_token=${encodeURIComponent(token)}` : ''}`);
  for (const type of [...event_types, 'message']) {
    source.addEventListener(type, (message) => {
      try {
        log({ type, ...JSON.parse(message.data) });
      } catch {
        // not one of ours
      }
    });
  }
  // After a refusal, such as 502 of a proxy while penstockd restarts, a browser gives up for good.
  source.onerror = () => source.readyState === EventSource.CLOSED && setTimeout(listen, 5000);
}

listen();
look();
