// The operator's page: asks /v1/stats and /v1/rooms each second, listens to /v1/events, and says when nobody answers.
// What the counters mean it asks once of each penstockd: another release may have others.
// With keys configured, open it as /status?token=... (a token that grants admin of "*").

import { byId, element, setAttribute, setText } from './dom.js';
import { takeToken } from './preferences.js';
import { duration, event_types, eventWords, meaningsOf } from './status_data.js';
import { renderRooms, renderStats } from './status_view.js';
import { translateDocument, words } from './words.js';

const period_ms = 1000;
const patience_ms = 4000;
const events_max = 200;

translateDocument();
document.title = `${words.status.title} · Penstock`;
byId('events').dataset.empty = words.status.no_event;
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
    light('control', 'bad', words.status.control_bad);
    light('dataplane', 'unknown', words.status.dataplane_unknown);
    trouble(error instanceof Refused ? words.status.refused : goneWords());
  }
  setTimeout(look, period_ms);
}

function goneWords() {
  return words.status.gone(answered_at ? duration((Date.now() - answered_at) / 1000) : null);
}

function trouble(text) {
  byId('trouble').hidden = !text;
  byId('figures').classList.toggle('stale', Boolean(text));
  setText(byId('trouble'), text);
}

function renderLights(stats) {
  light('control', 'good', words.status.control_good);
  const { alive, attached, heartbeat_age_ms: age } = stats.dataplane ?? {};
  if (alive) light('dataplane', 'good', words.status.dataplane_good, age === undefined ? '' : words.status.heartbeat(age));
  else if (attached) {
    const since = age === undefined ? '' : words.status.silent_for(duration(age / 1000));
    light('dataplane', 'bad', words.status.dataplane_silent, since);
  }
  else light('dataplane', 'bad', words.status.dataplane_unattached);
}

function light(which, level, text, title = '') {
  const node = byId(`${which}-light`);
  setText(node, text);
  setAttribute(node, 'data-level', level);
  setAttribute(node, 'title', title);
}

function log(event) {
  const joined = event.participant?.id;
  if (joined) names.set(joined, event.participant.name);
  const list = byId('events');
  const time = new Date(event.time ?? Date.now()).toLocaleTimeString('en-GB') /* 24 hours, in each language */;
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
