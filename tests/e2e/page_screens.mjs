// Screenshots of the page for a person to judge:
//
//   node page_screens.mjs URL DIRECTORY [ROOM-PREFIX]
//
// The lobby and rooms of 1, 3 and 9 participants at phone and desktop widths, the operator's page, into DIRECTORY. The
// participants are pages of one browser; all but the one that is looked at send a small picture and receive nothing, so
// that a small machine can carry them. Exit status 1 when a picture that should be there did not arrive.

import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { joinUrl, launch, openPage, sizes } from './page_browser.mjs';

const [base, directory, prefix = 'screens'] = process.argv.slice(2);
if (!directory) {
  console.error('usage: node page_screens.mjs URL DIRECTORY [ROOM-PREFIX]');
  process.exit(2);
}
mkdirSync(directory, { recursive: true });

const host = 'Room host';
const names = ['Guest 1', 'Guest 2', 'Guest with a longer name', 'Guest 4', 'Guest 5', 'Guest 6', 'Guest 7', 'G8']; // of several lengths
const browser = await launch();
let missing = 0;

async function shoot(page, name, options = {}) {
  await page.screenshot({ path: path.join(directory, `${name}.png`), timeout: 120_000, ...options });
  console.log(`${name}.png`);
}

/** The others of a room, each with a quirk: some without camera, some muted. */
async function fill(room, count) {
  const pages = [];
  for (let index = 0; index < count; index++) {
    const extra = { capture: '320x180@10', autosubscribe: '0' };
    if (index % 4 === 3) extra.camera = '0';
    if (index % 3 === 1) extra.microphone = '0';
    pages.push(await openPage(browser, joinUrl(base, room, names[index % names.length], extra), { quiet: true }));
  }
  return pages;
}

/** Waits until every camera that is on shows a picture. */
async function pictures(page, participants) {
  const shown = () => {
    const state = window.penstock.state;
    const tiles = [...document.querySelectorAll('.tile video')].filter((video) => !video.hidden && video.videoWidth > 0);
    const cameras = [...state.participants.values()].flatMap((p) => [...p.tracks.values()]).filter((t) => t.kind === 'video' && !t.muted);
    const own = Boolean(state.own.camera.track);
    return { participants: state.participants.size, tiles: tiles.length, cameras: cameras.length, own };
  };
  const deadline = Date.now() + 60_000;
  for (;;) {
    const now = await page.evaluate(shown);
    if (now.participants >= participants && now.own && now.cameras > 0 && now.tiles >= now.cameras) return;
    if (Date.now() > deadline) {
      console.error(`not everybody is seen: ${JSON.stringify(now)}`);
      missing++;
      return;
    }
    await page.waitForTimeout(250);
  }
}

try {
  for (const size of Object.keys(sizes)) {
    const page = await openPage(browser, `${new URL('/', base)}?${new URLSearchParams({ room: prefix, name: host })}`, { size });
    await page.waitForTimeout(2000);
    await shoot(page, `lobby-${size}`);
    await page.context().close();
  }
  for (const participants of [1, 3, 9]) {
    const room = `${prefix}-${participants}`;
    const others = await fill(room, participants - 1);
    for (const size of Object.keys(sizes)) {
      const page = await openPage(browser, joinUrl(base, room, host), { size, colorScheme: size === 'phone' ? 'light' : 'dark' });
      await pictures(page, participants);
      await page.waitForTimeout(2500);
      await shoot(page, `room-${participants}-${size}`);
      await page.evaluate(() => window.penstock.leave());
      await page.context().close();
    }
    if (participants === 9) {
      const status = await openPage(browser, new URL('/status', base).href);
      await status.waitForTimeout(12_000);
      await shoot(status, 'status-desktop', { fullPage: true });
      await status.context().close();
    }
    for (const page of others) await page.context().close();
  }
} finally {
  await browser.close();
}
process.exit(missing ? 1 : 0);
