// What all clients written in JavaScript share: see README.md for the contract. `t_ms` counts from the POST.

import { readFileSync } from 'node:fs';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { token: { type: 'string' }, codec: { type: 'string' }, seconds: { type: 'string' }, media: { type: 'string' } },
});
export const [direction, url] = positionals;
export const codec = values.codec ?? 'vp8';
const headers = values.token ? { authorization: `Bearer ${values.token}` } : {};
const counts = { audio: 0, video: 0 };
let posted, location, answer;

export function say(event, more = {}) {
  console.log(JSON.stringify({ event, t_ms: posted === undefined ? 0 : Math.round(performance.now() - posted), ...more }));
}

/** One packet came, or went; `kind` is audio or video. */
export function count(kind) {
  if (counts.audio + counts.video === 0) say('first_packet', { kind });
  counts[kind] += 1;
}

function leave(status) {
  process.exit(status);
}

/** The relay's answer to an offer. */
export async function post(offer) {
  posted = performance.now();
  const response = await fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/sdp' }, body: offer });
  answer = await response.text();
  if (response.status !== 201) {
    say('refused', { status: response.status, body: answer.slice(0, 300), offer });
    leave(2);
  }
  location = new URL(response.headers.get('location'), url);
  say('posted', { answer });
  setInterval(() => say('stats', counts), 200);
  return answer;
}

/** RFC 9725 section 4.3.3: new credentials in a PATCH. Returns the old answer with the relay's new ones. */
export async function restart(offer) {
  const section = offer.slice(offer.indexOf('m='));
  const line = (name, text = section) => text.match(new RegExp(`^a=${name}:(\\S+)`, 'm'))?.[1];
  const body = ['a=ice-ufrag:' + line('ice-ufrag', offer), 'a=ice-pwd:' + line('ice-pwd', offer), section.split(/\r?\n/)[0],
    'a=mid:' + line('mid'), ''].join('\r\n');
  const more = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' };
  const response = await fetch(location, { method: 'PATCH', headers: { ...headers, ...more }, body });
  const fragment = await response.text();
  if (response.status !== 200) return say('restart_refused', { status: response.status, body: fragment });
  for (const name of ['ice-ufrag', 'ice-pwd'])
    answer = answer.replace(new RegExp(`^a=${name}:\\S+`, 'gm'), `a=${name}:${line(name, fragment)}`);
  say('restarted');
  return answer;
}

/** `restart` and `stop` come as lines; the end of the input stops too. */
export function listen(on_restart) {
  const lines = readline.createInterface({ input: process.stdin });
  const stop = async () => {
    if (location) await fetch(location, { method: 'DELETE', headers }).catch(() => {});
    leave(0);
  };
  lines.on('line', (line) => (line === 'restart' && on_restart ? on_restart() : line === 'restart' ? say('cannot_restart') : stop()));
  lines.on('close', stop);
  if (values.seconds) setTimeout(stop, 1000 * Number(values.seconds));
}

/** Plays NAME.rtpdump again and again, numbers and times going on. `send` gets each packet, to fill in what is negotiated. */
export function replay(name, clock_hz, send) {
  const data = readFileSync(`${values.media}/${name}.rtpdump`);
  const packets = [];
  for (let at = data.indexOf('\n') + 17; at < data.length; at += data.readUInt16BE(at))
    packets.push([data.readUInt32BE(at + 4), data.subarray(at + 8, at + data.readUInt16BE(at))]);
  const clip_ms = 2000, begun = performance.now();
  let number = 0;
  setInterval(() => {
    for (;;) {
      const turn = Math.floor(number / packets.length), [offset_ms, packet] = packets[number % packets.length];
      if (turn * clip_ms + offset_ms > performance.now() - begun) return;
      const copy = Buffer.from(packet);
      copy.writeUInt16BE((1000 + number) & 0xffff, 2);
      copy.writeUInt32BE((packet.readUInt32BE(4) + turn * clip_ms * clock_hz / 1000) >>> 0, 4);
      number += 1;
      send(copy);
    }
  }, 5);
}
