// Firefox: browser_whip.js in a page of the relay's own origin.

import { readFileSync } from 'node:fs';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

import { Firefox } from '../../e2e/page_firefox.mjs';

const { values, positionals: [direction, url] } = parseArgs({
  allowPositionals: true,
  options: { token: { type: 'string' }, codec: { type: 'string' }, seconds: { type: 'string' }, media: { type: 'string' } },
});
const script = readFileSync(new URL('browser_whip.js', import.meta.url), 'utf8');
const firefox = await Firefox.start({
  more: {
    'devtools.jsonview.enabled': false,
    'media.devices.insecure.enabled': true,
    'media.getusermedia.insecure.enabled': true,
    'media.navigator.permission.disabled': true,
  },
});
let stopping = false, asked = false;
const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => (line === 'restart' ? (asked = true) : (stopping = true)));
lines.on('close', () => (stopping = true));
if (values.seconds) setTimeout(() => (stopping = true), 1000 * values.seconds);
process.on('exit', () => firefox.process.kill('SIGKILL'));
await firefox.goto(new URL('/readyz', url).href);
const begun = await firefox.evaluate(script.slice(script.indexOf('async')), { direction, url, token: values.token, codec: values.codec });
if (begun?.failed) console.log(JSON.stringify({ event: 'ended', t_ms: 0, state: begun.failed }));
while (!stopping) {
  const { events, audio, video } = await firefox.evaluate('() => interop.look()');
  for (const event of events) console.log(JSON.stringify(event));
  console.log(JSON.stringify({ event: 'stats', t_ms: 0, audio, video }));
  if (asked) await firefox.evaluate('() => interop.restart()');
  asked = false;
  await new Promise((done) => setTimeout(done, 100));
}
await firefox.evaluate('() => interop.stop().then(() => true)');
await firefox.close();
process.exit(0);
