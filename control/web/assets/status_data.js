import { figure, language, words } from './words.js';

// What the operator's page makes of the API's figures. Pure and tolerant: a figure that is missing is left out.

const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);

/** {in_pps, out_pps, in_bps, out_bps}, as the relay measured them. */
export function rates(stats) {
  const load = stats.load ?? {};
  return {
    in_pps: number(load.packets_received_per_s),
    out_pps: number(load.packets_sent_per_s),
    in_bps: number(load.bits_received_per_s),
    out_bps: number(load.bits_sent_per_s),
  };
}

/** The law of conservation: received = forwarded + punted + answered + drops; made = sent + drops. */
export function balance(stats) {
  const counters = stats.counters ?? {};
  const sum = (object) => Object.values(object ?? {}).reduce((total, value) => total + value, 0);
  const received = counters.received ?? 0;
  const made = counters.made ?? 0;
  const dropped_in = sum(stats.receive_drops);
  const dropped_out = sum(stats.send_drops);
  return {
    received,
    made,
    dropped_in,
    dropped_out,
    in_difference: received - (counters.forwarded ?? 0) - (counters.punted ?? 0) - (counters.answered ?? 0) - dropped_in,
    out_difference: made - (counters.sent ?? 0) - dropped_out,
  };
}

/** What each counter counts, by name, of the answer of /v1/counters. */
export function meaningsOf(answer) {
  const told = (answer?.counters ?? []).filter(({ name, meaning }) => name && meaning);
  return new Map(told.map(({ name, meaning }) => [name, meaning]));
}

/** Drops, the largest first; each with its meaning and its growth since `before`. */
export function drops(stats, before, meanings = new Map()) {
  const of = (group, direction) =>
    Object.entries(stats[group] ?? {}).map(([name, count]) => ({
      name,
      direction,
      meaning: meanings.get(name) ?? '',
      count,
      grown: Math.max(0, count - (before?.[group]?.[name] ?? count)),
    }));
  return [...of('receive_drops', 'in'), ...of('send_drops', 'out')].sort(
    (a, b) => b.count - a.count || a.name.localeCompare(b.name),
  );
}

/** One line of the event log: {who, what}. */
export function eventWords(event, names = new Map()) {
  const id = event.participant?.id ?? event.participant;
  const who = event.participant?.name || names.get(id) || id || '';
  const { type, track, reason } = event;
  if (!Object.hasOwn(words.event, type)) return type;
  const say = words.event[type];
  if (type === 'participant_left') return say(who, reason === 'left' ? '' : (words.reason[reason] ?? reason));
  if (type === 'track_published') return say(who, track?.source ?? '', track?.kind ?? '');
  if (type === 'track_muted') return say(who, track, event.muted, event.muted_by_moderator);
  return say(who, track);
}

export const event_types = Object.keys(words.event);

/** 1234567 -> "1,234,567"; rates get a decimal only when small. */
export function count(value) {
  if (value === null || value === undefined) return '–';
  return Math.abs(value) < 10 && !Number.isInteger(value) ? figure(value, 1) : Math.round(value).toLocaleString(language);
}

/** 95 -> "95 s", 3600 -> "1 h 0 min" */
export function duration(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
