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
  const table = {
    room_opened: () => 'opened',
    room_closed: () => 'closed',
    participant_joined: () => `${who} joined`,
    participant_left: () => `${who} left${event.reason && event.reason !== 'left' ? ` (${event.reason.replaceAll('_', ' ')})` : ''}`,
    track_published: () => `${who} publishes ${event.track?.source ?? 'a track'} (${event.track?.kind ?? ''})`,
    track_unpublished: () => `${who} unpublished track ${event.track}`,
    track_muted: () => `${who} ${event.muted ? 'muted' : 'unmuted'} track ${event.track}${event.muted_by_moderator ? ' (moderator)' : ''}`,
    dominant_speaker_changed: () => (id ? `${who} speaks` : 'nobody speaks any more'),
  };
  return Object.hasOwn(table, event.type) ? table[event.type]() : event.type;
}

export const event_types = [
  'room_opened',
  'room_closed',
  'participant_joined',
  'participant_left',
  'track_published',
  'track_unpublished',
  'track_muted',
  'dominant_speaker_changed',
];

/** 1234567 -> "1,234,567"; rates get a decimal only when small. */
export function count(value) {
  if (value === null || value === undefined) return '–';
  return Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

/** 95 -> "95 s", 3600 -> "1 h 0 min" */
export function duration(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
